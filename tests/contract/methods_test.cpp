// What every method of the table must keep: a new line there is tested by all of this.
#include <doctest/doctest.h>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "core/memory.h"
#include "tests/logical_ranks.h"
#include "tests/random_tensor.h"
#include "tests/test_device.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "train/learner.h"
#include "train/recipes.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// Sets the settings of these flags, where the method has them.
void set(Settings& settings, const std::map<std::string, std::string>& values) {
  for (const Setting& setting : list_settings(settings))
    if (const auto value = values.find(setting.flag); value != values.end()) set_setting(setting, value->second);
}

std::unique_ptr<Settings> tiny_of(const std::string& method) {
  std::unique_ptr<Settings> s = recipe_settings(method, "synthetic", Profile::laptop);
  set(*s, {{"iterations", "100"},
           {"batch", "8"},
           {"chains", "8"},
           {"steps", "3"},
           {"sample-steps", "3"},
           {"prior-steps", "4"},
           {"posterior-steps", "3"},
           {"infer-steps", "4"},
           {"width", "4"},
           {"energy-width", "8"},
           {"flow-iterations", "2"},
           {"flow-steps", "1,1"},
           {"flow-width", "4"},
           {"moves", "1"},
           {"leapfrog-steps", "2"},
           {"generator-width", "16"},
           {"encoder-width", "8"},
           {"latent", "8"}});
  return s;
}

std::vector<float> floats_of(const SafetensorsFile::Entry& entry) {
  std::vector<float> values(entry.data.size() / sizeof(float));
  std::memcpy(values.data(), entry.data.data(), entry.data.size());
  return values;
}

struct Tiny : Trainer {
  Tiny(const std::string& method, bool use_graph = true) : Trainer(*tiny_of(method), test_device(), use_graph) {}
};

// A batch for the method, the same for the same iteration.
std::vector<Tensor> batch_of(const Trainer& trainer, int64_t iteration) {
  std::vector<Tensor> batch;
  for (const BatchPart& part : trainer.method().batch()) {
    std::vector<float> values(static_cast<size_t>(part.shape.size()));
    const RandomKey key{1, Stream::data_order, static_cast<uint32_t>(iteration), static_cast<uint32_t>(batch.size())};
    for (size_t i = 0; i < values.size(); ++i) values[i] = 2 * uniform1(key, i) - 1;
    batch.push_back(Tensor::from_host(values, part.shape, trainer.device()));
  }
  return batch;
}

std::vector<Metrics> train(Trainer& trainer, int64_t iterations) {
  std::vector<Metrics> metrics;
  for (int64_t i = 0; i < iterations; ++i) metrics.push_back(trainer.step(batch_of(trainer, trainer.iteration())));
  return metrics;
}

void check_same(const SafetensorsFile& a, const SafetensorsFile& b) {
  CHECK(a.metadata == b.metadata);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, entry] : a.tensors) {
    CAPTURE(name);
    CHECK(entry.data == b.tensors.at(name).data);
  }
}

// Times differ, all else must not.
void check_same(const Metrics& a, const Metrics& b) {
  CHECK(a.iteration == b.iteration);
  for (size_t i = 0; i < a.values.size(); ++i) {
    CAPTURE((*a.columns)[i].name);
    if ((*a.columns)[i].options.judged != Judged::not_at_all) CHECK(a.values[i] == b.values[i]);
  }
}

void for_each_method(const std::function<void(const MethodRecord&)>& check) {
  const OneThread one_thread;
  const FixedPlans fixed;
  for (const MethodRecord& record : methods()) {
    CAPTURE(std::string(record.name));
    check(record);
  }
}

}  // namespace

TEST_CASE("contract: every number that a method shows is finite, and every learner of its group learns or stays") {
  for_each_method([](const MethodRecord& record) {
    Tiny trainer(record.name);
    const SafetensorsFile before = trainer.state();
    for (const Metrics& m : train(trainer, 5))
      for (size_t i = 0; i < m.values.size(); ++i) {
        CAPTURE((*m.columns)[i].name);
        CHECK(std::isfinite(m.values[i]));
      }
    CHECK(trainer.is_finite());
    bool learned = false;
    const SafetensorsFile after = trainer.state();
    for (const auto& [name, entry] : after.tensors) learned |= entry.data != before.tensors.at(name).data;
    CHECK(learned);
  });
}

