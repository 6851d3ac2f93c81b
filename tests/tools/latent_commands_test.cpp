// What the commands make of a model whose chains run in z.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/program.h"

using namespace ebm;
using namespace ebm::test;

namespace {

class LatentRun {
 public:
  explicit LatentRun(const std::string& method, const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments{"train", method, "synthetic", "--iterations", "2",
                                       "--out", "run",  "--device",  "cpu"};
    std::vector<std::string> sizes{"--batch",       "8", "--posterior-steps", "2",
                                   "--infer-steps", "3", "--generator-width", "16"};
    if (method == "nt-ebm")
      sizes = {"--batch", "8", "--chains",     "8", "--flow-iterations", "1", "--flow-steps",   "1,1",
               "--width", "4", "--flow-width", "4", "--moves",           "1", "--sample-steps", "3"};
    if (method == "lebm") sizes.insert(sizes.end(), {"--prior-steps", "3", "--energy-width", "8"});
    arguments.insert(arguments.end(), sizes.begin(), sizes.end());
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome made = Program(EBM_PROGRAM, arguments, folder_.path()).wait();
    REQUIRE_MESSAGE(made.code == 0, made.err);
  }
  Outcome ebm(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, {"--run", "run", "--device", "cpu"});
    return Program(EBM_PROGRAM, arguments, folder_.path()).wait();
  }
  Outcome start(const std::string& program, const std::vector<std::string>& arguments) const {
    return Program(program, arguments, folder_.path()).wait();
  }
  std::string text(const std::string& name) const { return get(folder_ / name); }
  bool has(const std::string& name) const { return std::filesystem::exists(folder_ / name); }

 private:
  TemporaryFolder folder_;
};

const std::vector<std::string> kLoglik{"loglik", "--n", "3", "--chains", "2", "--steps", "3", "--json", "loglik.json"};

}  // namespace

TEST_CASE("a tilted flow: its chains in z and in x, what the tilt gains, and outliers by its parts") {
  const LatentRun run("nt-ebm");
  CHECK(contains(run.ebm({"sample", "--n", "2"}).out, "images of the flow after 3 moves of Hamiltonian Monte Carlo"));
  const std::vector<std::string> flags{"--chains", "4", "--steps", "20", "--quality", "0", "--film", "5"};
  const auto diagnose = [&](std::vector<std::string> more) {
    more.insert(more.begin(), flags.begin(), flags.end());
    more.insert(more.begin(), "diagnose");
    const Outcome outcome = run.ebm(more);
    CHECK_MESSAGE(outcome.code == 0, outcome.err);
    return nlohmann::json::parse(run.text("run/diagnosis.json"));
  };
  const nlohmann::json in_z = diagnose({});
  CHECK(run.has("run/diagnosis/film.png"));
  CHECK(in_z["leapfrog_steps"] == 3);
  CHECK(in_z["start_from"] == "images of the flow");
  CHECK(in_z["Classes"].size() == 4);
  CHECK(in_z["Mixing of the chains"].size() == 1 + 8 + 1 + 8 + 4);  // U, of z, f, of x, logits
  CHECK(in_z["Mixing of the chains"][9]["name"] == "f");
  const nlohmann::json in_x = diagnose({"--space", "x", "--start", "data"});
  CHECK(in_x["start_from"] == "test images");
  CHECK(in_x["Mixing of the chains"].size() == 1 + 8 + 1 + 4);
  CHECK(in_x["accepted"].get<double>() > 0.1);  // 0.8 by the tuning, but test images are no draws of it
  CHECK(run.ebm({"diagnose", "--space", "y"}).is_error_with("expected z or x"));
  CHECK(run.ebm({"diagnose", "--noise-scale", "0.5"}).is_error_with("no noise to scale"));

  const Outcome likelihood = run.ebm({"loglik", "--n", "4", "--chains", "2", "--steps", "2"});
  CHECK_MESSAGE(likelihood.code == 0, likelihood.err);
  for (const char* part : {"bits/dim", "of 2000 draws of q alone", "KL(p|q)"})
    CHECK_MESSAGE(contains(likelihood.out, part), part);
  CHECK(run.ebm({"loglik", "--base", "data"}).is_error_with("a model that tilts a density"));
  const Outcome ood = run.ebm({"ood", "--n", "4", "--out", "noise"});
  CHECK(contains(ood.out, "by log q alone"));
  CHECK(contains(run.text("run/ood.json"), "AUROC by f"));
  CHECK(
      contains(run.ebm({"interpolate", "--n", "1", "--columns", "2"}).out, "after 3 moves of Hamiltonian Monte Carlo"));
}

