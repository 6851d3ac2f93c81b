#include "tools/settings_flags.h"

#include <cmath>
#include <set>

#include <doctest/doctest.h>

#include "tests/train/fixtures.h"
#include "tools/command_line.h"
#include "train/chains/chain_settings.h"
#include "train/recipes.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("config.toml reads back to the same settings, to the last bit, for every method") {
  for (const MethodRecord& method : methods()) {
    const std::string name = method.name;
    CAPTURE(name);
    const std::unique_ptr<Settings> s = recipe_settings(name, recipe_names(name).back(), Profile::laptop);
    s->data = "fashion";
    int i = 0;
    for (const Setting& setting : list_settings(*s)) {
      ++i;
      std::visit(
          [&](auto* value) {
            using T = std::remove_reference_t<decltype(*value)>;
            // values that survive no rounding, and are valid for every setting
            if constexpr (std::is_floating_point_v<T>)
              *value = std::nextafter(0.1 + 0.8 * i / 100, 1.0);
            else if constexpr (std::is_integral_v<T>)
              *value = static_cast<T>(100 + i);
          },
          setting.value);
    }
    const RunSettings run{.checkpoint_every = 7,
                          .samples_every = 9,
                          .score_every = 13,
                          .precision = "fp32",
                          .deterministic = true,
                          .logical_ranks = 3,
                          .read_every = 11};
    const std::string text = config_text(*s, run);
    const Config config = read_config(text, "test");
    CHECK(config.settings->method == name);
    CHECK(config.settings->recipe == s->recipe);
    CHECK(config.settings->data == "fashion");
    CHECK(config.settings->profile == s->profile);
    const std::unique_ptr<Settings> read = config.settings->clone();
    const std::vector<Setting> before = list_settings(*s), after = list_settings(*read);
    REQUIRE(before.size() == after.size());
    for (size_t k = 0; k < before.size(); ++k)
      if (!is_folder(before[k].fixed))  // which fashion has none of
        CHECK_MESSAGE(setting_text(before[k]) == setting_text(after[k]), before[k].flag);
    CHECK(config.run.checkpoint_every == 7);
    CHECK(config.run.samples_every == 9);
    CHECK(config.run.score_every == 13);
    CHECK(config.run.precision == "fp32");
    CHECK(config.run.deterministic);
    CHECK(config.run.logical_ranks == 3);
    CHECK(config.run.read_every == 11);
    CHECK(config_text(*config.settings, config.run) == text);

    // flags are unlike each other
    std::set<std::string> flags;
    for (const Setting& setting : before) CHECK_MESSAGE(flags.insert(setting.flag).second, setting.flag);
  }
}

TEST_CASE("each recipe's settings are valid and survive config.toml") {
  for (const MethodRecord& method : methods())
    for (const std::string& recipe : recipe_names(method.name))
      for (const Profile profile : {Profile::laptop, Profile::paper}) {
        CAPTURE(recipe);
        if (!has_profile(method.name, recipe, profile)) continue;
        const std::unique_ptr<Settings> s = recipe_settings(method.name, recipe, profile);
        CHECK_NOTHROW(check_settings(*s));
        const std::string text = config_text(*s, {});
        CHECK(config_text(*read_config(text, "test").settings, {}) == text);
      }
}

TEST_CASE("a folder's settings survive config.toml, whatever its path, and other data sets have none of them") {
  const std::unique_ptr<Settings> s = recipe_settings("ebm-vae", kFolder, Profile::laptop);
  s->folder = {.images = "", .size = 128, .channels = 1, .image_count = 400, .no_flip = true, .strict = true};
  for (const char* path : {"/photos", "/my photos/2026, may", "/a; b/c = d", "/it's", "/say \"cheese\"", "/[1]/ä"}) {
    CAPTURE(path);
    s->folder.images = path;
    const std::string text = config_text(*s, {});
    const Config read = read_config(text, "test");
    CHECK(read.settings->folder.images == path);
    CHECK(read.settings->folder.size == 128);
    CHECK(read.settings->folder.no_flip);
    CHECK(config_text(*read.settings, {}) == text);
  }
  const std::unique_ptr<Settings> mnist = recipe_settings("ebm-vae", "mnist", Profile::laptop);
  CHECK(!contains(config_text(*mnist, {}), "\nimages = "));
  CHECK(contains(error_of([] { read_config("recipe = \"mnist\"\nsize = 32\n", "x.toml"); }),
                 "[--size] received 32 for mnist, expected it with the recipe folder"));
  CHECK(contains(error_of([] { recipe_settings("ebm-vae", kFolder, Profile::paper); }), "paper for the recipe folder"));
  for (const char* path : {"/a # b", "/it's \"so\""}) {
    s->folder.images = path;
    CHECK(contains(error_of([&] { check_settings(*s); }), "a path that config.toml can hold"));
  }
  s->folder.images = "/photos";
  s->folder.size = 48;
  CHECK(contains(error_of([&] { check_settings(*s); }), "[--size] received 48, expected 32, 64 or 128"));
  s->folder.size = 64;
  s->folder.channels = 2;
  CHECK(contains(error_of([&] { check_settings(*s); }), "[--channels] received 2"));
  s->folder.channels = 0;
  s->held_out = 3;
  CHECK(contains(error_of([&] { check_settings(*s); }), "a data set with labels"));
}

TEST_CASE("a config file of an earlier version, without method and data set, is of ebm-vae on the recipe's data") {
  const Config config = read_config("recipe = \"fashion\"\nprofile = \"paper\"\nsteps = 3\n", "old");
  CHECK(config.settings->method == "ebm-vae");
  CHECK(config.settings->data == "fashion");
  CHECK(config.settings->batch == 400);
  CHECK(config_text(*config.settings, {}).find("\nsteps = 3\n") != std::string::npos);
}

TEST_CASE("a group of settings has flags of its own by a prefix") {
  struct TwoChains : Settings {
    ChainSettings prior, posterior;
    std::unique_ptr<Settings> clone() const override { return std::make_unique<TwoChains>(*this); }
    void describe(SettingVisitor& v) override {
      Settings::describe(v);
      v.group("prior-", prior);
      v.group("posterior-", posterior);
    }
  } s;
  CLI::App app;
  SettingsOptions options;
  options.add_to<Settings>(app, s, s, "");
  app.parse("--prior-steps 7 --posterior-steps 8");
  options.apply(s);
  CHECK(s.prior.steps == 7);
  CHECK(s.posterior.steps == 8);
  s.posterior.noise = -1;
  CHECK(contains(error_of([&] { check_settings(s); }), "posterior-noise = -1"));
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
