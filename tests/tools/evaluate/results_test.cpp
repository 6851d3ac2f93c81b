#include "tools/evaluate/results.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("results are sections of rows, in order, numbers or curves") {
  const TemporaryFolder folder;
  write_results(folder / "r.json",
                std::vector<ResultSection>{{"B", {{"one", {1.5}, "why"}, {"curve", {1, NAN}, ""}}}, {"A", {}}});
  std::string text = get(folder / "r.json");
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  CHECK(text == R"({"B":[{"name":"one","value":1.5,"note":"why"},{"name":"curve","value":[1.0,null]}],"A":[]})");
  CHECK(contains(error_of([&] { write_results(folder / "no/r.json", {}); }), "r.json"));
}
