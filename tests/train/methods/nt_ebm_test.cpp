#include "train/methods/nt_ebm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops.h"
#include "tests/fixed_plans.h"
#include "tests/random_tensor.h"
#include "train/recipes.h"
#include "train/trainer.h"

namespace ebm {
namespace {

NtEbmSettings tiny() {
  auto s = dynamic_cast<const NtEbmSettings&>(*recipe_settings("nt-ebm", "synthetic", Profile::laptop));
  s.flow_steps = "1,1";
  s.flow_width = s.width = 4;
  s.batch = s.chains = 8;
  s.flow_iterations = 3;
  s.flow_warmup = 0;
  s.chain.moves = 2;
  return s;
}

double mean_of(const Tensor& x) {
  double sum = 0;
  for (const float v : x.to_host()) sum += v;
  return sum / static_cast<double>(x.size());
}

}  // namespace

TEST_CASE("nt-ebm learns the flow first, and then the tilt alone") {
  const test::FixedPlans fixed;
  Trainer trainer(tiny(), test_device());
  const std::vector<Tensor> batch{normal({8, 28, 28, 1}, 1, 0, 0.3f)};
  const auto of = [&](const char* name) {
    for (const Parts::Entry& entry : trainer.parts().entries())
      if (entry.name == name) return entry.tensor.to_host();
    return std::vector<float>();
  };
  std::vector<float> energy = of("energy"), flow;
  double first = 0, last = 0;
  for (int i = 0; i < 3; ++i) {
    last = trainer.step(batch)["flow_bits"];
    if (i == 0) first = last;
  }
  CHECK(last < first);
  CHECK(of("energy") == energy);
  flow = of("flow");
  CHECK(trainer.step(batch)["acceptance"] > 0.5);
  CHECK(of("flow") == flow);
  CHECK(of("energy") != energy);
  CHECK(of("step_size")[0] != 0.1f);
}

TEST_CASE("without a tilt nt-ebm's density is the flow's, with a small one its chains all but leave N(0, I) as it is") {
  const test::FixedPlans fixed;
  Trainer trainer(tiny(), test_device());
  const std::vector<Tensor> batch{normal({8, 28, 28, 1}, 1, 0, 0.3f)};
  trainer.step(batch);
  const Abilities& a = trainer.abilities();
  CHECK(a.sample(2, {5, Stream::sample}, {1, 1.0}).stages.size() == 1);  // the flow's
  Flow flow(networks(tiny()).flow, test_device(), 1);
  for (const Parts::Entry& entry : trainer.parts().entries())
    if (entry.name == "flow.average") flow.parameters().flat().copy_from(entry.tensor);
  const Tensor expected = scale(flow.log_density(Var(batch[0])), -1).value();
  CHECK(relative_error(a.energy(batch[0]).to_host(), expected.to_host()) < 1e-5);
  for (int i = 0; i < 3; ++i) trainer.step(batch);
  const Samples samples = a.sample(16, {5, Stream::sample}, {20, 1.0});
  const Tensor z = a.encode(samples.last()), begun = a.encode(samples.first());  // (16, D)
  CHECK(relative_error(a.generate(z).to_host(), samples.last().to_host()) < 1e-3);
  CHECK(z.to_host() != begun.to_host());
  CHECK(mean_of(z) == doctest::Approx(0).scale(1).epsilon(0.03));
  CHECK(mean_of(square(Var(z)).value()) == doctest::Approx(1).epsilon(0.05));
}

}  // namespace ebm
