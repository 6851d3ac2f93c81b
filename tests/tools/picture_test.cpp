// ./ebm interpolate, trace, reconstruct, neighbours and mean.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/tiny_tool_run.h"
#include "train/files/image_file.h"

using namespace ebm;
using namespace ebm::test;

namespace {

ImageSet picture(const std::filesystem::path& path) { return load_images(path, {0, 0, 0}); }

}  // namespace

TEST_CASE("each picture has its size, and figures beside it that a report shows") {
  const TemporaryFolder folder;
  train_run(folder);
  const auto made = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, {"--run", "run"});
    const Outcome outcome = ebm_tool(folder, arguments);
    CHECK_MESSAGE(outcome.code == 0, outcome.err);
    return outcome.out;
  };
  constexpr int64_t kCell = 28 * 2 + 2;  // an image at twice its size, and its padding
  made({"interpolate", "--n", "3", "--columns", "5"});
  const ImageSet lines = picture(folder / "run/interpolate.png");
  CHECK(lines.height == 3 * kCell + 2);
  CHECK(lines.width == 2 * (5 * kCell + 2) + 4);  // and the bar between
  const auto along = nlohmann::json::parse(get(folder / "run/interpolate.json"))["U along the line"];
  REQUIRE(along.size() == 2 * 3);  // each row before and after revision
  for (const auto& row : along) CHECK(row["value"].size() == 5);
  CHECK(along[0]["value"] != along[1]["value"]);

  CHECK(contains(made({"trace", "--n", "2", "--columns", "3", "--steps", "4"}), "2 chains of 4"));
  CHECK(picture(folder / "run/trace.png").width == 3 * (28 * 3 + 2) + 2);
  const std::string moving = get(folder / "run/trace.animated.png");
  check_png(std::as_bytes(std::span(moving)), "trace.animated.png");
  CHECK(moving.substr(moving.find("acTL") + 4, 4) == std::string("\0\0\0\5", 4));  // steps 0 to 4
  CHECK(picture(folder / "run/trace.animated.png").width == 2 * (28 * 3 + 2) + 2);
  const std::string energies = get(folder / "run/trace.csv");
  CHECK(std::count(energies.begin(), energies.end(), '\n') == 2 + 2 * 5);
  CHECK(contains(get(folder / "run/trace.json"), "chain 1"));

  made({"reconstruct", "--n", "12", "--images", "40"});
  CHECK(picture(folder / "run/reconstruct.png").height == 6 * kCell + 2);
  CHECK(contains(get(folder / "run/reconstruct.json"), "40 test images of synthetic"));

  CHECK(contains(made({"neighbours", "--n", "4", "--k", "2"}), "4 samples with their 2 nearest"));
  CHECK(picture(folder / "run/neighbours.png").height == 4 * kCell + 2);
  CHECK(contains(get(folder / "run/neighbours.json"), "128 test images against 512 training images"));

  made({"mean"});
  CHECK(picture(folder / "run/mean.png").width == 3 * (28 * 4 + 2) + 2);

  CHECK(ebm_tool(folder, {"report", "run"}).code == 0);
  const std::string page = get(folder / "run/report.html");
  for (const char* part : {"interpolate.png", "neighbours.json", "mean.png", "U along the chain"})
    CHECK_MESSAGE(contains(page, part), part);
}

TEST_CASE("a picture is a function of the seed, and goes where --out says") {
  const TemporaryFolder folder;
  train_run(folder);
  const auto bytes = [&](const std::string& name, const std::string& seed) {
    CHECK(ebm_tool(folder,
                   {"trace", "--run", "run/checkpoint-00000002.safetensors", "--n", "1", "--seed", seed, "--out", name})
              .code == 0);
    return get(folder / name);
  };
  const std::string first = bytes("a.png", "1");
  CHECK(first == bytes("b.png", "1"));
  CHECK(first != bytes("c.png", "2"));
  CHECK(get(folder / "a.csv") != get(folder / "c.csv"));
}

TEST_CASE("what a picture cannot be made of is one line, and leaves none") {
  const TemporaryFolder folder;
  train_run(folder);
  const auto refused = [&](std::vector<std::string> arguments, const std::string& part) {
    arguments.insert(arguments.begin() + 1, {"--run", "run"});
    const Outcome outcome = ebm_tool(folder, arguments);
    CHECK_MESSAGE(outcome.is_error_with(part), arguments[0] << " " << arguments.back() << ": " << outcome.err);
  };
  refused({"interpolate", "--n", "0"}, "--n");
  refused({"interpolate", "--n", "101"}, "1 to 100");
  refused({"interpolate", "--columns", "1"}, "--columns");
  refused({"interpolate", "--out", "a.gif"}, ".png");
  refused({"interpolate", "--out", "no/where.png"}, "no/where");
  refused({"interpolate", "--stesp", "2"}, "did you mean --steps?");
  refused({"trace", "--steps", "-1"}, "--steps");
  refused({"trace", "--steps", "100001"}, "--steps");
  refused({"trace", "--noise-scale", "-2"}, "noise-scale");
  refused({"trace", "--n", "many"}, "--n");
  refused({"reconstruct", "--images", "129"}, "1 to 128");
  refused({"reconstruct", "--n", "50", "--images", "20"}, "--n");
  refused({"neighbours", "--samples", "129"}, "1 to 128");
  refused({"neighbours", "--k", "0"}, "--k");
  refused({"mean", "--n", "1"}, "--n");
  std::filesystem::create_directories(folder / "run/mean.json");  // in the place of a result
  refused({"mean"}, "mean.json");
  CHECK(ebm_tool(folder, {"trace", "--run", "nowhere"}).is_error_with("nowhere"));
  CHECK(ebm_tool(folder, {"trace"}).is_error_with("--run is required"));
  for (const char* name : {"interpolate", "trace", "reconstruct", "neighbours", "mean"}) {
    CHECK(!std::filesystem::exists(folder / "run" / (std::string(name) + ".png")));
    const Outcome help = ebm_tool(folder, {name, "--help"});
    CHECK(help.code == 0);
    CHECK(contains(help.out, "--steps"));
  }
}
