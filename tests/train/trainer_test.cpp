#include "train/trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "core/check.h"
#include "core/device_calls.h"
#include "core/memory.h"
#include "kernels/reduce.h"
#include "tests/fused_step.h"
#include "tests/random_tensor.h"
#include "tests/train/tiny_run.h"
#include "train/data/dataset.h"

namespace ebm {
namespace {

TeachingSettings tiny() { return test::tiny_settings(20); }

// Runs `iterations` steps on the generated data set.
std::vector<Metrics> train(Trainer& trainer, int64_t iterations) {
  static const Dataset data = load_dataset("synthetic", "", Split::train);
  const Settings& s = trainer.settings();
  std::vector<Metrics> metrics;
  std::vector<float> host(s.batch * data.images.image_elements());
  for (int64_t i = 0; i < iterations; ++i) {
    fill_batch(data, batch_indices(s.seed, trainer.iteration(), s.batch, data.count()), host.data());
    metrics.push_back(trainer.step(Tensor::from_host(host, {s.batch, 28, 28, 1}, trainer.device())));
  }
  return metrics;
}

}  // namespace

TEST_CASE("golden run: twenty iterations give the recorded losses") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const test::FixedPlans fixed;
  Trainer trainer(tiny(), test_device());
  const std::vector<Metrics> m = train(trainer, 20);
  // recorded from this program; what changes them changes the training of every user
  struct Golden {
    int iteration;
    float f_data, f_samples, reconstruction, kl, revision;
  };
  for (const Golden& g : {Golden{5, 0.1172f, 3.429e-3f, 18.44f, 2.056e-3f, 0.4905f},
                          Golden{10, 0.3386f, 0.01335f, 9.901f, 5.748e-3f, 0.4959f},
                          Golden{20, 1.269f, 0.07614f, 3.472f, 3.614e-3f, 0.5777f}}) {
    const Metrics& got = m[g.iteration - 1];
    CAPTURE(g.iteration);
    const auto agrees = [](float value, float recorded) {  // to rounding, which differs between machines
      CHECK(value == doctest::Approx(recorded).epsilon(0.02).scale(0));
    };
    agrees(got["f_data"], g.f_data);
    agrees(got["f_samples"], g.f_samples);
    agrees(got["reconstruction"], g.reconstruction);
    agrees(got["kl"], g.kl);
    agrees(got["revision"], g.revision);
  }
}

TEST_CASE("the same settings give the same bytes, another seed gives others") {
  const test::FixedPlans fixed;
  Trainer a(tiny(), test_device()), b(tiny(), test_device());
  TeachingSettings other = tiny();
  other.seed = 2;
  Trainer c(other, test_device());
  train(a, 3);
  train(b, 3);
  train(c, 3);
  const auto bytes = [](const Trainer& t) { return t.state().tensors.at("generator.conv2.weight").data; };
  CHECK(bytes(a) == bytes(b));
  CHECK(bytes(a) != bytes(c));
}

TEST_CASE("ten iterations, a saved state and ten more are twenty iterations") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const test::FixedPlans fixed;
  TeachingSettings s = tiny();
  s.ema_decay = 0.9;
  Trainer whole(s, test_device()), first(s, test_device());
  train(whole, 20);
  train(first, 10);
  Trainer second(s, test_device());
  second.load_state(first.state());
  CHECK(second.iteration() == 10);
  train(second, 10);
  const SafetensorsFile a = whole.state(), b = second.state();
  CHECK(a.metadata == b.metadata);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, entry] : a.tensors) {
    CAPTURE(name);
    CHECK(entry.data == b.tensors.at(name).data);
  }
}

TEST_CASE("a state of other networks is refused and changes nothing") {
  TeachingSettings other = tiny();
  other.width = 8;
  Trainer trainer(tiny(), test_device()), wider(other, test_device());
  const auto before = trainer.state().tensors.at("encoder.mu.weight").data;
  CHECK_THROWS_AS(trainer.load_state(wider.state()), Error);
  SafetensorsFile incomplete = trainer.state();
  incomplete.metadata.erase("iteration");
  CHECK_THROWS_AS(trainer.load_state(incomplete), Error);
  CHECK(trainer.state().tensors.at("encoder.mu.weight").data == before);
}

TEST_CASE("chains and data batch may differ") {
  TeachingSettings s = tiny();
  s.batch = 6;
  s.chains = 11;
  Trainer trainer(s, test_device());
  const Metrics m = train(trainer, 2).back();
  CHECK(std::isfinite(m["energy_loss"]));
  CHECK(std::isfinite(m["reconstruction"]));
}

