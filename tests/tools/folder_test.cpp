// `folder`: any unconditional method on the user's own images, and what every command makes of such a run.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/tools/tiny_tool_run.h"
#include "train/files/image_file.h"
#include "train/settings.h"

using namespace ebm;
using namespace ebm::test;

namespace {

namespace fs = std::filesystem;

void put_photos(const fs::path& folder, int count, int64_t edge = 40, int64_t channels = 3) {
  fs::create_directories(folder);
  for (int i = 0; i < count; ++i) {
    std::vector<uint8_t> pixels;
    for (int64_t k = 0; k < edge * edge * channels; ++k) pixels.push_back(static_cast<uint8_t>(k / channels * (i + 1)));
    write_png(folder / ("photo " + std::to_string(i) + ".png"), pixels, {edge, edge, channels});
  }
}

// Adds flags with their values, but for those that are there.
void add_missing(std::vector<std::string>& arguments, const std::vector<std::pair<std::string, std::string>>& flags) {
  for (const auto& [flag, value] : flags)
    if (std::find(arguments.begin(), arguments.end(), flag) == arguments.end())
      arguments.insert(arguments.end(), {flag, value});
}

// Two iterations into the folder "run", by the smallest networks.
Outcome train(const TemporaryFolder& folder, const std::string& method, const std::string& recipe,
              const std::vector<std::string>& flags) {
  std::vector<std::string> arguments{"train", method, recipe, "--deterministic"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  add_missing(arguments, {{"--device", "cpu"},
                          {"--batch", "4"},
                          {"--iterations", "2"},
                          {"--out", "run"},
                          {"--latent", "4"},
                          {"--generator-width", "8"}});
  if (method == "lebm" || method == "abp")
    add_missing(arguments, {{"--posterior-steps", "1"}});
  else
    add_missing(arguments, {{"--steps", "1"}, {"--width", "4"}, {"--encoder-width", "4"}});
  if (method != "conditional" && method != "lebm" && method != "abp") add_missing(arguments, {{"--chains", "4"}});
  return Program(EBM_PROGRAM, arguments, folder.path()).wait();
}

Outcome train_photos(const TemporaryFolder& folder, std::vector<std::string> flags = {},
                     const std::string& method = "ebm-vae") {
  add_missing(flags, {{"--images", "photos"}, {"--size", "32"}});
  return train(folder, method, kFolder, flags);
}

}  // namespace

TEST_CASE("folder: every method trains on a folder of images") {
  const TemporaryFolder folder;
  put_photos(folder / "photos", 12);
  for (const char* method : {"ebm-vae", "vae", "coopnets", "short-run", "persistent", "lebm", "abp"}) {
    CAPTURE(method);
    const Outcome outcome = train_photos(folder, {"--out", method}, method);
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    CHECK(contains(outcome.out, "photos has no folder test: about a tenth"));
    const std::string config = get(folder / method / "config.toml");
    CHECK(contains(config, "images = \"" + (folder / "photos").string() + "\""));
    CHECK(contains(config, "\nchannels = 3\n"));
  }
}

TEST_CASE("folder: sizes, grey images and flags") {
  const TemporaryFolder folder;
  put_photos(folder / "photos/train", 5, 130, 1);
  put_photos(folder / "photos/test", 2, 130, 1);
  put(folder / "photos/train/broken.jpg", "no image");
  const Outcome grey = train_photos(folder, {"--size", "128", "--no-flip"});
  REQUIRE_MESSAGE(grey.code == 0, grey.err);
  CHECK(contains(grey.out, "1 of 6 images left out: broken.jpg"));
  CHECK(contains(grey.out, "5 images"));
  const std::string config = get(folder / "run/config.toml");
  for (const char* line : {"\nchannels = 1\n", "\nsize = 128\n", "\nimage-count = 5\n", "\nno-flip = true\n"})
    CHECK_MESSAGE(contains(config, line), line);
  CHECK(train_photos(folder, {"--out", "b", "--strict"}).is_error_with("[--strict] received broken.jpg"));
  CHECK(train_photos(folder, {"--out", "b", "--size", "48"}).is_error_with("32, 64 or 128"));
  CHECK(train_photos(folder, {"--out", "b", "--channels", "2"}).is_error_with("--channels"));
  CHECK(train_photos(folder, {"--out", "b", "--images", "nowhere"}).is_error_with("no folder that is there"));
  CHECK(train_photos(folder, {"--out", "b", "--images", "photos/train/photo 0.png"}).is_error_with("no folder"));
  CHECK(train_photos(folder, {"--out", "b", "--images", "."}).is_error_with("a folder without images"));
  CHECK(train_photos(folder, {"--out", "b", "--held-out", "1"}).is_error_with("labels"));
  CHECK(train_photos(folder, {"--out", "b", "--score-every", "1"}).is_error_with("labels"));
  CHECK(train_photos(folder, {"--out", "b", "--profile", "paper"}).is_error_with("laptop"));
  CHECK(train_photos(folder, {"--out", "b", "--data", "."}).is_error_with("--images DIR alone"));
  CHECK(train_photos(folder, {"--out", "b", "--dataset", "mnist"}).is_error_with("mnist for the recipe folder"));
  put_photos(folder / "small", 3, 31);
  CHECK(train_photos(folder, {"--out", "b", "--images", "small"}).is_error_with("an image of 31x31"));
  CHECK(!fs::exists(folder / "b"));
  CHECK(train(folder, "ebm-vae", "folder", {"--out", "b"}).is_error_with("folder --images photos"));
  CHECK(train(folder, "ebm-vae", "synthetic", {"--size", "32", "--out", "b"}).is_error_with("32 for synthetic"));
  CHECK(train(folder, "ebm-vae", "synthetic", {"--dataset", "folder", "--out", "b"}).is_error_with("--images DIR"));
}

TEST_CASE("folder: a run goes on bit for bit, also when its folder has moved, and not when it has changed") {
  const TemporaryFolder folder;
  put_photos(folder / "photos", 12);
  REQUIRE(train_photos(folder, {"--iterations", "4", "--out", "whole"}).code == 0);
  REQUIRE(train_photos(folder).code == 0);
  const auto resume = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"train", "ebm-vae", "--resume", "run", "--device", "cpu", "--iterations", "4"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Program(EBM_PROGRAM, arguments, folder.path()).wait();
  };
  fs::rename(folder / "photos", folder / "moved");
  CHECK(resume({}).is_error_with("photos, which is no folder that is there, expected --images DIR"));
  put_photos(folder / "moved", 14);
  CHECK(resume({"--images", "moved"}).is_error_with("that the run began with; --image-count 0 --resume"));
  CHECK(
      ebm_tool(folder, {"neighbours", "run", "--n", "1", "--data", "moved"}).is_error_with("that the run began with"));
  fs::remove(folder / "moved/photo 12.png");
  fs::remove(folder / "moved/photo 13.png");
  CHECK(resume({"--images", "moved", "--size", "64"}).is_error_with("the networks would differ"));
  const Outcome second = resume({"--images", "moved"});
  REQUIRE_MESSAGE(second.code == 0, second.err);
  CHECK(contains(second.out, "changed, from iteration 2 on: images " + (folder / "photos").string() + " -> "));
  const auto tensors = [&](const char* run) {  // behind the header, which holds the path
    const std::string file = get(folder / run / "checkpoint-00000004.safetensors");
    uint64_t header = 0;
    std::memcpy(&header, file.data(), sizeof header);
    return file.substr(sizeof header + header);
  };
  CHECK(tensors("whole") == tensors("run"));
}

