#include "tools/settings_flags.h"

#include <cmath>

#include <doctest/doctest.h>

#include "tests/train/fixtures.h"
#include "tools/command_line.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("config.toml reads back to the same settings, to the last bit") {
  Settings s = recipe_settings("cifar10", Profile::laptop);
  int i = 0;
  for (const SettingFlag& flag : setting_flags()) {
    ++i;
    std::visit(
        [&](auto field) {
          using T = std::remove_reference_t<decltype(s.*field)>;
          // values that survive no rounding, and are valid for every setting
          if constexpr (std::is_floating_point_v<T>)
            s.*field = std::nextafter(0.1 + 0.8 * i / 100, 1.0);
          else
            s.*field = static_cast<T>(100 + i);
        },
        flag.field);
  }
  const RunFlags flags{7, 9, "fp32", true, 11};
  const Config config = read_config(config_text(s, flags), "test");
  CHECK(config.settings.recipe == s.recipe);
  CHECK(config.settings.profile == s.profile);
  for (const SettingFlag& flag : setting_flags())
    std::visit([&](auto field) { CHECK_MESSAGE(config.settings.*field == s.*field, flag.flag); }, flag.field);
  CHECK(config.flags.checkpoint_every == 7);
  CHECK(config.flags.samples_every == 9);
  CHECK(config.flags.precision == "fp32");
  CHECK(config.flags.deterministic);
  CHECK(config.flags.read_every == 11);
  CHECK(config_text(config.settings, config.flags) == config_text(s, flags));
}

TEST_CASE("each recipe's settings survive config.toml") {
  for (const char* recipe : {"mnist", "fashion", "cifar10", "synthetic"})
    for (const Profile profile : {Profile::laptop, Profile::paper}) {
      const Settings s = recipe_settings(recipe, profile);
      const std::string text = config_text(s, {});
      CHECK(config_text(read_config(text, "test").settings, {}) == text);
    }
}

TEST_CASE("a config file with anything else is refused") {
  CHECK(contains(error_of([] { read_config("recipe = \"mnist\"\nstepps = 3\n", "x.toml"); }), "stepps"));
  CHECK(contains(error_of([] { read_config("steps = many\n", "x.toml"); }), "many"));
  CHECK(contains(error_of([] { read_config("batch = 0\n", "x.toml"); }), "batch"));
  CHECK(contains(error_of([] { read_config("energy-lr = nan\n", "x.toml"); }), "energy-lr"));
}

TEST_CASE("the nearest name is suggested if it is near enough") {
  const std::vector<std::string> names{"mnist", "fashion", "cifar10", "synthetic"};
  CHECK(nearest_name("mnsit", names) == "mnist");
  CHECK(nearest_name("fasion", names) == "fashion");
  CHECK(nearest_name("cifar", names) == "cifar10");
  CHECK(nearest_name("imagenet64", names) == "");
}
