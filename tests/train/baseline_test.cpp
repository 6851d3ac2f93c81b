#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "core/check.h"
#include "kernels/chain/replay.h"
#include "kernels/elementwise.h"
#include "kernels/reduce.h"
#include "tests/random_tensor.h"
#include "tests/train/tiny_run.h"

namespace ebm {
namespace {

TeachingSettings tiny(const std::string& method) {
  TeachingSettings s = teaching_recipe("synthetic", Profile::laptop, method);
  const TeachingSettings sizes = test::tiny_settings(20);
  s.iterations = sizes.iterations;
  s.batch = s.chains = sizes.batch;
  s.chain.steps = sizes.chain.steps;
  s.width = sizes.width;
  s.generator_width = sizes.generator_width;
  s.encoder_width = sizes.encoder_width;
  s.latent = sizes.latent;
  return s;
}

std::vector<std::byte> bytes(const Trainer& trainer, const std::string& tensor) {
  return trainer.state().tensors.at(tensor).data;
}

}  // namespace

TEST_CASE("each method trains its own networks and leaves the others alone") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  struct Case {
    std::string method;
    bool energy, encoder, generator;
  };
  for (const Case& c :
       {Case{"ebm-vae", true, true, true}, Case{"vae", false, true, true}, Case{"coopnets", true, false, true},
        Case{"short-run", true, false, false}, Case{"persistent", true, false, false}}) {
    CAPTURE(c.method);
    Trainer trainer(tiny(c.method), test_device());
    const auto energy = bytes(trainer, "energy.conv1.weight"), encoder = bytes(trainer, "encoder.mu.weight"),
               generator = bytes(trainer, "generator.conv1.weight");
    const Tensor x = normal({8, 28, 28, 1}, 1, 0, 0.5f);
    Metrics m;
    for (int i = 0; i < 3; ++i) m = trainer.step(x);
    CHECK(can(c.method, Ability::energy) == c.energy);
    CHECK(can(c.method, Ability::encode) == c.encoder);
    CHECK(can(c.method, Ability::generate) == c.generator);
    CHECK((bytes(trainer, "energy.conv1.weight") != energy) == c.energy);
    CHECK((bytes(trainer, "encoder.mu.weight") != encoder) == c.encoder);
    CHECK((bytes(trainer, "generator.conv1.weight") != generator) == c.generator);
    CHECK((m["grad_energy"] > 0) == c.energy);
    CHECK((m["kl"] != 0) == c.encoder);
    CHECK((m["reconstruction"] > 0) == c.generator);
    CHECK((m["revision"] > 0) == c.energy);
    CHECK((m["seconds_langevin"] > 0) == c.energy);
    CHECK(std::isfinite(m["energy_loss"]));
  }
}

TEST_CASE("a state continues each method's training bit for bit") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  for (const std::string method : {"vae", "coopnets", "short-run", "persistent"}) {
    CAPTURE(method);
    Trainer whole(tiny(method), test_device()), first(tiny(method), test_device());
    const Tensor x = normal({8, 28, 28, 1}, 1, 0, 0.5f);
    for (int i = 0; i < 4; ++i) whole.step(x);
    for (int i = 0; i < 2; ++i) first.step(x);
    Trainer second(tiny(method), test_device());
    second.load_state(first.state());
    for (int i = 0; i < 2; ++i) second.step(x);
    const SafetensorsFile a = whole.state(), b = second.state();
    for (const auto& [name, entry] : a.tensors) {
      CAPTURE(name);
      CHECK(entry.data == b.tensors.at(name).data);
    }
  }
}

TEST_CASE("a method is found by its name, another is refused") {
  for (const MethodRecord& record : methods()) CHECK((method_record(record.name).make == record.make));
  CHECK_THROWS_WITH_AS(method_record("gan"), doctest::Contains("coopnets"), Error);
}

TEST_CASE("what a method does not train is refused by name, with the methods that do") {
  CHECK_NOTHROW(need("vae", Ability::encode, "--run"));
  CHECK_THROWS_WITH_AS(
      need("vae", Ability::energy, "--run"),
      doctest::Contains("[--run] received a model of --method vae, expected one of ebm-vae, coopnets, "
                        "short-run, persistent, lebm, abp or nt-ebm: this method does not train its energy net"),
      Error);
  CHECK_THROWS_WITH_AS(need("persistent", Ability::generate, "--run"),
                       doctest::Contains("one of ebm-vae, vae, coopnets, lebm, abp or nt-ebm"), Error);
  CHECK_THROWS_WITH_AS(need("coopnets", Ability::encode, "--run"),
                       doctest::Contains("one of ebm-vae, vae, lebm, abp or nt-ebm"), Error);
}

