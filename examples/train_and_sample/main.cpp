// The engine as a library: trains EBM-VAE on generated shapes and draws what it has learnt into shapes.png.
#include <cstdio>
#include <cstdlib>

#include "core/check.h"
#include "train/data/batch_feed.h"
#include "train/files/image_grid.h"
#include "train/recipes.h"
#include "train/trainer.h"

int main(int argc, char** argv) try {
  const std::unique_ptr<ebm::Settings> settings = ebm::recipe_settings("ebm-vae", "synthetic", ebm::Profile::laptop);
  settings->iterations = argc > 1 ? std::atoll(argv[1]) : 400;
  settings->batch = 32;

  const ebm::Dataset shapes = ebm::load_dataset("synthetic", {}, ebm::Split::train);
  const ebm::LabelledImages source(shapes);
  ebm::Trainer trainer(*settings, ebm::kCpu);
  ebm::BatchFeed batches(source, settings->seed, {{settings->batch, 28, 28, 1}}, trainer.device());
  while (trainer.iteration() < settings->iterations) {
    const ebm::Metrics shown = trainer.step(batches.get(trainer.iteration()));
    if (shown.iteration % 10 == 0)
      std::printf("iteration %lld: energy gap %.4f, reconstruction %.1f\n", static_cast<long long>(shown.iteration),
                  shown["energy_gap"], shown["reconstruction"]);
  }

  const ebm::Abilities& model = trainer.abilities();
  const ebm::RandomKey key{settings->seed, ebm::Stream::sample, 0, 0};
  const ebm::Samples samples = model.sample(64, key, model.usual);  // g(z), and the same after Langevin steps
  ebm::write_png("shapes.png", ebm::side_by_side(ebm::image_grid(samples.first().to_host(), model.image, 8, 8, 2),
                                                 ebm::image_grid(samples.last().to_host(), model.image, 8, 8, 2)));
  std::puts("shapes.png: left the generator's images, right the same after revision");
  return 0;
} catch (const ebm::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.message().c_str());
  return 1;
}
