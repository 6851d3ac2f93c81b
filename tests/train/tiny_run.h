// The smallest run: a few milliseconds an iteration, on the synthetic data set.
#pragma once

#include "tests/fixed_plans.h"
#include "train/methods/teaching_settings.h"
#include "train/run.h"

namespace ebm::test {

inline TeachingSettings tiny_settings(int64_t iterations) {
  TeachingSettings s = teaching_recipe("synthetic", Profile::laptop);
  s.iterations = iterations;
  s.batch = s.chains = 8;
  s.chain.steps = 3;
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
  options.settings = settings.clone();
  options.folder = folder;
  options.config = "# a test's\n";
  options.run.samples_every = settings.iterations;  // a picture costs more than an iteration
  return options;
}

// Other settings for a run: `with` changes them.
template <class F>
void change(RunOptions& options, const F& with) {
  std::unique_ptr<Settings> settings = options.settings->clone();
  with(*settings);
  options.settings = std::move(settings);
}

struct Notices : RunObserver {
  void notice(const std::string& line) override { lines.push_back(line); }
  std::vector<std::string> lines;
};

// One thread for one scope: such small networks wait for each other's threads most of the time.
struct OneThread {
  OneThread() { set_num_threads(1); }
  ~OneThread() { set_num_threads(0); }
};

}  // namespace ebm::test