TEST_CASE("samples of a method without an energy net are given no steps") {
  TeachingSettings s = teaching_recipe("mnist", Profile::laptop);
  CHECK(s.sample_steps() == s.chain.sample_steps);
  s.chain.sample_steps = 0;
  CHECK(s.sample_steps() == s.chain.steps);
  s.method = "vae";
  CHECK(s.sample_steps() == 0);
  s.chain.sample_steps = 60;
  CHECK(s.sample_steps() == 0);
}

TEST_CASE("samples begin where the method's chains begin, and a VAE's are not revised") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  const RandomKey key{3, Stream::sample};
  const auto sample = [&](const std::string& method) {
    TeachingSettings s = tiny(method);
    s.ema_decay = 0;
    Trainer trainer(s, test_device());
    return trainer.sample(5, key, 2, 1);
  };
  const auto vae = sample("vae"), noise = sample("short-run"), buffer = sample("persistent");
  CHECK(vae.first().to_host() == vae.last().to_host());
  CHECK(noise.first().to_host() != noise.last().to_host());
  // uniform in [-1, 1): mean 0, mean square 1/3
  for (const Tensor& x : {noise.first(), buffer.first()}) {
    const double n = static_cast<double>(x.size());
    CHECK(std::abs(sum(x).item() / n) < 5 * std::sqrt(1 / (3 * n)));
    CHECK(sum_squares(x).item() / n == doctest::Approx(1.0 / 3).epsilon(5 * std::sqrt(0.8 / n)));
  }
}

TEST_CASE("samples of persistent chains begin at rows of the buffer that no other sample begins at") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  TeachingSettings s = tiny("persistent");
  s.ema_decay = 0;
  Trainer trainer(s, test_device());
  const auto images = [](const std::vector<float>& x) {  // each by itself
    std::vector<std::vector<float>> rows;
    for (auto row = x.begin(); row != x.end(); row += 784) rows.emplace_back(row, row + 784);
    return rows;
  };
  const auto starts_of = [&](int64_t n, uint64_t seed, int64_t first_row) {
    return images(trainer.sample(n, {seed, Stream::sample}, 0, 1, first_row).first().to_host());
  };
  // two calls of one seed, of odd sizes
  std::vector<std::vector<float>> starts = starts_of(1110, 1, 0);
  const auto more = starts_of(150, 1, 1110);
  starts.insert(starts.end(), more.begin(), more.end());
  const std::set<std::vector<float>> different(starts.begin(), starts.end());
  CHECK(different.size() == 1260);
  const std::vector<std::byte> buffer = bytes(trainer, "replay_buffer");
  std::vector<float> values(buffer.size() / sizeof(float));
  std::memcpy(values.data(), buffer.data(), buffer.size());
  const auto all = images(values);
  const std::set<std::vector<float>> rows(all.begin(), all.end());
  CHECK(rows.size() == kReplayImages);
  CHECK(std::includes(rows.begin(), rows.end(), different.begin(), different.end()));

  CHECK(starts_of(3, 1, 0) == starts_of(3, 1, 0));
  CHECK(starts_of(3, 1, 0) != starts_of(3, 2, 0));

  CHECK(starts_of(1, 1, kReplayImages - 1).size() == 1);
  CHECK_THROWS_WITH_AS(starts_of(2, 1, kReplayImages - 1), doctest::Contains("10000 rows of their replay buffer"),
                       Error);
  CHECK_THROWS_AS(starts_of(kReplayImages + 1, 1, 0), Error);
  CHECK_THROWS_AS(starts_of(1, 1, -1), Error);
}

TEST_CASE("rows are taken from and put into a buffer round its end") {
  std::vector<float> values(5 * 4);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  Tensor buffer = Tensor::from_host(values, {5, 2, 2, 1}, test_device());
  const Tensor x = take_rows(buffer, 3.0f, 3);
  CHECK(x.to_host() == std::vector<float>{12, 13, 14, 15, 16, 17, 18, 19, 0, 1, 2, 3});
  put_rows(buffer, 4.0f, Tensor::from_host(std::vector<float>(8, -1.0f), {2, 2, 2, 1}, test_device()));
  for (size_t i = 0; i < values.size(); ++i) CHECK(buffer.to_host()[i] == (i < 4 || i >= 16 ? -1.0f : values[i]));
  CHECK_THROWS_AS(put_rows(buffer, 0.0f, Tensor::zeros({6, 2, 2, 1}, test_device())), Error);
}

