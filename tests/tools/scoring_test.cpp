// What compares images by a network beside `ebm evaluate`: --score-every, `ebm fd`, `ebm sample --class`.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/tools/figures.h"
#include "tools/evaluate/classifier_file.h"
#include "tools/evaluate/pixels.h"
#include "tools/evaluate/reference_images.h"

using namespace ebm;
using namespace ebm::test;

namespace {

using Json = nlohmann::json;

Outcome train(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"synthetic", "--quiet", "--data", "data"});
  return Program(EBM_TRAIN_PROGRAM, tiny(arguments), folder.path()).wait();
}

// The value of a row of scores.json, "" being any kind of images.
double value_of(const Json& rows, const std::string& name, const std::string& images = "") {
  for (const Json& row : rows)
    if (row["name"] == name && (images.empty() || row["images"] == images)) return row["value"];
  return std::nan("");
}

}  // namespace

TEST_CASE("--score-every measures what evaluate does, keeps the best, and shows it; a resumed run goes on from there") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "data");
  const Outcome made =
      train(folder, {"--iterations", "6", "--score-every", "2", "--checkpoint-every", "2", "--out", "run"});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  const std::string table = get(folder / "run/scores.csv");
  CHECK(table.starts_with("# 512 samples after 3 Langevin steps against as many training images, classifier v"));
  std::istringstream lines(table.substr(table.find("iteration,FD-cls,sure-cls\n")));
  std::string line;
  std::getline(lines, line);
  double lowest = 1e30, last = 0, best_at = 0;
  for (int64_t iteration = 2; std::getline(lines, line); iteration += 2) {
    CHECK(line.starts_with(std::to_string(iteration) + ","));
    last = std::stod(line.substr(2));
    if (last < lowest) lowest = last, best_at = static_cast<double>(iteration);
  }
  CHECK(lowest < 1e30);
  of_run(folder, {"evaluate", "--data", "data", "--n", "512", "--metrics", "fd,sure"});
  const Json rows = Json::parse(get(folder / "run/scores.json"))["Scores"];
  CHECK(std::abs(value_of(rows, "FD-cls", "revised") - last) < 1e-5 * last);

  const Checkpoint best = read_checkpoint(folder / "run/best.safetensors");
  CHECK(best.file.metadata.at("iteration") == std::to_string(static_cast<int64_t>(best_at)));
  CHECK(std::abs(std::stod(best.file.metadata.at(kCheckpointScore)) - lowest) < 1e-5 * lowest);
  CHECK(ebm_tool(folder, {"sample", "run/best.safetensors", "--n", "1", "--device", "cpu"}).code == 0);
  const std::string page = get(folder / "run/report.html");
  CHECK(contains(page, "\"columns\":{\"FD-cls\":["));
  CHECK(contains(page, "\"best\":" + std::to_string(static_cast<int64_t>(best_at))));

  REQUIRE(train(folder, {"--resume", "run/checkpoint-00000002.safetensors"}).code == 0);
  CHECK(get(folder / "run/scores.csv") == table);  // measured again: the same
  CHECK(contains(get(folder / "run/scores.csv.set-aside"), "\n4,"));
}

TEST_CASE("fd is the distance that evaluate finds between a run's samples and its reference") {
  const TemporaryFolder folder;
  train_lively_run(folder);
  of_run(folder, {"evaluate", "--data", "data", "--n", "60", "--steps", "3", "--metrics", "fd,kid,classes", "--export",
                  "samples"});
  const Json rows = Json::parse(get(folder / "run/scores.json"))["Scores"];
  const Dataset images = load_dataset("synthetic", folder / "data", Split::train);
  write_npy(folder / "reference.npy", from_levels(reference_images(images, 0, 60)), {60, 28, 28, 1});
  const auto distance = [&](const std::string& a, const std::string& b) {
    const Outcome outcome = ebm_tool(folder, {"fd", a, b, "--dataset", "synthetic", "--data", "data", "--device", "cpu",
                                              "--metrics", "fd,kid,classes", "--json", "fd.json"});
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    CHECK(contains(outcome.out, "60 images of " + a));
    return Json::parse(get(folder / "fd.json"))["Distance"];
  };
  for (const char* samples : {"samples/revised", "samples/revised.npy"}) {
    const Json found = distance(samples, "reference.npy");
    for (const char* name : {"FD-cls", "KID-cls", "class 0", "class 3"}) {
      const double wanted = value_of(rows, name, "revised");
      CHECK(std::abs(value_of(found, name) - wanted) <= 1e-5 * std::abs(wanted));
    }
  }
  CHECK(std::abs(value_of(distance("reference.npy", "reference.npy"), "FD-cls")) < 1e-3);

  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& part) {
    std::vector<std::string> all{"fd", "--data", "data", "--device", "cpu"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome outcome = ebm_tool(folder, all);
    CHECK_MESSAGE(outcome.is_error_with(part), outcome.err);
  };
  refused({"samples/revised", "reference.npy"}, "--dataset");
  refused({"samples/revised", "nowhere", "--dataset", "synthetic"}, "[b] received nowhere");
  refused({"samples/revised", "cifar", "--dataset", "synthetic"}, "[b] received cifar");
  refused({"samples/revised", "samples/revised/00000.png", "--dataset", "synthetic"}, "[b] received 1 images");
  refused({"samples/revised", "reference.npy", "--dataset", "synthetic", "--metrics", "psnr"}, "--metrics");
  write_npy(folder / "small.npy", std::vector<float>(20 * 4, -1.0f), {20, 2, 2, 1});
  refused({"small.npy", "reference.npy", "--dataset", "synthetic"}, "(20, 2, 2, 1), expected (N, 28, 28, 1)");
}