TEST_CASE("contract: replayed graphs are single launches, over 70 iterations") {
  for_each_method([](const MethodRecord& record) {
    Tiny graph(record.name), launches(record.name, false);
    for (int64_t i = 0; i < 70; ++i) {
      graph.begin_step(batch_of(graph, i));
      launches.begin_step(batch_of(launches, i));
    }
    const std::vector<Metrics> a = graph.finish_steps(), b = launches.finish_steps();
    REQUIRE(a.size() == 70);
    for (size_t i = 0; i < a.size(); ++i) check_same(a[i], b[i]);
    check_same(graph.state(), launches.state());
  });
}

TEST_CASE("contract: a state that was taken and given back leads on as if nothing had been") {
  for_each_method([](const MethodRecord& record) {
    Tiny whole(record.name), first(record.name);
    train(first, 3);
    Tiny second(record.name);
    second.load_state(first.state());
    train(whole, 3);
    const std::vector<Metrics> a = train(whole, 3), b = train(second, 3);
    for (size_t i = 0; i < a.size(); ++i) check_same(a[i], b[i]);
    check_same(whole.state(), second.state());

    // the same on the device, as the guard goes back
    Trainer::Snapshot snapshot;
    whole.save(snapshot);
    train(whole, 2);
    const SafetensorsFile later = whole.state();
    whole.restore(snapshot);
    train(whole, 2);
    check_same(whole.state(), later);

    // and through a checkpoint, beside the state
    SafetensorsFile file;
    whole.write_snapshot(snapshot, "kept.", file);
    second.restore(second.read_snapshot(file, "kept."));
    train(second, 2);
    check_same(second.state(), later);
  });
}

// Sums over GPUs are not there yet, so this is the CPU's whatever the test device is.
TEST_CASE("contract: ranks train as one, with uneven shares, and the same bits in any number of processes") {
  for_each_method([](const MethodRecord& record) {
    const std::unique_ptr<Settings> s = tiny_of(record.name);
    set(*s, {{"batch", "9"}, {"chains", "7"}});
    constexpr int kIterations = 3;
    struct Trained {
      std::vector<Metrics> metrics;
      SafetensorsFile after_one, state;
    };
    const auto train_on = [&](Communicator* ranks) {
      Trainer trainer(*s, kCpu, true, ranks);
      Trained result;
      for (int64_t i = 0; i < kIterations; ++i) {
        std::vector<Tensor> batch = batch_of(trainer, i);
        for (Tensor& part : batch) {
          const Share own = ranks ? ranks->share(part.extent(0)) : share_of(part.extent(0), 0, 1);
          part = part.view(own.first * (part.size() / part.extent(0)), part.shape().with_first(own.count));
        }
        result.metrics.push_back(trainer.step(batch));
        if (i == 0) result.after_one = trainer.state();
      }
      result.state = trainer.state();
      return result;
    };
    const Trained alone = train_on(nullptr);
    for (const int ranks : {2, 3}) {
      CAPTURE(ranks);
      Trained first;
      for (int processes = 1; processes <= ranks; ++processes) {
        CAPTURE(processes);
        std::vector<Trained> of(static_cast<size_t>(ranks));
        on_ranks(
            ranks, [&](Communicator& world) { of[static_cast<size_t>(world.rank())] = train_on(&world); }, processes);
        if (processes == 1) first = of[0];
        for (const Trained& each : of) {
          check_same(each.state, first.state);
          for (size_t i = 0; i < each.metrics.size(); ++i) check_same(each.metrics[i], first.metrics[i]);
        }
      }
      // The first iteration is the same up to rounding, which its chains amplify; Adam makes steps of rounding alone.
      const Metrics &one = alone.metrics[0], &several = first.metrics[0];
      for (size_t i = 0; i < one.values.size(); ++i) {
        const ShownColumn& column = (*one.columns)[i];
        CAPTURE(column.name);
        if (column.options.judged != Judged::not_at_all)
          CHECK(std::abs(one.values[i] - several.values[i]) <= 1e-4 * (1e-2 + std::abs(one.values[i])));
      }
      for (const auto& [name, m] : alone.after_one.tensors) {  // Adam's first moment is the summed gradient still
        CAPTURE(name);
        if (name.ends_with(".adam_m"))
          CHECK(relative_error(floats_of(first.after_one.tensors.at(name)), floats_of(m)) < 1e-5);
      }
    }
  });
}