TEST_CASE("once every shape was seen, training asks the system for no more memory") {
  Trainer trainer(tiny(), test_device());
  train(trainer, 3);
  const uint64_t before = memory_stats(test_device()).system_allocations;
  train(trainer, 5);
  CHECK(memory_stats(test_device()).system_allocations == before);
}

TEST_CASE("iterations begun without waiting are the same iterations, however many") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  Trainer waiting(tiny(), test_device()), ahead(tiny(), test_device());
  constexpr int kIterations = 70;  // more than are kept unread
  const Tensor x = normal({tiny().batch, 28, 28, 1}, 1, 0, 0.5f);
  std::vector<Metrics> one_by_one;
  for (int i = 0; i < kIterations; ++i) {
    one_by_one.push_back(waiting.step(x));
    ahead.begin_step(x);
  }
  const std::vector<Metrics> together = ahead.finish_steps();
  REQUIRE(together.size() == kIterations);
  for (int i = 0; i < kIterations; ++i) {
    CHECK(together[i].iteration == i + 1);
    CHECK(together[i]["f_data"] == one_by_one[i]["f_data"]);
    CHECK(together[i]["grad_vae"] == one_by_one[i]["grad_vae"]);
    CHECK(together[i]["revision"] == one_by_one[i]["revision"]);
    CHECK(together[i]["vae_lr"] == one_by_one[i]["vae_lr"]);
  }
  CHECK(ahead.finish_steps().empty());
}

TEST_CASE("iterations may be told while later ones are under way, each once and in order") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  Trainer waiting(tiny(), test_device()), ahead(tiny(), test_device());
  const Tensor x = normal({tiny().batch, 28, 28, 1}, 1, 0, 0.5f);
  std::vector<Metrics> told;
  const auto begin_and_tell = [&](int iterations, auto tell) {
    for (int i = 0; i < iterations; ++i) ahead.begin_step(x);
    const std::vector<Metrics> now = (ahead.*tell)();
    told.insert(told.end(), now.begin(), now.end());
    return static_cast<int>(now.size());
  };
  CHECK(begin_and_tell(3, &Trainer::finish_earlier_steps) == 0);
  CHECK(begin_and_tell(4, &Trainer::finish_earlier_steps) == 3);
  CHECK(begin_and_tell(70, &Trainer::finish_earlier_steps) == 4 + 64);  // more than are kept on the device
  CHECK(begin_and_tell(2, &Trainer::finish_steps) == 6 + 2);
  CHECK(begin_and_tell(0, &Trainer::finish_earlier_steps) == 0);
  CHECK(begin_and_tell(0, &Trainer::finish_steps) == 0);
  REQUIRE(told.size() == 79);
  for (int i = 0; i < 79; ++i) {
    const Metrics one = waiting.step(x);
    CHECK(told[i].iteration == i + 1);
    CHECK(told[i]["f_data"] == one["f_data"]);
    CHECK(told[i]["revision"] == one["revision"]);
    CHECK(told[i]["energy_lr"] == one["energy_lr"]);
    CHECK(told[i]["seconds_langevin"] > 0);
  }

  Trainer::Snapshot state;
  ahead.save(state);
  begin_and_tell(3, &Trainer::finish_earlier_steps);
  ahead.begin_step(x);
  ahead.restore(state);  // and nothing of them is told
  CHECK(begin_and_tell(1, &Trainer::finish_steps) == 1);
  CHECK(told.back().iteration == 80);
  CHECK(told.back()["f_data"] == waiting.step(x)["f_data"]);
}

TEST_CASE("the generator and encoder learn the revised samples") {
  TeachingSettings s = tiny();
  s.energy_lr = 1e-9;  // an energy that stands still
  s.chain.drift = 0;
  Trainer trainer(s, test_device());
  const std::vector<Metrics> m = train(trainer, 60);
  CHECK(m.back()["reconstruction"] < 0.5f * m.front()["reconstruction"]);
}

