#include "train/methods/conditional.h"

#include <doctest/doctest.h>

#include "autograd/ops.h"
#include "kernels/pool.h"
#include "tests/fixed_plans.h"
#include "tests/random_tensor.h"
#include "train/recipes.h"
#include "train/trainer.h"

namespace ebm {

TEST_CASE("a chain for each image: the unconditional methods' number of chains changes nothing") {
  const test::FixedPlans fixed;
  const auto learned = [](int64_t chains) {
    auto s = dynamic_cast<const ConditionalSettings&>(*recipe_settings("conditional", "synthetic", Profile::laptop));
    s.batch = 4;
    s.chains = chains;
    s.width = s.generator_width = s.encoder_width = 4;
    s.chain.steps = 2;
    Trainer trainer(s, test_device());
    const std::vector<Tensor> batch{normal({4, 28, 28, 1}, 1, 0, 0.3f), normal({4, 28, 28, 2}, 2, 0, 0.3f)};
    trainer.step(batch);
    const Metrics m = trainer.step(batch);
    return std::pair(m["energy_gap"], trainer.sums());
  };
  CHECK(learned(4) == learned(64));
}

TEST_CASE("between the iterations that infer z the encoder rests, and the generator learns all the same") {
  const test::FixedPlans fixed;
  auto s = dynamic_cast<const ConditionalSettings&>(*recipe_settings("conditional", "synthetic", Profile::laptop));
  s.batch = 4;
  s.width = s.generator_width = s.encoder_width = 4;
  s.infer_every = 3;
  Trainer trainer(s, test_device());
  const std::vector<Tensor> batch{normal({4, 28, 28, 1}, 1, 0, 0.3f), normal({4, 28, 28, 2}, 2, 0, 0.3f)};
  const auto of = [&](const char* name) {
    for (const Parts::Entry& entry : trainer.parts().entries())
      if (entry.name == name) return entry.tensor.to_host();
    return std::vector<float>();
  };
  for (int i = 0; i < 4; ++i) {
    const std::vector<float> encoder = of("encoder"), generator = of("generator");
    trainer.step(batch);
    CHECK((of("encoder") != encoder) == (i % 3 == 0));
    CHECK(of("generator") != generator);
  }
}

TEST_CASE("a completion's revision is averaged over windows of pixels") {
  const test::FixedPlans fixed;
  const Tensor c = normal({2, 28, 28, 2}, 1, 0, 0.3f), z = normal({2, 8}, 2);
  const auto revision = [&](int64_t window) {
    auto s = dynamic_cast<const ConditionalSettings&>(*recipe_settings("conditional", "synthetic", Profile::laptop));
    s.width = s.generator_width = s.encoder_width = 4;
    s.revision_window = window;
    Trainer trainer(s, test_device());
    const Samples samples = trainer.abilities().complete(c, z, {3}, {2, 0.0});
    return sub(Var(samples.last()), Var(samples.first())).value();
  };
  const Tensor left = revision(1), smooth = revision(3);
  const std::vector<float> expected = average_pool2d(left, 3, ConvGeometry(1, {1, 1})).to_host();
  CHECK(relative_error(smooth.to_host(), expected) < 1e-4);
  CHECK(relative_error(left.to_host(), expected) > 0.1);
}

}  // namespace ebm
