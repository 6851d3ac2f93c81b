// ./ebm evaluate, from the command line to what it prints and writes.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/program.h"
#include "train/image_file.h"
#include "train/npy.h"

using namespace ebm;
using namespace ebm::test;

namespace {

using Json = nlohmann::json;

// A folder with a run of a few iterations in run/, and data/ for the classifier.
class Workplace {
 public:
  Workplace() {
    const Outcome made =
        Program(EBM_TRAIN_PROGRAM, tiny({"synthetic", "--iterations", "2", "--out", "run", "--quiet"}),
                folder_.path())
            .wait();
    REQUIRE_MESSAGE(made.code == 0, made.err);
  }

  Outcome evaluate(std::vector<std::string> arguments, int64_t file_limit = 0) const {
    arguments.insert(arguments.begin(), {"evaluate", "--device", "cpu", "--data", "data"});
    return Program(EBM_PROGRAM, arguments, folder_.path(), file_limit).wait();
  }
  Outcome of_run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--run", "run", "--n", "40"});
    return evaluate(arguments);
  }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
};

}  // namespace

TEST_CASE(
    "evaluate trains its classifier once, prints every score, and writes them with all they depend on") {
  const Workplace place;
  const Outcome first = place.of_run({"--metrics", "fd,kid,is,prdc,psnr,ssim", "--steps", "2",
                                      "--noise-scale", "0", "--json", "scores.json", "--export", "samples"});
  REQUIRE_MESSAGE(first.code == 0, first.err);
  for (const char* part :
       {"training the classifier of synthetic once", "synthetic at iteration 2: 40 samples, seed 1",
        "2 Langevin steps, noise scale 0", "against 40 training images", "generated", "revised", "real",
        "FD-cls", "KID-cls", "IS-cls", "precision-cls", "recall-cls", "density-cls", "coverage-cls", "PSNR",
        "SSIM"})
    CHECK_MESSAGE(contains(first.out, part), part);
  CHECK(!contains(first.out, "FID"));

  const Json json = Json::parse(get(place / "scores.json"));
  CHECK(json["data_set"] == "synthetic");
  CHECK(json["iteration"] == 2);
  REQUIRE(json["scores"].size() == 3 * 7 + 2);
  for (const Json& score : json["scores"]) {
    CAPTURE(score.dump());
    CHECK(score["value"].is_number());
    CHECK(score["n"] == 40);
    CHECK(score["reference_split"] == "train");
    CHECK(score["langevin_steps"] == (score["images"] == "revised" ? 2 : 0));
    CHECK(score["noise_scale"] == 0);
    CHECK(score["seed"] == 1);
    CHECK(score.contains("features") == (score["images"] != "reconstructed"));
  }

  // the same command gives the same scores, now without training; another seed gives others
  const Outcome second = place.of_run({"--steps", "2", "--noise-scale", "0", "--json", "again.json"});
  REQUIRE_MESSAGE(second.code == 0, second.err);
  CHECK(!contains(second.out, "training the classifier"));
  const Json again = Json::parse(get(place / "again.json"));
  CHECK(again["scores"][0] == json["scores"][0]);
  REQUIRE(place.of_run({"--steps", "2", "--noise-scale", "0", "--seed", "2", "--json", "other.json"}).code ==
          0);
  const Json other = Json::parse(get(place / "other.json"));
  CHECK(other["scores"][0]["value"] != json["scores"][0]["value"]);
  CHECK(other["scores"][14]["images"] == "real");
  CHECK(other["scores"][14]["value"] == json["scores"][14]["value"]);  // the floor knows no seed

  // the samples that were scored, as numbers and as pictures
  const NpyArray revised = read_npy(place / "samples/revised.npy"),
                 generated = read_npy(place / "samples/generated.npy");
  CHECK(revised.shape == std::vector<int64_t>{40, 28, 28, 1});
  CHECK(generated.values != revised.values);
  const ImageSet pictures = load_images(place / "samples/revised", {28, 28, 1});
  REQUIRE(pictures.count == 40);
  for (size_t i = 0; i < revised.values.size(); ++i)
    if (revised.values[i] != static_cast<float>(pictures.pixels[i]) / 127.5f - 1) FAIL("sample value " << i);
  CHECK(place.of_run({"--export", "samples"}).is_error_with("samples, which holds files"));
}

TEST_CASE("evaluate says in one line what is wrong, before any work") {
  const Workplace place;
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& part) {
    const Outcome outcome = place.of_run(arguments);
    CHECK_MESSAGE(outcome.is_error_with(part), outcome.err);
    CHECK(!contains(outcome.out, "training"));
  };
  refused({"--metrics", "fid"}, "FID is the distance of that network's features");
  refused({"--metrics", "prcd"}, "did you mean prdc?");
  refused({"--metrics", ""}, "--metrics");
  refused({"--features", "inceptio"}, "did you mean inception?");
  refused({"--features", "inception", "--metrics", "fid"}, "tools/inception_weights.py");
  refused({"--split", "validation"}, "train or test");
  refused({"--n", "0"}, "--n");
  refused({"--seed", "-1"}, "--seed");
  refused({"--steps", "-1"}, "--steps");
  refused({"--json", "nowhere/scores.json"}, "nowhere");
  CHECK(place.evaluate({"--run", "run", "--n", "513"}).is_error_with("10 to 512, the training images"));
  CHECK(place.evaluate({"--run", "run", "--n", "129", "--split", "test"})
            .is_error_with("10 to 128, the test images"));
  CHECK(place.evaluate({"--run", "run"}).is_error_with("n = 10000"));
  CHECK(place.evaluate({"--run", "nowhere"}).is_error_with("nowhere"));
  std::filesystem::create_directories(place / "empty");
  CHECK(place.evaluate({"--run", "empty"}).is_error_with("without a checkpoint"));
  CHECK(!std::filesystem::exists(place / "data"));
}

TEST_CASE("evaluate refuses a damaged classifier, and a full disk leaves none") {
  const Workplace place;
  CHECK(place.evaluate({"--run", "run", "--n", "40"}, 10000).is_error_with("classifier-v1"));
  CHECK(std::filesystem::is_empty(place / "data/synthetic"));
  put(place / "data/synthetic/classifier-v1.safetensors", "junk");
  CHECK(place.of_run({}).is_error_with("delete the file"));
  CHECK(place.of_run({"--metrics", "psnr"}).code == 0);  // reconstructions need no features
}
