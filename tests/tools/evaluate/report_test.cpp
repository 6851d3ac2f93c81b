#include "tools/evaluate/report.h"

#include <doctest/doctest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/train/fixtures.h"
#include "tools/evaluate/data_uri.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"

using namespace ebm;
using namespace ebm::test;

namespace {

constexpr char kMetrics[] = "iteration,rollbacks,energy_gap,seconds_vae\n";

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string page_of(const std::vector<std::filesystem::path>& folders) {
  std::vector<RunRecord> runs;
  for (const auto& folder : folders) runs.push_back(read_run(folder));
  return report_page(runs);
}

// The data between its script element's tags, as a browser finds it.
nlohmann::json data_of(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const size_t begin = page.find(open) + open.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

}  // namespace

TEST_CASE("base64 is that of RFC 4648, section 10") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) CHECK(base64(bytes_of(plain)) == text);
  CHECK(base64(bytes_of("\xff\xfe\xfd")) == "//79");
}

TEST_CASE("nothing in a file can leave its place in the page") {
  const TemporaryFolder folder;
  const std::string hostile = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> \"'&\\";
  put(folder / "run/config.toml", "# " + hostile + "\nkey = " + hostile + "\n");
  put(folder / "run/metrics.csv", "iteration,rollbacks," + hostile + "\n1,0,2\n");
  put(folder / "run/evaluate.json", nlohmann::json{{hostile, {{{"name", hostile}, {"value", 1}}}}}.dump());
  put(folder / "run/broken.json", hostile);
  put(folder / "run/bytes.json", "{\"a\": \"\xff\xfe\"}");
  put(folder / "plain/config.toml", "key = value\n");
  const std::string page = page_of({folder / "run"}), plain = page_of({folder / "plain"});
  CHECK(occurrences(page, "<script") == occurrences(plain, "<script"));
  CHECK(occurrences(page, "</script") == occurrences(plain, "</script"));
  CHECK(occurrences(page, "<!--") == 0);
  CHECK(occurrences(page, "<img") == 0);
  const auto run = data_of(page)["runs"][0];
  CHECK(run["settings"][0]["value"] == hostile);
  CHECK(run["settings"][0]["help"] == hostile);
  CHECK(run["curves"]["columns"].contains(hostile));
  CHECK(run["results"][0]["content"][hostile][0]["name"] == hostile);
  CHECK(contains(run["notes"].dump(), "broken.json"));
  CHECK(contains(run["notes"].dump(), "bytes.json"));
}

TEST_CASE("the page loads nothing") {
  const TemporaryFolder folder;
  put(folder / "run/config.toml", "");
  const std::string page = page_of({folder / "run"});
  CHECK(contains(page, "default-src 'none'"));
  for (const char* outside : {"src=\"http", "href=\"http", "url(http", "@import", "import "})
    CHECK_MESSAGE(!contains(page, outside), outside);
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK(page.ends_with("</html>\n"));
}

TEST_CASE("curves are the metrics', and a long run's are thinned to a small page") {
  const TemporaryFolder folder;
  put(folder / "short/metrics.csv", std::string(kMetrics) + "1,0,0.5,2\n2,0,nan,2\n2,1,0.25,2\n");
  const auto curves = data_of(page_of({folder / "short"}))["runs"][0]["curves"];
  CHECK(curves["iterations"] == nlohmann::json{1, 2});
  CHECK(curves["elapsed"] == nlohmann::json{2, 6});
  CHECK(curves["columns"]["energy_gap"]["mean"] == nlohmann::json{0.5, 0.25});
  CHECK(!curves["columns"]["energy_gap"].contains("least"));
  CHECK(curves["rollbacks"][0]["from"] == 2);
  CHECK(curves["rollbacks"][0]["to"] == 1);
  CHECK(curves["undone"] == 1);
  CHECK(curves["seconds"] == 6);

  std::string rows = "iteration,rollbacks";
  for (int c = 0; c < 22; ++c) rows += fmt::format(",c{}", c);
  for (int i = 1; i <= 15000; ++i) {
    rows += fmt::format("\n{},0", i);
    for (int c = 0; c < 22; ++c) rows += fmt::format(",{:.7g}", 0.123457 * ((i * 7919 + c) % 1000));
  }
  std::vector<std::filesystem::path> folders;
  for (int r = 0; r < kMostRunsInReport; ++r) {
    folders.push_back(folder / fmt::format("long{}", r));
    put(folders.back() / "metrics.csv", rows + "\n");
  }
  CHECK(page_of({folders[0]}).size() < 1'000'000);
  CHECK(page_of(folders).size() < 2'000'000);
}

TEST_CASE("results of any form are carried over, and hopeless ones become notes") {
  const TemporaryFolder folder;
  put(folder / "run/config.toml", "");
  put(folder / "run/evaluate.json", R"({"Scores": [{"value": 2, "name": "FD-cls", "n": 10}]})");
  put(folder / "run/list.json", "[1, [2, {\"a\": null}]]");
  put(folder / "run/deep.json", std::string(100000, '[') + std::string(100000, ']'));
  put(folder / "run/nan.json", "{\"a\": NaN}");
  const auto run = data_of(page_of({folder / "run"}))["runs"][0];
  REQUIRE(run["results"].size() == 2);
  CHECK(run["results"][0]["content"]["Scores"][0]["n"] == 10);
  CHECK(run["results"][1]["content"][1][1]["a"].is_null());
  CHECK(contains(run["notes"].dump(), "deep.json"));
  CHECK(contains(run["notes"].dump(), "nan.json"));
}

TEST_CASE("runs of one folder name are told apart, and too many are refused") {
  const TemporaryFolder folder;
  for (const char* name : {"a/run", "b/run"}) put(folder / name / "config.toml", "");
  const auto runs = data_of(page_of({folder / "a/run/", folder / "b/run"}))["runs"];
  CHECK(runs[0]["name"] != runs[1]["name"]);
  CHECK(data_of(page_of({folder / "a/run/"}))["runs"][0]["name"] == "run");
  CHECK(contains(error_of([&] { page_of(std::vector<std::filesystem::path>(9, folder / "a/run")); }), "9 runs"));
  CHECK_THROWS_AS(page_of({}), Error);
}

TEST_CASE("the report replaces its file, and pictures are in it") {
  const TemporaryFolder folder;
  put(folder / "run/config.toml", "");
  const std::vector<std::byte> png = encode_png(std::vector<uint8_t>(6, 200), {2, 3, 1});
  write_file_atomically(folder / "run/trace.png", png);
  std::filesystem::create_directories(folder / "run/samples");
  write_file_atomically(folder / "run/samples/00000005.png", png);
  put(folder / "run/samples/00000006.png", "foobar");
  put(folder / "run/half.png", get(folder / "run/trace.png").substr(0, png.size() / 2));
  put(folder / "out.html", "old");
  write_report({{folder / "run"}}, folder / "out.html");
  const auto run = data_of(get(folder / "out.html"))["runs"][0];
  CHECK(run["samples"][0]["iteration"] == 5);
  CHECK(run["samples"][0]["image"] == "data:image/png;base64," + base64(png));
  CHECK(run["samples"].size() == 1);
  REQUIRE(run["pictures"].size() == 1);
  CHECK(run["pictures"][0]["name"] == "trace.png");
  // what a browser could not show is a note
  CHECK(contains(run["notes"].dump(), "00000006.png, a damaged picture"));
  CHECK(contains(run["notes"].dump(), "half.png, a damaged picture"));
  CHECK(contains(error_of([&] { write_report({{folder / "run"}}, folder / "no/out.html"); }), "out.html"));
}