TEST_CASE("sampling is a function of the key and leaves training as it was") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const test::FixedPlans fixed;
  TeachingSettings s = tiny();
  s.ema_decay = 0.5;
  Trainer trainer(s, test_device());
  train(trainer, 3);
  const auto before = trainer.state().tensors;
  const RandomKey key{3, Stream::sample};
  const auto a = trainer.sample(7, key, 2, 1), b = trainer.sample(7, key, 2, 1);
  CHECK(a.last().to_host() == b.last().to_host());
  CHECK(a.last().shape() == Shape{7, 28, 28, 1});
  CHECK(a.first().to_host() != a.last().to_host());
  for (const auto& [name, entry] : trainer.state().tensors) CHECK(entry.data == before.at(name).data);
}

TEST_CASE("samples are the same with and without graphs, and without each launch is the host's") {
  const test::FixedPlans fixed;
  int64_t launches[2];
  std::vector<float> samples[2];
  for (const bool use_graph : {false, true}) {
    Trainer trainer(tiny(), test_device(), use_graph);
    const int64_t before = device_calls();
    samples[use_graph] = trainer.sample(300, {3, Stream::sample}, 2, 1).last().to_host();
    launches[use_graph] = device_calls() - before;
  }
  CHECK(samples[true] == samples[false]);
  if (test_device().is_cuda())
    CHECK(launches[true] < launches[false]);
  else
    CHECK(launches[true] == launches[false]);
}

TEST_CASE("a call that is refused leaves the networks as they were, not as their averages") {
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  TeachingSettings s = tiny();
  s.ema_decay = 0.5;
  Trainer trainer(s, test_device());
  train(trainer, 2);
  const auto before = trainer.state().tensors;
  CHECK_THROWS_AS(trainer.energy(Tensor::zeros({1, 28, 28, 3}, test_device())), Error);
  for (const auto& [name, entry] : trainer.state().tensors) CHECK(entry.data == before.at(name).data);
}

TEST_CASE("the energy of an image is the reference term minus f") {
  TeachingSettings s = tiny();
  s.chain.sigma_ref = 0.5;
  Trainer trainer(s, test_device());
  const Tensor x = Tensor::from_host(std::vector<float>(2 * 784, 0.1f), {2, 28, 28, 1}, test_device());
  const auto u = trainer.energy(x).to_host();
  const auto f = (*trainer.abilities().energy_net)(Var(x)).value().to_host();
  for (int i = 0; i < 2; ++i) CHECK(u[i] == doctest::Approx(784 * 0.01 / (2 * 0.25) - f[i]).epsilon(1e-4));
}

TEST_CASE("the logged energies are U, its reference included") {
  TeachingSettings s = tiny();
  s.chain.sigma_ref = 0.5;
  s.energy_lr = 1e-12;  // an energy that stands still
  s.energy_decay = 0;
  s.ema_decay = 0;
  s.image_noise = s.image_noise_end = 0;
  Trainer trainer(s, test_device());
  const Tensor x = normal({s.batch, 28, 28, 1}, 1, 0, 0.5f);
  const Metrics m = trainer.step(x);
  CHECK(m["u_data"] == doctest::Approx(sum(trainer.energy(x)).item() / s.batch).epsilon(1e-4));
  CHECK(m["u_data"] + m["f_data"] == doctest::Approx(sum_squares(x).item() / s.batch / (2 * 0.25)).epsilon(1e-4));
}

TEST_CASE("settings that make no sense are refused by name") {
  const auto refused = [](auto change) {
    TeachingSettings s = tiny();
    change(s);
    CHECK_THROWS_AS(check_settings(s), Error);
  };
  CHECK_NOTHROW(check_settings(tiny()));
  for (const char* recipe : {"mnist", "fashion", "cifar10"}) {
    for (Profile profile : {Profile::paper, Profile::laptop})
      CHECK_NOTHROW(check_settings(teaching_recipe(recipe, profile)));
  }
  CHECK_THROWS_WITH_AS(teaching_recipe("mnits", Profile::paper), doctest::Contains("mnist"), Error);
  refused([](TeachingSettings& s) { s.batch = 0; });
  refused([](TeachingSettings& s) { s.chains = 1; });
  refused([](TeachingSettings& s) { s.energy_lr = -1; });
  refused([](TeachingSettings& s) { s.chain.drift = NAN; });
  refused([](TeachingSettings& s) { s.adam_beta2 = 1; });
  refused([](TeachingSettings& s) { s.lr_decay = 0; });
  refused([](TeachingSettings& s) { s.width = 1'000'000; });
  refused([](TeachingSettings& s) { s.chain.steps = -1; });
  refused([](TeachingSettings& s) {
    s.method = "persistent";
    s.chains = 10'001;
  });
}

}  // namespace ebm
