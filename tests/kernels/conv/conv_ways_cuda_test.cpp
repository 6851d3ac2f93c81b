// How a way to compute a convolution on a GPU is found, kept and found again.
#include "kernels/conv/conv_ways_cuda.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/check.h"
#include "core/graph.h"
#include "kernels/conv/conv_execution_cuda.h"
#include "kernels/conv/conv_plan.h"
#include "tests/random_tensor.h"
#include "tests/train/tiny_run.h"

namespace ebm::cuda {
namespace {

namespace fs = std::filesystem;

bool no_gpu() { return !test_device().is_cuda(); }

struct Layer {
  // an extent that no other test has, so that the shape is new
  explicit Layer(int64_t size) : x(normal({2, size, size, 16}, 1)), w(normal({24, 3, 3, 16}, 2)), b(normal({24}, 3)) {}
  Tensor operator()() const { return conv2d(x, w, b, {1, {1, 1}}, 0.2f); }
  Tensor x, w, b;
};

// The line of plans_to_string() about a layer of this size; "" where there is none.
std::string line_of(int64_t size) {
  std::istringstream lines(plans_to_string());
  const std::string shape = " h" + std::to_string(size) + " w" + std::to_string(size) + " c16 k24 ";
  for (std::string line; std::getline(lines, line);)
    if (line.find(shape) != std::string::npos) return line;
  return "";
}

struct Folder {
  Folder() : path(fs::temp_directory_path() / ("ebm_conv_cache_" + std::to_string(::getpid()))) {
    fs::remove_all(path);
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

}  // namespace

TEST_CASE("a cache of plans gives back what was written, and nothing that was damaged") {
  const Folder folder;
  PlanCache cache(folder.path);
  CHECK_FALSE(cache.read("a key").has_value());
  CHECK(cache.damaged() == 0);
  const std::string plan = "{\"lines\":\n1}";
  cache.write("a key", plan);
  CHECK(cache.read("a key") == plan);
  CHECK_FALSE(cache.read("another key").has_value());
  const fs::path file = fs::directory_iterator(folder.path)->path();
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);  // nothing is left beside it
  for (const bool truncated : {true, false}) {
    cache.write("a key", plan);
    if (truncated)
      fs::resize_file(file, fs::file_size(file) - 1);
    else
      std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(-2, std::ios::end).put('2');
    CHECK_FALSE(cache.read("a key").has_value());
  }
  CHECK(cache.damaged() == 2);
  PlanCache nowhere("/dev/null/folder");
  nowhere.write("a key", plan);  // cannot be written: made anew the next time
  CHECK_FALSE(nowhere.read("a key").has_value());
  PlanCache none{std::optional<fs::path>()};
  none.write("a key", plan);
  CHECK_FALSE(none.read("a key").has_value());
}

TEST_CASE("a problem's line names all that a way depends on") {
  const GraphConvProblem p{Direction::backward_data,
                           kCpu,
                           {4, 7, 7, 128},
                           {256, 3, 3, 128},
                           {4, 7, 7, 256},
                           {1, {1, 1}},
                           Third::mask,
                           0.2f,
                           Precision::bf16,
                           ElementType::bf16,
                           ElementType::bf16};
  CHECK(to_string(p) == "backward_data n4 h7 w7 c128 k256 r3 s3 stride1,1 pad1,1,1,1 mask slope0.2 bf16->bf16 in bf16");
  CHECK(to_string(p.alone()) == "backward_data n4 h7 w7 c128 k256 r3 s3 stride1,1 pad1,1,1,1 bf16->bf16 in bf16");
}

TEST_CASE("lines of another device's plans are kept apart, and a line that is none is refused") {
  CHECK_THROWS_AS(cuda::plans_from_string("forward n4 = graph eng1\n"), Error);
  CHECK_THROWS_AS(cuda::plans_from_string("cuda forward n4\n"), Error);
  conv_plans_from_string("cuda a problem = graph eng1 k3=4\n");
  CHECK(conv_plans_to_string().find("cuda a problem = graph eng1 k3=4\n") != std::string::npos);
  CHECK(cpu::plans_to_string().find("a problem") == std::string::npos);
  clear_plans();
}

TEST_CASE("a way is found once, told, and taken again from its line" * doctest::skip(no_gpu())) {
  const Layer layer(5);
  const std::vector<float> y = layer().to_host();
  const std::string line = line_of(5);
  CHECK(line.starts_with("cuda forward n2 h5 w5 c16 k24 "));
  CHECK(last_conv_plan().starts_with(line.substr(line.find(" = ") + 3)));  // the library's names its algorithm too
  clear_plans();
  CHECK(line_of(5).empty());
  plans_from_string(line + "\n");
  CHECK(layer().to_host() == y);
  CHECK(line_of(5) == line);
}

TEST_CASE("a way that this GPU does not have is found anew" * doctest::skip(no_gpu())) {
  const Layer layer(6);
  const std::vector<float> y = layer().to_host();
  const std::string line = line_of(6);
  clear_plans();
  plans_from_string(line.substr(0, line.find(" = ")) + " = graph eng999 k1=2\n");
  CHECK(relative_error(layer().to_host(), y) < 1e-5);
  CHECK(line_of(6).find("eng999") == std::string::npos);
}

TEST_CASE("without timing the way is the rule's, every time" * doctest::skip(no_gpu())) {
  const test::FixedPlans fixed;
  const Layer layer(10);
  layer();
  const std::string line = line_of(10);
  for (int i = 0; i < 3; ++i) {
    clear_plans();
    layer();
    CHECK(line_of(10) == line);
  }
}

TEST_CASE("a rehearsed convolution is not computed, and its way is known afterwards" * doctest::skip(no_gpu())) {
  const Layer layer(11);
  {
    ConvRehearsal rehearsal;
    for (const float v : layer().to_host()) CHECK(v == 0);
    CHECK(line_of(11).empty());
    rehearsal.find_ways();
  }
  const std::string line = line_of(11);
  CHECK(!line.empty());
  bool any = false;
  for (const float v : layer().to_host()) any = any || v != 0;
  CHECK(any);
  CHECK(line_of(11) == line);
  CHECK(conv_summary().starts_with("cuDNN "));
}

TEST_CASE("a convolution that is first met in a recording says so" * doctest::skip(no_gpu())) {
  const Layer known(12), unknown(13);
  Graph graph(test_device(), true);
  bool second = false;
  const auto work = [&] { (second ? unknown : known)(); };
  graph.run(work);
  second = true;
  CHECK_THROWS_AS(graph.run(work), Error);
}

}  // namespace ebm::cuda