TEST_CASE("contract: a state without one of its tensors, or of another shape, changes nothing") {
  for_each_method([](const MethodRecord& record) {
    Tiny trainer(record.name);
    train(trainer, 1);
    const SafetensorsFile before = trainer.state();
    Tiny other(record.name);
    for (const auto& [name, entry] : before.tensors) {
      CAPTURE(name);
      SafetensorsFile missing = other.state(), longer = other.state();
      missing.tensors.erase(name);
      longer.tensors.at(name).shape.push_back(1);
      CHECK_THROWS_AS(trainer.load_state(missing), Error);
      CHECK_THROWS_AS(trainer.load_state(longer), Error);
    }
    check_same(trainer.state(), before);
  });
}

TEST_CASE("contract: what a method can be asked works and leaves the state as it was; the rest is refused by name") {
  for_each_method([](const MethodRecord& record) {
    Tiny trainer(record.name);
    train(trainer, 3);  // so that averages differ from parameters
    const SafetensorsFile before = trainer.state();
    const Abilities& a = trainer.abilities();
    const ImageShape image = a.image;
    const RandomKey key{3, Stream::sample};
    REQUIRE(a.sample);
    const Samples samples = a.sample(5, key, {.steps = 2});
    REQUIRE(!samples.stages.empty());
    for (const Panel& panel : samples.stages) {
      CAPTURE(panel.name);
      CHECK(panel.x.shape() == Shape{5, image.height, image.width, image.channels});
      for (const float v : panel.x.to_host()) REQUIRE(std::isfinite(v));
    }
    CHECK(a.sample(5, key, {.steps = 2}).last().to_host() == samples.last().to_host());

    const Tensor x = samples.first();
    const Tensor z = Tensor::zeros({5, trainer.abilities().latent}, test_device());
    const auto claims = [&](Ability ability, bool has, const Shape& shape, const std::function<Tensor()>& ask) {
      CHECK(can(record.name, ability) == has);
      if (has)
        CHECK(ask().shape() == shape);
      else
        CHECK_THROWS_WITH_AS(ask(), doctest::Contains(record.name), Error);
    };
    claims(Ability::generate, bool(a.generate), x.shape(), [&] { return trainer.generate(z); });
    claims(Ability::encode, bool(a.encode), z.shape(), [&] { return trainer.encode(x); });
    claims(Ability::energy, bool(a.energy), {5}, [&] { return trainer.energy(x); });
    const auto lowers = [&](const Potential& u, const Tensor& state) {
      const PotentialValue at = u(state);
      Tensor down = state.clone();
      langevin_step_on(down, at.gradient, {.drift = 1e-4f}, key);
      const std::vector<float> high = at.u.to_host(), low = u(down).u.to_host();
      for (size_t i = 0; i < high.size(); ++i) CHECK(low[i] <= high[i]);
    };
    CHECK(can(record.name, Ability::complete) == bool(a.complete));
    CHECK(can(record.name, Ability::draw) != bool(a.complete));
    if (a.complete) {
      const Tensor c = normal({5, image.height, image.width, image.channels + 1}, 4);
      const Tensor given = a.latent > 0 ? normal({5, a.latent}, 5) : Tensor();
      const Samples filled = a.complete(c, given, key, {.steps = 2});
      for (const Panel& panel : filled.stages) CHECK(panel.x.shape() == x.shape());
      CHECK(a.complete(c, given, key, {.steps = 2}).last().to_host() == filled.last().to_host());
      CHECK(a.complete(normal(c.shape(), 6), given, key, {.steps = 2}).last().to_host() != filled.last().to_host());
      const std::vector<Tensor> shown{normal({2, image.height, image.width, image.channels}, 7),
                                      normal({2, image.height, image.width, image.channels + 1}, 8)};
      a.show(shown);
      CHECK(a.sample(5, key, {.steps = 2}).stages.size() == filled.stages.size() + 2);  // what is known, and the truth
    }
    CHECK(can(record.name, Ability::chains) == bool(a.potential));
    CHECK(bool(a.start) == bool(a.potential));
    CHECK(bool(a.revise) == bool(a.potential));
    if (!a.potential) {
      Tensor moved = x.clone();
      CHECK_THROWS_WITH_AS(trainer.potential(), doctest::Contains(record.name), Error);
      CHECK_THROWS_WITH_AS(trainer.revise(moved, key, 2, 1), doctest::Contains(record.name), Error);
    } else {
      const Tensor state = a.start(5, key);
      CHECK(a.shown(state).to_host() == x.to_host());
      Tensor moved = state.clone();
      trainer.revise(moved, key, 2, 1);
      CHECK(moved.to_host() != state.to_host());
      CHECK(a.shown(moved).to_host() == samples.last().to_host());
    }
    check_same(trainer.state(), before);

    // one sign in the house: a step against the gradient of U lowers it
    if (a.potential) lowers(trainer.potential(), a.start(5, key));
    if (a.posterior) lowers(a.posterior(x), z);
  });
}

