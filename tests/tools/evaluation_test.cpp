// The commands that judge a trained model: what they write, print and refuse.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "tests/tools/tiny_tool_run.h"
#include "train/checkpoint.h"
#include "train/files/safetensors.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// The run of train_run() with a NaN among the energy's weights (and their average), in the folder "nan".
void break_run(const TemporaryFolder& folder) {
  SafetensorsFile file = read_checkpoint(folder / "run").file;
  for (auto& [name, entry] : file.tensors) {
    if (!name.starts_with("energy.conv1") && name != "energy.average") continue;
    const float nan = NAN;
    std::memcpy(entry.data.data(), &nan, sizeof nan);
  }
  file.metadata.erase(kCheckpointChecksum);
  std::filesystem::create_directory(folder / "nan");
  write_safetensors(folder / "nan/checkpoint-00000002.safetensors", file);
}

nlohmann::json json_of(const std::filesystem::path& path) { return nlohmann::json::parse(get(path)); }

size_t lines(const std::string& text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

TEST_CASE("diagnose writes a picture, tables and figures, the same each time") {
  const TemporaryFolder folder;
  train_run(folder);
  const std::vector<std::string> command{"diagnose", "--run",     "run", "--device",      "cpu", "--chains",
                                         "6",        "--steps",   "40",  "--projections", "2",   "--json",
                                         "d.json",   "--quality", "20",  "--data",        "data"};
  const Outcome outcome = ebm_tool(folder, command);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  for (const char* part :
       {"6 chains of 40 steps", "the last 20 judged", "projection 2", "R-hat", "T = noise^2", "FD-cls of 20 chains"})
    CHECK_MESSAGE(contains(outcome.out, part), part);
  CHECK(get(folder / "run/diagnosis/chains.png").starts_with("\x89PNG"));
  CHECK(lines(get(folder / "run/diagnosis/traces.csv")) == 2 + 41);
  CHECK(
      contains(get(folder / "run/diagnosis/traces.csv"), "\nstep,chain_0,chain_1,chain_2,chain_3,chain_4,chain_5\n0,"));
  CHECK(lines(get(folder / "run/diagnosis/drift.csv")) == 2 + 41);
  const nlohmann::json json = json_of(folder / "d.json");
  const nlohmann::json& mixing = json["Mixing of the chains"];
  CHECK(mixing.size() == 3);
  CHECK(json["warmup"] == 20);
  CHECK(json["temperature"].get<double>() == doctest::Approx(0.01 * 0.01 / 2));
  CHECK(mixing[0]["name"] == "U");
  CHECK(mixing[0]["rank R-hat"].is_number());
  CHECK(json["Verdict"].size() >= 4);
  CHECK(get(folder / "d.json").starts_with("{\n  \"Verdict\""));
  CHECK(json["Steps that MALA would accept"][0]["name"] == "step size 0.01, the run's");
  CHECK(json["Chains at start and end"][0]["name"] == "U");
  // scores at the lengths of the picture's columns, up to a third of the whole
  std::vector<int64_t> lengths;
  for (const auto& row : json["Samples by length of chain"])
    if (row["name"] != "real images") lengths.push_back(row["steps"].get<int64_t>());
  CHECK(lengths == std::vector<int64_t>{0, 1, 3, 4, 13});

  const auto without_times = [&] {
    nlohmann::json figures = json_of(folder / "d.json");
    figures.erase("seconds");
    for (auto& row : figures["Mixing of the chains"]) row.erase("draws a second");
    return figures;
  };
  const nlohmann::json first = without_times();
  CHECK(ebm_tool(folder, command).code == 0);
  CHECK(without_times() == first);
  const Outcome still =
      ebm_tool(folder, {"diagnose", "--run", "run", "--device", "cpu", "--chains", "4", "--steps", "10", "--warmup",
                        "2", "--noise-scale", "0", "--projections", "0", "--out", "x", "--quality", "0"});
  REQUIRE_MESSAGE(still.code == 0, still.err);
  CHECK(contains(still.out, "no noise"));
}

TEST_CASE("what diagnose cannot do is one line") {
  const TemporaryFolder folder;
  train_run(folder);
  break_run(folder);
  const auto refused = [&](std::vector<std::string> arguments, const std::string& part) {
    arguments.insert(arguments.begin(), {"diagnose", "--device", "cpu"});
    CHECK_MESSAGE(ebm_tool(folder, arguments).is_error_with(part), part);
  };
  refused({"--run", "nowhere"}, "nowhere");
  refused({"--run", "run", "--chains", "1"}, "chains");
  refused({"--run", "run", "--chains", "many"}, "chains");
  refused({"--run", "run", "--steps", "7"}, "steps");
  refused({"--run", "run", "--steps", "20", "--warmup", "15"}, "--warmup");
  refused({"--run", "run", "--chains", "10000", "--steps", "1000000"}, "kept in memory");
  refused({"--run", "run", "--noise-scale", "-1"}, "noise-scale");
  refused({"--run", "run", "--out", "run/config.toml/x"}, "config.toml");
  refused({"--run", "run", "--json", "no/such/d.json"}, "no/such");
  refused({"--run", "nan", "--steps", "20", "--quality", "0"}, "U = nan");
  refused({"--run", "run", "--quality", "257", "--data", "data"}, "10 to 256, half of the images of synthetic");
  refused({"--run", "run", "--quality", "some"}, "--quality");
  CHECK(ebm_tool(folder, {"diagnose"}).is_error_with("--run is required"));
  CHECK(ebm_tool(folder, {"diagnose", "--chain", "3"}).is_error_with("did you mean --chains?"));
  const Outcome full =
      Program(EBM_PROGRAM,
              {"diagnose", "--run", "run", "--device", "cpu", "--steps", "50", "--chains", "20", "--quality", "0"},
              folder.path(), 4000)
          .wait();  // a full disk costs no figures: they were shown
  CHECK_MESSAGE(full.is_error_with("write"), full.err);
  CHECK(contains(full.out, "split R-hat"));
}

TEST_CASE("loglik gives both estimates at each temperature, the same each time") {
  const TemporaryFolder folder;
  train_run(folder);
  const std::vector<std::string> command{
      "loglik", "--run",      "run", "--device",      "cpu",  "--n",    "20",      "--chains", "3",     "--steps",
      "4",      "--leapfrog", "1",   "--temperature", "1,50", "--base", "uniform", "--json",   "l.json"};
  const Outcome outcome = ebm_tool(folder, command);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  for (const char* part : {"T = 1: equation (1)", "T = 50\n", "forward", "no bound", "bits/dim"})
    CHECK_MESSAGE(contains(outcome.out, part), part);
  const nlohmann::json json = json_of(folder / "l.json");
  REQUIRE(json["temperatures"].size() == 2);
  CHECK(json["dimensions"] == 784);
  // the uniform density within the walls; an energy so flat as U/50 is all but that
  CHECK(json["base_nats"].get<double>() == doctest::Approx(-784 * std::log(2.4)));
  CHECK(json["temperatures"][1]["nats_optimistic"].get<double>() ==
        doctest::Approx(-784 * std::log(2.4)).epsilon(0.01));
  // the temperature of the chain's own step, as it is printed, is known again
  CHECK(contains(outcome.out, "samples T = 5e-05 (--temperature 5e-05)"));
  const Outcome own = ebm_tool(folder, {"loglik", "--run", "run", "--device", "cpu", "--n", "4", "--chains", "2",
                                        "--steps", "1", "--leapfrog", "1", "--temperature", "5e-05"});
  REQUIRE_MESSAGE(own.code == 0, own.err);
  CHECK(contains(own.out, "what the run's Langevin step belongs to"));
  CHECK(!contains(own.out, "(--temperature"));
  const std::string first = get(folder / "l.json");
  CHECK(ebm_tool(folder, command).code == 0);
  CHECK(get(folder / "l.json") == first);
}

TEST_CASE("what loglik cannot do is one line") {
  const TemporaryFolder folder;
  train_run(folder);
  break_run(folder);
  const auto refused = [&](std::vector<std::string> arguments, const std::string& part) {
    arguments.insert(arguments.begin(), {"loglik", "--device", "cpu"});
    CHECK_MESSAGE(ebm_tool(folder, arguments).is_error_with(part), part);
  };
  refused({"--run", "nowhere"}, "nowhere");
  refused({"--run", "run", "--n", "129"}, "at most 128");  // test images
  refused({"--run", "run", "--n", "0"}, "--n");
  refused({"--run", "run", "--chains", "1"}, "chains");
  refused({"--run", "run", "--steps", "0"}, "steps");
  refused({"--run", "run", "--temperature", "0"}, "--temperature");
  refused({"--run", "run", "--temperature", "warm"}, "temperature");
  refused({"--run", "run", "--base", "wide"}, "--base");
  refused({"--run", "run", "--base", "-1"}, "--base");
  refused({"--run", "run", "--base", "1e-300"}, "from 0.001 to 1000");
  refused({"--run", "run", "--reverse", "noise"}, "reverse");
  refused({"--run", "run", "--n", "4", "--reverse", "data", "--chains", "8"}, "reverse chains from data");
  refused({"--run", "nan", "--n", "8", "--chains", "2", "--steps", "2"}, "U = nan");
}

TEST_CASE("ood tells noise, turned and negative images from the run's own, in text, JSON and a picture") {
  const TemporaryFolder folder;
  train_run(folder);
  const Outcome outcome =
      ebm_tool(folder, {"ood", "--run", "run", "--device", "cpu", "--in", "synthetic", "--n", "50", "--out",
                        "noise,rotated,inverted,synthetic", "--json", "o.json", "--png", "o.png"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  for (const char* part :
       {"synthetic (in)", "AUROC", "AUPRC out", "rotated", "█", "U does not tell synthetic from synthetic"})
    CHECK_MESSAGE(contains(outcome.out, part), part);
  const nlohmann::json json = json_of(folder / "o.json");
  const nlohmann::json& sets = json["Outliers by U"];
  REQUIRE(sets.size() == 5);
  CHECK(sets[0]["name"] == "synthetic (in)");
  CHECK(sets[0]["images"] == 50);
  // the same images: every pair ties with its twin or is met the other way round
  CHECK(sets[4]["AUROC"].get<double>() == doctest::Approx(0.5));
  CHECK(sets[4]["AUPRC out"].get<double>() == doctest::Approx(0.5));
  CHECK(json["Verdict"][3] == "U does not tell synthetic from synthetic: AUROC 0.5");
  CHECK(get(folder / "o.json").starts_with("{\n  \"Verdict\""));
  for (const auto& set : sets) {
    double sum = 0;
    for (const auto& share : set["histogram of U"]) sum += share.get<double>();
    CHECK(sum == doctest::Approx(1));
  }
  CHECK(get(folder / "o.png").starts_with("\x89PNG"));
}

TEST_CASE("what ood cannot do is one line") {
  const TemporaryFolder folder;
  train_run(folder);
  break_run(folder);
  const auto refused = [&](std::vector<std::string> arguments, const std::string& part) {
    arguments.insert(arguments.begin(), {"ood", "--device", "cpu"});
    CHECK_MESSAGE(ebm_tool(folder, arguments).is_error_with(part), part);
  };
  refused({"--run", "nowhere"}, "nowhere");
  refused({"--run", "run", "--in", "nothing"}, "nothing");
  refused({"--run", "run", "--out", "nosie"}, "nosie");
  refused({"--run", "run", "--n", "0"}, "--n");
  refused({"--run", "run", "--n", "129"}, "2 to 128");
  refused({"--run", "run", "--n", "1152921504606846976"}, "2 to 128");  // 2^60, of 784 values each
  refused({"--run", "run", "--json", "no/such/o.json"}, "no/such");
  refused({"--run", "run", "--png", "no/such/o.png"}, "no/such");
  refused({"--run", "run", "--png", "o.jpg"}, "a name that ends in .png");
  refused({"--run", "nan"}, "U = nan");
}

TEST_CASE("a model of NaN gives one line and no file") {
  const TemporaryFolder folder;
  train_run(folder);
  break_run(folder);
  const auto files = [&] { return std::distance(std::filesystem::recursive_directory_iterator(folder.path()), {}); };
  const auto before = files();
  const auto refused = [&](std::vector<std::string> arguments, const std::string& part) {
    arguments.insert(arguments.begin() + 1, {"--run", "nan", "--device", "cpu"});
    const Outcome outcome = ebm_tool(folder, arguments);
    CHECK_MESSAGE(outcome.is_error_with(part), arguments[0] << ": " << outcome.err);
  };
  refused({"sample", "--n", "2", "--out", "x.npy"}, "nan in image 0");
  refused({"sample", "--n", "2", "--out", "x.png"}, "nan in image 0");
  refused({"energy", "--images", "synthetic"}, "U = nan at image 0");
  refused({"trace", "--n", "1"}, "U = nan");
  refused({"trace", "--n", "1", "--steps", "0"}, "U = nan");
  refused({"interpolate", "--n", "1", "--steps", "0"}, "U = nan");
  CHECK(files() == before);
}

TEST_CASE("steps and noise that no chain can have are one line in every command") {
  const TemporaryFolder folder;
  train_run(folder);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"sample", "--n", "2"}, {"evaluate", "--n", "20", "--metrics", "psnr"}, {"mean", "--n", "2"}}) {
    const auto refused = [&](const std::string& flag, const std::string& value, const std::string& part) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {"--run", "run", "--device", "cpu", flag, value});
      const Outcome outcome = ebm_tool(folder, arguments);
      CHECK_MESSAGE(outcome.is_error_with(part), command[0] << " " << flag << " " << value << ": " << outcome.err);
    };
    refused("--steps", "1000001", "0 to 1000000");
    refused("--steps", "1152921504606846976", "0 to 1000000");
    for (const char* value : {"-1", "nan", "inf", "much"})
      refused("--noise-scale", value, std::string(value) + "\", expected a finite number, 0 or more");
  }
  CHECK(ebm_tool(folder, {"sample", "--run", "run", "--n", "2", "--noise-scale", "1e308"})
            .is_error_with("times noise-scale 1e+308"));
}