TEST_CASE("rows begin anew as often as asked, whole or not at all") {
  const int64_t rows = 4000;
  Tensor x = full({rows, 3, 3, 1}, 7.0f, test_device());
  restart_rows(x, 0.05f, {1, Stream::restart, 2}, {1, Stream::start, 2});
  const std::vector<float> values = x.to_host();
  int64_t restarted = 0;
  for (int64_t r = 0; r < rows; ++r) {
    int64_t changed = 0;
    for (int64_t i = 0; i < 9; ++i) {
      const float v = values[r * 9 + i];
      changed += v != 7.0f;
      if (v != 7.0f) CHECK(std::abs(v) <= 1);
    }
    CHECK((changed == 0 || changed == 9));
    restarted += changed == 9;
  }
  CHECK(std::abs(restarted - 0.05 * rows) < 5 * std::sqrt(0.05 * 0.95 * rows));
}

namespace {

// The state after two iterations.
SafetensorsFile trained_twice(const TeachingSettings& s) {
  Trainer trainer(s, test_device());
  for (uint64_t i = 0; i < 2; ++i) trainer.step(normal({8, 28, 28, 1}, i, 0, 0.5f));
  return trainer.state();
}
// Of ebm-vae.
SafetensorsFile taught(const std::string& teach, double inferred, double own, double pair) {
  TeachingSettings s = tiny("ebm-vae");
  s.teach = teach, s.inferred_weight = inferred, s.own_weight = own, s.pair_weight = pair;
  return trained_twice(s);
}
std::vector<float> values(const SafetensorsFile& state, const std::string& name) {
  const std::vector<std::byte>& data = state.tensors.at(name).data;
  std::vector<float> v(data.size() / sizeof(float));
  std::memcpy(v.data(), data.data(), data.size());
  return v;
}

}  // namespace

TEST_CASE("taught by the chains' own z alone the generator is CoopNets', and the encoder learns besides") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  TeachingSettings s = tiny("ebm-vae");
  s.method = "coopnets";
  const SafetensorsFile coopnets = trained_twice(s);
  const SafetensorsFile own = taught("own", 1, 1, 1), without = taught("own", 1, 1, 0);
  for (const char* name : {"generator.conv1.weight", "energy.conv1.weight"}) {
    CHECK(own.tensors.at(name).data == coopnets.tensors.at(name).data);
    CHECK(without.tensors.at(name).data == coopnets.tensors.at(name).data);
  }
  CHECK(own.tensors.at("encoder.mu.weight").data != coopnets.tensors.at("encoder.mu.weight").data);
  CHECK(without.tensors.at("encoder.mu.weight").data == coopnets.tensors.at("encoder.mu.weight").data);
}

TEST_CASE("taught by the data alone generator and encoder are the VAE's, beside an energy") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  TeachingSettings s = tiny("ebm-vae");
  s.method = "vae";
  const SafetensorsFile vae = trained_twice(s), by_data = taught("data", 1, 0, 0), with_own = taught("data", 1, 1, 1);
  for (const char* name : {"generator.conv1.weight", "encoder.mu.weight"}) {
    CAPTURE(name);
    CHECK(relative_error(values(by_data, name), values(vae, name)) < 1e-3);
    CHECK(relative_error(values(with_own, name), values(vae, name)) > 1e-3);
  }
  CHECK(relative_error(values(by_data, "energy.conv1.weight"), values(vae, "energy.conv1.weight")) > 0);
}

TEST_CASE("taught by both, with the weight of one alone, it is taught by that one") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  const SafetensorsFile inferred = taught("inferred", 0.3, 1, 1), as_inferred = taught("both", 1, 0, 0);
  const SafetensorsFile own = taught("own", 0.3, 1, 1), as_own = taught("both", 0, 1, 1);
  for (const char* name : {"generator.conv1.weight", "encoder.mu.weight", "energy.conv1.weight"}) {
    CAPTURE(name);
    CHECK(relative_error(values(as_inferred, name), values(inferred, name)) < 1e-3);
    CHECK(relative_error(values(as_own, name), values(own, name)) < 1e-3);
    CHECK(relative_error(values(inferred, name), values(own, name)) > 0);
  }
  TeachingSettings s = tiny("ebm-vae");
  s.teach = "others";
  CHECK_THROWS_AS(check_settings(s), Error);
}

}  // namespace ebm