TEST_CASE("every command has something to say of an energy in z of two numbers") {
  const LatentRun run("lebm", {"--latent", "2", "--held-out", "1"});
  CHECK(contains(run.ebm({"sample", "--n", "2"}).out, "images of N(0, I) after 3 Langevin steps"));
  CHECK(contains(run.ebm({"reconstruct", "--n", "2", "--images", "4"}).out, "(rows: x, g(mu(x)));"));
  CHECK(run.ebm({"reconstruct", "--steps", "2"}).is_error_with("nothing is revised after g(z)"));
  CHECK(contains(run.ebm({"interpolate", "--n", "1", "--columns", "2"}).out, "after 3 Langevin steps of the ends"));
  CHECK(contains(run.ebm({"trace", "--n", "1", "--columns", "2"}).out, "images of N(0, I)"));
  const Outcome diagnosis =
      run.ebm({"diagnose", "--chains", "4", "--steps", "20", "--projections", "1", "--quality", "0"});
  CHECK_MESSAGE(diagnosis.code == 0, diagnosis.err);
  CHECK(run.has("run/diagnosis/latent.png"));
  CHECK(run.ebm({"energy", "--images", "synthetic"}).code == 0);
  CHECK(contains(run.text("run/energies.csv"), "-log p(x, z)"));
  CHECK(run.ebm({"evaluate", "--n", "20", "--metrics", "psnr"}).code == 0);

  const Outcome likelihood = run.ebm(kLoglik);
  CHECK_MESSAGE(likelihood.code == 0, likelihood.err);
  CHECK(contains(likelihood.out, "log Z of the prior"));
  const nlohmann::json json = nlohmann::json::parse(run.text("loglik.json"));
  CHECK(json["nats_forward"].is_number());
  CHECK(run.ebm({"loglik", "--temperature", "2"}).is_error_with("--temperature, --base or --reverse for a model of z"));

  CHECK(run.ebm({"precision"}).is_error_with("run of method lebm, expected a run with an energy net of images"));
  const Outcome unseen = run.ebm({"ood", "--held-out", "1", "--json", "ood.json"});
  CHECK_MESSAGE(unseen.code == 0, unseen.err);
  const nlohmann::json sets = nlohmann::json::parse(run.text("ood.json"))["Outliers by U"];
  const double n_in = sets[0]["images"], n_out = sets[1]["images"];
  CHECK(sets[1]["AUPRC out by chance"].get<double>() == doctest::Approx(n_out / (n_in + n_out)));
  CHECK(run.ebm({"ood", "--held-out", "2"}).is_error_with("1, which this run was not shown"));
  CHECK(run.ebm({"ood", "--held-out", "1", "--out", "noise"}).is_error_with("one way to choose the images"));
}

TEST_CASE("a generator whose prior is N(0, I) has no chains of samples") {
  const LatentRun run("abp");
  CHECK(contains(run.ebm({"sample", "--n", "2"}).out, "2 samples of synthetic at iteration 2, images of N(0, I), in"));
  CHECK(run.ebm({"reconstruct", "--n", "2", "--images", "4"}).code == 0);
  CHECK(run.ebm({"interpolate", "--n", "1", "--columns", "2"}).code == 0);
  for (const auto& command : std::vector<std::vector<std::string>>{{"trace"}, {"diagnose"}, {"sample", "--steps", "3"}})
    CHECK(run.ebm(command).is_error_with("a model of --method abp, expected one of ebm-vae, coopnets, short-run, "));
  const Outcome likelihood = run.ebm(kLoglik);
  CHECK_MESSAGE(likelihood.code == 0, likelihood.err);
  CHECK(!contains(likelihood.out, "log Z of the prior"));
  CHECK(run.ebm({"ood", "--held-out", "1"}).is_error_with("a run that was trained with --held-out 1"));
}

TEST_CASE("a flag of another method is refused by name, and so is a method of other settings") {
  const TemporaryFolder folder;
  const auto run = [&](const std::string& program, const std::vector<std::string>& arguments) {
    return Program(program, arguments, folder.path()).wait();
  };
  CHECK(
      run(EBM_PROGRAM, {"train", "lebm", "synthetic", "--energy-l2", "1"})
          .is_error_with(
              "[--energy-l2] received a setting of ebm-vae, vae, coopnets, short-run, persistent, nt-ebm, conditional, "
              "conditional-coopnets, conditional-vae or regression, expected one of lebm"));
  CHECK(run(EBM_PROGRAM, {"train", "vae", "synthetic", "--prior-steps=2"})
            .is_error_with("[--prior-steps] received a setting of lebm, expected one of vae"));
  CHECK(
      run(EBM_TRAIN_PROGRAM, {"synthetic", "--method", "lebm"}).is_error_with("`ebm train METHOD RECIPE` trains any"));
  CHECK(run(EBM_PROGRAM, {"train", "abp", "synthetic", "--energy-width", "5"})
            .is_error_with("[--energy-width] received a setting of lebm, expected one of abp"));
  CHECK(run(EBM_PROGRAM, {"train", "lebm", "synthetic", "--held-out", "9", "--iterations", "1"})
            .is_error_with("label 9"));
}

TEST_CASE("a run is resumed with the flags of its own method, and on the data that it began with") {
  const LatentRun run("lebm", {"--held-out", "1"});
  const auto resume = [&](const std::string& program, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--resume", "run", "--iterations", "3", "--device", "cpu"});
    return run.start(program, flags);
  };
  CHECK(resume(EBM_PROGRAM, {"train", "--energy-l2", "1"}).is_error_with("expected one of lebm"));
  CHECK(resume(EBM_PROGRAM, {"train", "--held-out", "2"})
            .is_error_with("--held-out 2 for a checkpoint made with 1, expected the same: the images would be others"));
  CHECK(resume(EBM_TRAIN_PROGRAM, {}).is_error_with("`ebm train METHOD RECIPE` trains any"));
  const Outcome outcome = resume(EBM_PROGRAM, {"train", "--posterior-steps", "4"});
  CHECK_MESSAGE(outcome.code == 0, outcome.err);
}
