// The smallest run: a few milliseconds an iteration, on the synthetic data set.
#pragma once

#include "kernels/conv/conv_plan.h"
#include "train/run.h"

namespace ebm::test {

inline Settings tiny_settings(int64_t iterations) {
  Settings s = recipe_settings("synthetic", Profile::laptop);
  s.iterations = iterations;
  s.batch = s.chains = 8;
  s.num_steps = 3;
  s.width = 4;
  s.generator_width = 16;
  s.encoder_width = 8;
  s.latent = 8;
  s.energy_decay = 0;
  s.kl_weight = 2;  // these three stand here so that tuning the profile leaves the recorded losses alone
  s.image_noise_end = 0.05;
  return s;
}

inline RunOptions tiny_run(const std::filesystem::path& folder, const Settings& settings) {
  RunOptions options;
  options.settings = settings;
  options.folder = folder;
  options.config = "# a test's\n";
  options.samples_every = settings.iterations;  // a picture costs more than an iteration
  return options;
}

struct Notices : RunObserver {
  void notice(const std::string& line) override { lines.push_back(line); }
  std::vector<std::string> lines;
};

// Fixed plans for one scope: two runs then agree bit for bit.
struct FixedPlans {
  FixedPlans() : timing(cpu::plan_timing()) {
    cpu::clear_plans();
    cuda::clear_plans();
    cpu::set_plan_timing(false);
  }
  ~FixedPlans() {
    cpu::set_plan_timing(timing);
    cpu::clear_plans();
    cuda::clear_plans();
  }
  const bool timing;
};

// One thread for one scope: such small networks wait for each other's threads most of the time.
struct OneThread {
  OneThread() { set_num_threads(1); }
  ~OneThread() { set_num_threads(0); }
};

}  // namespace ebm::test
