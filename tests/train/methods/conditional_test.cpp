#include "train/methods/conditional.h"

#include <doctest/doctest.h>

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

}  // namespace ebm