TEST_CASE("folder: commands take the run's folder for its images, or say what they would need") {
  const TemporaryFolder folder;
  put_photos(folder / "photos/train", 12);
  put_photos(folder / "photos/test", 10);
  REQUIRE(train_photos(folder).code == 0);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"sample", "run", "--n", "2"},
                                             {"sample", "run", "--from", "photos/test/photo 1.png"},
                                             {"energy", "run", "--images", "photos/test"},
                                             {"evaluate", "run", "--n", "10", "--metrics", "psnr,ssim"},
                                             {"reconstruct", "run", "--n", "2"},
                                             {"neighbours", "run", "--n", "2"},
                                             {"mean", "run", "--n", "4"},
                                             {"interpolate", "run", "--n", "1"},
                                             {"trace", "run", "--n", "1", "--frames", "0"},
                                             {"ood", "run", "--n", "2"},
                                             {"ood", "run", "--n", "2", "--out", "photos/train,noise"},
                                             {"diagnose", "run", "--chains", "2", "--steps", "16"},
                                             {"info", "run"},
                                             {"report", "run"},
                                             {"export", "run"}}) {
    CAPTURE(words.front());
    const Outcome outcome = ebm_tool(folder, words);
    CHECK_MESSAGE(outcome.code == 0, outcome.err);
  }
  CHECK(contains(get(folder / "run/energies.csv"), "photo 9.png"));
  CHECK(
      ebm_tool(folder, {"evaluate", "run", "--n", "10"}).is_error_with("--metrics psnr,ssim, or --features inception"));
  CHECK(ebm_tool(folder, {"sample", "run", "--class", "1"}).is_error_with("labels"));
  CHECK(ebm_tool(folder, {"diagnose", "run", "--quality", "8"}).is_error_with("--quality 0"));
  fs::rename(folder / "photos", folder / "moved");
  CHECK(ebm_tool(folder, {"mean", "run"}).is_error_with("--data DIR where it lies now"));
  CHECK(ebm_tool(folder, {"mean", "run", "--n", "4", "--data", "moved"}).code == 0);
}

TEST_CASE("folder: facades are asked for by hand, in one line") {
  const TemporaryFolder folder;
  CHECK(ebm_tool(folder, {"fetch", "facades", "--data", "data"}).is_error_with("facades.tar.gz put by hand as"));
  CHECK(train(folder, "conditional", "facades", {"--data", "data"}).is_error_with("ebm fetch facades"));
}

TEST_CASE("folder: completing facades is a recipe of its own, of any of four sizes") {
  const TemporaryFolder folder;
  put_photos(folder / "data/facades/train", 8, 64);
  put_photos(folder / "data/facades/test", 4, 64);
  const Outcome outcome = train(folder, "conditional", "facades", {"--data", "data", "--size", "32"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(contains(get(folder / "run/config.toml"), "images = \"" + (folder / "data/facades").string() + "\""));
  const Outcome scores = ebm_tool(folder, {"evaluate", "run"});
  CHECK_MESSAGE(contains(scores.out, "4 test images"), scores.err);
  CHECK(train_photos(folder, {"--images", "data/facades", "--size", "256", "--out", "large"})
            .is_error_with("32, 64 or 128, the sizes of the networks"));
  put_photos(folder / "large photos", 4, 256);
  CHECK(train_photos(folder,
                     {"--images", "large photos", "--size", "256", "--batch", "2", "--iterations", "1", "--out", "256"},
                     "conditional")
            .code == 0);
}