TEST_CASE("sample --class keeps samples of one class, and says how many were drawn") {
  const TemporaryFolder folder;
  train_lively_run(folder);
  // the class that is met most often
  of_run(folder, {"evaluate", "--data", "data", "--n", "100", "--metrics", "classes"});
  const Json rows = Json::parse(get(folder / "run/scores.json"))["Scores"];
  int64_t kind = 0;
  for (int64_t k = 1; k < 4; ++k)
    if (value_of(rows, fmt::format("class {}", k), "revised") >
        value_of(rows, fmt::format("class {}", kind), "revised"))
      kind = k;
  const std::string k = std::to_string(kind);
  const std::string said = of_run(folder, {"sample", "--class", k, "--n", "20", "--data", "data", "--out", "x.npy"});
  CHECK_MESSAGE(contains(said, "20 samples of class " + k + " of synthetic at iteration 2, of which classifier v"),
                said);
  const NpyArray x = read_npy(folder / "x.npy");
  CHECK(x.shape == std::vector<int64_t>{20, 28, 28, 1});
  REQUIRE(ebm_tool(folder, {"fd", "x.npy", "synthetic", "--dataset", "synthetic", "--data", "data", "--device", "cpu",
                            "--metrics", "classes", "--json", "fd.json"})
              .code == 0);
  CHECK(value_of(Json::parse(get(folder / "fd.json"))["Distance"], "class " + k) == 1.0);

  const Outcome none = ebm_tool(folder, {"sample", "run", "--class", "4", "--data", "data", "--device", "cpu"});
  CHECK_MESSAGE(none.is_error_with("--class"), none.err);
  CHECK(ebm_tool(folder, {"sample", "run", "--class", "1", "--from", "x.npy", "--device", "cpu"})
            .is_error_with("--from"));
}

TEST_CASE("sample --from begins chains at given images: at the generator's they are the chains of sample") {
  const TemporaryFolder folder;
  train_lively_run(folder);
  of_run(folder, {"sample", "--generator-only", "--n", "4", "--out", "g.npy"});
  of_run(folder, {"sample", "--n", "4", "--steps", "3", "--out", "x.npy"});
  const std::vector<float> g = read_npy(folder / "g.npy").values, x = read_npy(folder / "x.npy").values;
  REQUIRE(g != x);
  CHECK(contains(of_run(folder, {"sample", "--from", "g.npy", "--steps", "3", "--out", "y.npy"}),
                 "4 images of synthetic at iteration 2, chains from g.npy after 3 Langevin steps, in y.npy"));
  CHECK(read_npy(folder / "y.npy").values == x);
  of_run(folder, {"sample", "--from", "g.npy", "--steps", "0", "--n", "6", "--out", "z.npy"});
  std::vector<float> six = g;  // taken in turn
  six.insert(six.end(), g.begin(), g.begin() + 2 * kTinyPixels);
  CHECK(read_npy(folder / "z.npy").values == six);
  of_run(folder, {"sample", "--from", "synthetic", "--n", "9", "--out", "both.png"});
  const ImageSet both = load_images(folder / "both.png", {0, 0, 0});
  CHECK(both.height == 3 * (28 * 2 + 2) + 2);
  CHECK(both.width == 2 * both.height + 4);  // as given, a bar, revised
}
