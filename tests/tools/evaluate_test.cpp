// ./ebm evaluate, from the command line to what it prints and writes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/tools/figures.h"
#include "tools/evaluate/classifier_file.h"
#include "tools/evaluate/feature_scores.h"
#include "tools/evaluate/reference_images.h"

using namespace ebm;
using namespace ebm::test;

namespace {

using Json = nlohmann::json;

// A folder with a run of a few iterations in run/, and data/ for the classifier.
class Workplace {
 public:
  Workplace() {
    const Outcome made =
        Program(EBM_TRAIN_PROGRAM, tiny({"synthetic", "--iterations", "2", "--out", "run", "--quiet"}), folder_.path())
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

TEST_CASE("evaluate trains its classifier once, prints every score, and writes them with all they depend on") {
  const Workplace place;
  const Outcome first = place.of_run({"--metrics", "fd,kid,is,prdc,psnr,ssim", "--steps", "2", "--noise-scale", "0",
                                      "--json", "scores.json", "--export", "samples"});
  REQUIRE_MESSAGE(first.code == 0, first.err);
  for (const char* part : {"training the classifier of synthetic once", "epoch 16/16, 100 % done", "0.0 min left",
                           "synthetic at iteration 2: 40 samples, seed 1", "2 Langevin steps, noise scale 0",
                           "against 40 training images", "generated", "revised", "real", "FD-cls", "KID-cls", "IS-cls",
                           "precision-cls", "recall-cls", "density-cls", "coverage-cls", "PSNR", "SSIM"})
    CHECK_MESSAGE(contains(first.out, part), part);
  CHECK(!contains(first.out, "FID"));

  const Json json = Json::parse(get(place / "scores.json"));
  for (const auto& [key, value] : {std::pair<const char*, Json>{"data_set", "synthetic"},
                                   {"iteration", 2},
                                   {"reference_split", "train"},
                                   {"reference_n", 40},
                                   {"langevin_steps_of_revised", 2},
                                   {"noise_scale", 0},
                                   {"seed", 1},
                                   {"floor_n", 40},
                                   {"floor_n_from_other_split", 0}})
    CHECK_MESSAGE(json[key] == value, key);
  CHECK(contains(json["features"], "classifier v"));
  // a row for each score of each kind of images, and the floor in it; none of reconstructions
  REQUIRE(json["Scores"].size() == 2 * 7 + 2);
  for (size_t i = 0; i < json["Scores"].size(); ++i) {
    const Json& row = json["Scores"][i];
    CAPTURE(row.dump());
    CHECK(row["images"] == (i >= 14 ? "reconstructed" : i % 2 == 0 ? "generated" : "revised"));
    CHECK(row["value"].is_number());
    CHECK(row.contains("floor") == (i < 14));
    CHECK(row["n"] == 40);
    if (i % 2 == 1 && i < 14) {
      CHECK(row["name"] == json["Scores"][i - 1]["name"]);
      CHECK(row["floor"] == json["Scores"][i - 1]["floor"]);
    }
    CHECK(row.contains("plus_minus") == (row["name"] == "KID-cls" || row["name"] == "IS-cls"));
    CHECK(row.contains("floor_plus_minus") == row.contains("plus_minus"));
  }
  // the table's first line: FD-cls of g(z), revised and real, to four digits
  double fd_generated = 0, fd_revised = 0, fd_real = 0;
  REQUIRE(std::sscanf(first.out.c_str() + first.out.find("FD-cls "), "FD-cls %lf %lf %lf", &fd_generated, &fd_revised,
                      &fd_real) == 3);
  CHECK(json["Scores"][0]["value"].get<double>() == doctest::Approx(fd_generated).epsilon(1e-3));
  CHECK(json["Scores"][1]["value"].get<double>() == doctest::Approx(fd_revised).epsilon(1e-3));
  CHECK(json["Scores"][1]["floor"].get<double>() == doctest::Approx(fd_real).epsilon(1e-3));

  // the same command gives the same scores, now without training; another seed gives others
  const Outcome second = place.of_run({"--steps", "2", "--noise-scale", "0", "--json", "again.json"});
  REQUIRE_MESSAGE(second.code == 0, second.err);
  CHECK(!contains(second.out, "training the classifier"));
  const Json again = Json::parse(get(place / "again.json"));
  CHECK(again["Scores"][0] == json["Scores"][0]);
  REQUIRE(place.of_run({"--steps", "2", "--noise-scale", "0", "--seed", "2", "--json", "other.json"}).code == 0);
  const Json other = Json::parse(get(place / "other.json"));
  CHECK(other["Scores"][0]["value"] != json["Scores"][0]["value"]);
  CHECK(other["Scores"][0]["floor"] == json["Scores"][0]["floor"]);  // the floor knows no seed

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

  // a disk that is full at the end costs no scores
  const Outcome full = place.evaluate({"--run", "run", "--n", "40", "--json", "full.json"}, 2500);
  CHECK_MESSAGE(full.is_error_with("full.json"), full.err);
  CHECK(contains(full.out, "coverage-cls"));
  CHECK(!std::filesystem::exists(place / "full.json"));
}

TEST_CASE("an export that was interrupted, or met a full disk, is no obstacle to the same command") {
  const Workplace place;
  const auto contents = [&] {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(place / "samples", error))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto arguments = [](const std::string& steps) {
    return std::vector<std::string>{"--metrics", "psnr", "--steps", steps, "--export", "samples"};
  };
  std::vector<std::string> endless{"evaluate", "--device", "cpu", "--data", "data", "--run", "run", "--n", "40"};
  for (const std::string& word : arguments("1000000")) endless.push_back(word);
  Program program(EBM_PROGRAM, endless, place / "");
  REQUIRE(eventually([&] {
    return contents().size() == 1 && std::filesystem::exists(place / "samples" / contents()[0] / "revised");
  }));
  program.signal(SIGTERM);
  CHECK(program.wait().code == 128 + SIGTERM);
  CHECK(contents().size() == 1);

  std::vector<std::string> limited = arguments("2");
  limited.insert(limited.begin(), {"--run", "run", "--n", "40"});
  CHECK(place.evaluate(limited, 5000).is_error_with("generated.npy"));
  CHECK(contents().empty());

  CHECK(place.of_run(arguments("2")).code == 0);
  CHECK(contents() == std::vector<std::string>{"generated", "generated.npy", "revised", "revised.npy"});
}

TEST_CASE("evaluate's scores of generated and revised samples are those of the samples that it exports as such") {
  const TemporaryFolder folder;
  train_lively_run(folder);
  of_run(folder, {"evaluate", "--data", "data", "--n", "60", "--steps", "3", "--metrics", "fd", "--json", "scores.json",
                  "--export", "samples"});
  const TrainedClassifier classifier =
      read_classifier(classifier_path(folder / "data", "synthetic"), "synthetic", 512, kCpu);
  constexpr MetricSet kFrechet{.frechet = true};
  const auto statistics = [&](const std::vector<uint8_t>& levels) {
    FeatureStatistics set(classifier.network, kTinyImage, kFrechet, 60);
    set.add(levels);
    return set;
  };
  const Dataset train = load_dataset("synthetic", folder / "data", Split::train);
  const FeatureStatistics reference = statistics(reference_images(train, 0, 60));
  const FeatureReference judge(reference, kFrechet);
  const auto distance_of = [&](const char* exported) {
    return *judge.score(statistics(load_images(folder / "samples" / exported, kTinyImage).pixels)).frechet;
  };
  const Json rows = Json::parse(get(folder / "scores.json"))["Scores"];
  REQUIRE(rows.size() == 2);
  const double generated = distance_of("generated"), revised = distance_of("revised");
  CHECK(std::abs(generated - revised) > 0.02 * revised);
  CHECK(std::abs(rows[0]["value"].get<double>() - generated) < 1e-3 * generated);
  CHECK(std::abs(rows[1]["value"].get<double>() - revised) < 1e-3 * revised);
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
  refused({"--features", "inception", "--metrics", "fid"}, "tools/scripts/inception_weights.py");
  refused({"--split", "validation"}, "train or test");
  refused({"--n", "0"}, "--n");
  refused({"--seed", "-1"}, "--seed");
  refused({"--steps", "-1"}, "--steps");
  refused({"--json", "nowhere/scores.json"}, "nowhere");
  CHECK(place.evaluate({"--run", "run", "--n", "513"}).is_error_with("10 to 512, the training images"));
  CHECK(place.evaluate({"--run", "run", "--n", "129", "--split", "test"}).is_error_with("10 to 128, the test images"));
  CHECK(place.evaluate({"--run", "run"}).is_error_with("n = 10000"));
  CHECK(place.evaluate({"--run", "nowhere"}).is_error_with("nowhere"));
  std::filesystem::create_directories(place / "empty");
  CHECK(place.evaluate({"--run", "empty"}).is_error_with("without a checkpoint"));
  CHECK(!std::filesystem::exists(place / "data"));
}

TEST_CASE("evaluate refuses a damaged classifier, and a full disk leaves none") {
  const Workplace place;
  CHECK(place.evaluate({"--run", "run", "--n", "40"}, 10000).is_error_with("classifier-v2"));
  CHECK(std::filesystem::is_empty(place / "data/synthetic"));
  put(place / "data/synthetic/classifier-v2.safetensors", "junk");
  CHECK(place.of_run({}).is_error_with("delete the file"));
  CHECK(place.of_run({"--metrics", "psnr"}).code == 0);  // reconstructions need no features
}
