// ./ebm train conditional, evaluate and complete.
#include <doctest/doctest.h>

#include "tests/tools/tiny_tool_run.h"
#include "train/files/image_file.h"

using namespace ebm;
using namespace ebm::test;

namespace {

void train_completion(const TemporaryFolder& folder, const std::string& method, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"train", method,     "synthetic", "--iterations",      "2",     "--batch",
                                 "4",     "--width",  "4",         "--generator-width", "4",     "--encoder-width",
                                 "4",     "--latent", "3",         "--quiet",           "--out", "run"};
  if (method == "conditional" || method == "conditional-coopnets") words.insert(words.end(), {"--steps", "2"});
  words.insert(words.end(), more.begin(), more.end());
  const Outcome outcome = ebm_tool(folder, words);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
}

void picture(const TemporaryFolder& folder, const std::string& name, int64_t height, int64_t width, int64_t channels) {
  std::vector<uint8_t> pixels(static_cast<size_t>(height * width * channels));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 7 % 200);
  write_png(folder / name, pixels, {height, width, channels});
}

}  // namespace

TEST_CASE("completions are scored beside fills that learn nothing, of every method that completes") {
  for (const std::string method : {"conditional", "conditional-coopnets", "conditional-vae", "regression"}) {
    CAPTURE(method);
    const TemporaryFolder folder;
    train_completion(folder, method);
    CHECK(std::filesystem::exists(folder / "run/samples/00000002.png"));
    const Outcome scored = ebm_tool(folder, {"evaluate", "run", "--n", "12"});
    REQUIRE_MESSAGE(scored.code == 0, scored.err);
    for (const char* row :
         {"grey fill", "row-linear fill", "harmonic fill", "g(c, 0)", "12 test images, hole center:0.5"})
      CHECK_MESSAGE(contains(scored.out, row), scored.out);
    const bool chains = method == "conditional" || method == "conditional-coopnets";
    CHECK(contains(scored.out, "\nrevised ") == chains);
    CHECK(contains(scored.out, "drawn completions each") == (method != "regression"));
    CHECK(get(folder / "run/completions.png").starts_with("\x89PNG"));
    CHECK(contains(get(folder / "run/scores.json"), "SSIM of the hole, cropped"));
    CHECK(ebm_tool(folder, {"report", "run"}).code == 0);
    CHECK(ebm_tool(folder, {"evaluate", "run", "--metrics", "fd"}).is_error_with("--metrics for a conditional model"));
    CHECK(ebm_tool(folder, {"sample", "run"}).is_error_with("draws no images of nothing given"));
    CHECK(ebm_tool(folder, {"energy", "run", "--images", "synthetic"}).is_error_with("does not train its energy net"));
  }
}

TEST_CASE("a photo of any size is completed: outside the hole it is as it was") {
  const TemporaryFolder folder;
  train_completion(folder, "conditional");
  picture(folder, "photo.png", 60, 90, 3);
  const Outcome outcome =
      ebm_tool(folder, {"complete", "run", "--image", "photo.png", "--samples", "2", "--out", "done.png"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(contains(outcome.out, "the model saw 28x28 pixels of the photo's 60x90"));
  const ImageSet photo = load_images(folder / "photo.png", {0, 0, 1}),
                 done = load_images(folder / "done.png", {0, 0, 0});
  REQUIRE(done.shape() == ImageShape{60, 90, 1});
  int64_t changed = 0;
  for (int64_t h = 0; h < 60; ++h)
    for (int64_t w = 0; w < 90; ++w) {
      const bool hole = h >= 15 && h < 45 && w >= 22 && w < 67;
      const bool same = photo.pixels[static_cast<size_t>(h * 90 + w)] == done.pixels[static_cast<size_t>(h * 90 + w)];
      if (!hole) CHECK(same);
      changed += !same;
    }
  CHECK(changed > 1000);
  CHECK(get(folder / "done.1.png") != get(folder / "done.2.png"));
  CHECK(ebm_tool(folder, {"complete", "run", "--image", "photo.png", "--out", "again.png"}).code == 0);
  CHECK(get(folder / "again.png") == get(folder / "done.png"));
  const Outcome other = ebm_tool(folder, {"complete", "run", "--image", "photo.png", "--mask", "left"});
  CHECK(contains(other.out, "note: the model learned holes of center:0.5, this one is left"));
  CHECK(std::filesystem::exists(folder / "run/completed.png"));
}

TEST_CASE("what cannot be completed is told in one line") {
  const TemporaryFolder folder;
  train_completion(folder, "regression");
  picture(folder, "photo.png", 40, 40, 1);
  const auto refused = [&](std::vector<std::string> words, const std::string& part) {
    words.insert(words.begin(), {"complete", "run"});
    CHECK_MESSAGE(ebm_tool(folder, words).is_error_with(part), part);
  };
  const std::vector<uint8_t> white(40 * 40, 255), black(40 * 40, 0), small(9, 255);
  write_png(folder / "white.png", white, {40, 40, 1});
  write_png(folder / "black.png", black, {40, 40, 1});
  write_png(folder / "small.png", small, {3, 3, 1});
  refused({}, "--image is required");
  refused({"--image", "none.png"}, "none.png");
  refused({"--image", "photo.png", "--mask", "white.png"}, "white where the hole is");
  refused({"--image", "photo.png", "--mask", "black.png"}, "white where the hole is");
  refused({"--image", "photo.png", "--mask", "small.png"}, "40x40, the size of the images");
  refused({"--image", "photo.png", "--mask", "middle"}, "center:F");
  refused({"--image", "photo.png", "--samples", "2"}, "it has one completion");
  refused({"--image", "photo.png", "--out", "x.jpg"}, ".png");
  REQUIRE(ebm_tool(folder, {"train", "vae", "synthetic", "--profile", "laptop", "--iterations", "1", "--width", "4",
                            "--generator-width", "16", "--encoder-width", "4", "--quiet", "--out", "whole"})
              .code == 0);
  CHECK(ebm_tool(folder, {"complete", "whole", "--image", "photo.png"}).is_error_with("completes no images"));
  CHECK(ebm_tool(folder, {"train", "regression", "synthetic", "--mask", "centre", "--out", "x"})
            .is_error_with("center:F"));
  CHECK(ebm_tool(folder, {"train", "conditional", "synthetic", "--target-z", "none", "--out", "x"})
            .is_error_with("prior or posterior"));
}
