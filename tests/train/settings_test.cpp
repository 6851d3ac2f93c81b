// Which arithmetic a run's word for it means, and that U is never computed in bf16.
#include "train/settings.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "kernels/conv/conv.h"
#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "train/trainer.h"

using namespace ebm;

namespace {
const Device kGpu{DeviceType::cuda, 0};  // nothing is computed on it
}

TEST_CASE("a mode that is asked for is that of chains and updates, on any device") {
  for (const char* word : {"fp32", "tf32", "bf16"})
    for (const Device device : {kCpu, kGpu}) {
      const Precisions p = choose_precisions(word, device, teaching_recipe("mnist", Profile::paper));
      CHECK(std::string(name(p.updates)) == word);
      CHECK(std::string(name(p.chains)) == word);
    }
  CHECK_THROWS_AS(choose_precisions("fp16", kCpu, TeachingSettings{}), Error);
}

TEST_CASE("auto is fp32 on the CPU, and on a GPU tf32 with chains in bf16 where the recipe bears that") {
  const auto chains = [](const TeachingSettings& s) { return choose_precisions("auto", kGpu, s).chains; };
  CHECK(choose_precisions("auto", kCpu, teaching_recipe("mnist", Profile::paper)).chains == Precision::fp32);
  for (const char* recipe : {"mnist", "fashion", "cifar10"}) {
    const TeachingSettings s = teaching_recipe(recipe, Profile::paper);
    CHECK(choose_precisions("auto", kGpu, s).updates == Precision::tf32);
    CHECK(chains(s) == Precision::bf16);
  }
  CHECK(chains(teaching_recipe("mnist", Profile::laptop)) == Precision::bf16);
  CHECK(chains(teaching_recipe("cifar10", Profile::laptop)) == Precision::bf16);
  CHECK(chains(teaching_recipe("synthetic", Profile::laptop)) == Precision::tf32);  // was not measured
  TeachingSettings s = teaching_recipe("mnist", Profile::paper);
  s.chain.noise_scale = 0;  // nothing that the error is small beside
  CHECK(chains(s) == Precision::tf32);
  s = teaching_recipe("mnist", Profile::laptop);
  s.chain.drift *= 5;
  CHECK(chains(s) == Precision::tf32);
  s.chain.noise *= 2;
  CHECK(chains(s) == Precision::bf16);
}

TEST_CASE("bf16-chains are chains in bf16 beside the device's own updates") {
  const TeachingSettings s = teaching_recipe("synthetic", Profile::laptop);  // whose recipe would not ask for it
  CHECK(choose_precisions("bf16-chains", kCpu, s).updates == Precision::fp32);
  CHECK(choose_precisions("bf16-chains", kCpu, s).chains == Precision::bf16);
  CHECK(choose_precisions("bf16-chains", kGpu, s).updates == Precision::tf32);
}

TEST_CASE("a new run has chains in bf16 on a CPU where it multiplies bf16, the recipe bears it and timing may choose") {
  const TeachingSettings mnist = teaching_recipe("mnist", Profile::laptop);
  CHECK(precision_of_new_run(kGpu, mnist) == "auto");                                             // a rule
  CHECK(precision_of_new_run(kCpu, teaching_recipe("synthetic", Profile::laptop)) == "auto");     // was not measured
  CHECK(precision_of_new_run(kCpu, teaching_recipe("mnist", Profile::laptop, "vae")) == "auto");  // has no chains
  const std::string chosen = precision_of_new_run(kCpu, mnist);
  CHECK((chosen == "auto" || (chosen == "bf16-chains" && cpu::multiplies_bf16())));
  const test::FixedPlans fixed;
  CHECK(precision_of_new_run(kCpu, mnist) == "auto");
  CHECK(mnist.bf16_chain_speedup().value() > 0);
}

TEST_CASE("chains have a mode of their own until everything's is set") {
  const PrecisionScope mode(Precision::fp32);
  set_precisions({Precision::tf32, Precision::bf16, ""});
  CHECK(precision() == Precision::tf32);
  CHECK(chain_precision() == Precision::bf16);
  CHECK(energy_precision() == Precision::tf32);
  {
    const PrecisionScope inner(Precision::bf16);
    CHECK(energy_precision() == Precision::tf32);
  }
  CHECK(chain_precision() == Precision::bf16);
  set_precision(Precision::fp32);
  CHECK(chain_precision() == Precision::fp32);
}

TEST_CASE("U that is reported is computed in tf32 where everything else is in bf16") {
  const test::FixedPlans fixed;
  Trainer trainer(test::tiny_settings(1), test_device());
  const ImageShape image = trainer.abilities().image;
  const Tensor x = normal({4, image.height, image.width, image.channels}, 1);
  const auto energy = [&](Precision precision) {
    const PrecisionScope mode(precision);
    return trainer.energy(x).to_host();
  };
  CHECK(energy(Precision::bf16) == energy(Precision::tf32));
  CHECK(energy(Precision::tf32) != energy(Precision::fp32));
}
