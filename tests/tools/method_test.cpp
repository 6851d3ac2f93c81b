// What the commands make of a baseline's model: they name what its samples begin at, and show no network that its
// method did not train.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/tools/program.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// A run of two iterations, in the folder "run".
class MethodRun {
 public:
  explicit MethodRun(const std::string& method) {
    const Outcome made =
        Program(EBM_TRAIN_PROGRAM, tiny({"synthetic", "--method", method, "--iterations", "2", "--out", "run"}),
                folder_.path())
            .wait();
    REQUIRE_MESSAGE(made.code == 0, made.err);
    left_ = files();
  }
  Outcome ebm(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, {"--run", "run", "--device", "cpu"});
    return Program(EBM_PROGRAM, arguments, folder_.path()).wait();
  }
  std::string text(const std::string& name) const { return get(folder_ / name); }
  // The run as it was left, and nothing besides.
  bool untouched() const { return files() == left_; }

 private:
  std::set<std::filesystem::path> files() const {
    const std::filesystem::recursive_directory_iterator all(folder_.path());
    return {begin(all), end(all)};
  }

  TemporaryFolder folder_;
  std::set<std::filesystem::path> left_;  // by the training
};

const std::vector<std::string> kTrace{"trace", "--n", "1", "--columns", "2"},
    kInterpolate{"interpolate", "--n", "1", "--columns", "2"}, kReconstruct{"reconstruct", "--n", "2", "--images", "4"},
    kSample{"sample", "--n", "2"}, kGeneratorOnly{"sample", "--n", "2", "--generator-only"},
    kDiagnose{"diagnose", "--chains", "2", "--steps", "20", "--projections", "0"},
    kEnergy{"energy", "--images", "synthetic"}, kOod{"ood", "--n", "4", "--out", "noise"},
    kLoglik{"loglik", "--n", "4", "--chains", "2", "--steps", "1"},
    kReconstructions{"evaluate", "--n", "20", "--metrics", "psnr,ssim", "--json", "scores.json"};

}  // namespace

TEST_CASE("a VAE's samples have no Langevin steps, and its energy net is refused") {
  const MethodRun run("vae");
  for (const auto& command : {kTrace,
                              kDiagnose,
                              kEnergy,
                              kOod,
                              kLoglik,
                              {"sample", "--steps", "3"},
                              {"evaluate", "--n", "20", "--steps", "3"},
                              {"interpolate", "--steps", "3"}}) {
    const Outcome outcome = run.ebm(command);
    CHECK_MESSAGE(
        outcome.is_error_with("a model of --method vae, expected one of ebm-vae, coopnets, short-run, persistent"),
        command[0] << ": " << outcome.err);
  }
  CHECK(run.untouched());

  const Outcome sample = run.ebm(kSample);
  CHECK(contains(sample.out, "2 samples of synthetic at iteration 2, images of the generator, in "));
  CHECK(run.ebm({"sample", "--n", "2", "--steps", "0"}).code == 0);
  const Outcome scores = run.ebm(kReconstructions);
  CHECK(contains(scores.out, "revised: 0 Langevin steps"));
  CHECK(contains(scores.out, "generated: images of the generator; revised: the same, --method vae has no chains"));
  CHECK(nlohmann::json::parse(run.text("scores.json"))["method"] == "vae");
  CHECK(contains(run.ebm(kInterpolate).out, "after 0 Langevin steps"));
  CHECK(run.ebm(kReconstruct).code == 0);
  CHECK(contains(run.text("run/reconstruct.json"), "4 test images of synthetic, 0 Langevin steps"));
}

TEST_CASE("a model without a trained encoder does not reconstruct") {
  const MethodRun run("coopnets");
  for (const auto& command : {kReconstruct, kReconstructions}) {
    const Outcome outcome = run.ebm(command);
    CHECK_MESSAGE(
        outcome.is_error_with("a model of --method coopnets, expected one of ebm-vae, vae, lebm, abp or nt-ebm"),
        command[0] << ": " << outcome.err);
  }
  CHECK(run.untouched());
  CHECK(contains(run.ebm(kSample).out, "images of the generator after 3 Langevin steps"));
  for (const auto& command : {kInterpolate, kTrace, kGeneratorOnly, kEnergy}) CHECK(run.ebm(command).code == 0);
}

TEST_CASE("a model without a generator is shown as what its chains begin at") {
  for (const auto& [method, start] : {std::pair<std::string, std::string>{"short-run", "uniform noise"},
                                      {"persistent", "images of the replay buffer"}}) {
    CAPTURE(method);
    const MethodRun run(method);
    CHECK(contains(run.text("run/report.html"), "\"start\":\"" + start + "\""));
    for (const auto& command : {kReconstruct, kReconstructions, kInterpolate, kGeneratorOnly}) {
      const Outcome outcome = run.ebm(command);
      CHECK_MESSAGE(outcome.is_error_with("a model of --method " + method + ", expected one of ebm-vae"),
                    command[0] << ": " << outcome.err);
    }
    CHECK(run.untouched());
    CHECK(contains(run.ebm(kSample).out, start + " after 3 Langevin steps"));
    CHECK(contains(run.ebm(kDiagnose).out, "2 chains of 20 steps from " + start));
    CHECK(contains(run.text("run/diagnosis/traces.csv"), "step 0: " + start));
    CHECK(contains(run.ebm(kTrace).out, "from " + start));
    CHECK(contains(run.text("run/trace.csv"), "step 0: " + start));
    CHECK(run.ebm({"mean", "--n", "4"}).code == 0);
    CHECK(contains(run.text("run/mean.json"), start + ", mean"));
  }
}