TEST_CASE("contract: once every shape was seen, training asks the system for no more memory") {
  for_each_method([](const MethodRecord& record) {
    Tiny trainer(record.name);
    train(trainer, 4);
    const std::vector<Tensor> batch = batch_of(trainer, 0);
    trainer.step(batch);
    const uint64_t before = memory_stats(test_device()).system_allocations;
    for (int i = 0; i < 5; ++i) trainer.step(batch);
    CHECK(memory_stats(test_device()).system_allocations == before);
  });
}

TEST_CASE("contract: a run that goes back, and is interrupted before and after, ends as the uninterrupted one") {
  for_each_method([](const MethodRecord& record) {
    const std::unique_ptr<Settings> s = tiny_of(record.name);
    set(*s, {{"iterations", "12"},
             {"energy-lr", "5"},  // absurd
             {"energy-l2", "0"},
             {"generator-lr", "5"},
             {"posterior-step-size", "3"},  // z grows in each step, and no more with half of it
             {"guard-gap", "50"},
             {"guard-move", "0.8"},
             {"guard-every", "2"},
             {"guard-retries", "1000"},
             {"guard-lr-factor", "0.1"}});
    const Dataset data = load_dataset("synthetic", "", Split::train);
    const auto run = [&](const std::filesystem::path& folder, bool interrupted) {
      RunOptions options = tiny_run(folder, *s);
      options.device = test_device();
      options.run.checkpoint_every = 3;
      RunObserver observer;
      if (interrupted) {
        int64_t asked = 0;
        options.stop_requested = [&] { return ++asked % 2 == 0; };
        for (RunResult r = run_training(options, data, observer); r.stopped; r = run_training(options, data, observer))
          options.resume = std::make_shared<const Checkpoint>(read_checkpoint(folder));
      } else {
        run_training(options, data, observer);
      }
      return read_checkpoint(folder).file;
    };
    const TemporaryFolder a, b;
    const SafetensorsFile whole = run(a.path(), false);
    check_same(whole, run(b.path(), true));
    const std::set<std::string> steady{"vae", "conditional-vae", "regression"};  // which have nothing that runs away
    if (!steady.contains(record.name)) CHECK(whole.metadata.at("guard.rollbacks") != "0");
  });
}
