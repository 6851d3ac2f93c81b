#include <fmt/format.h>

#include "kernels/random_fill.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/image_energies.h"
#include "tools/evaluate/results.h"
#include "tools/settings_flags.h"
#include "train/files/image_grid.h"

namespace ebm {
namespace {

constexpr char kName[] = "interpolate";

struct InterpolateFlags {
  PictureFlags picture;
  std::string n = "8", columns = "8";
};

// z_ρ = (1 − ρ) z_l + ρ z_r for ρ = 0 … 1 in `columns` equal steps, row by row: (n·columns, d).
std::vector<float> between(const std::vector<float>& ends, int64_t n, int64_t columns, int64_t d) {
  std::vector<float> z;
  for (int64_t row = 0; row < n; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      const float rho = static_cast<float>(column) / static_cast<float>(columns - 1);
      const float *left = ends.data() + row * d, *right = ends.data() + (n + row) * d;
      for (int64_t i = 0; i < d; ++i) z.push_back((1 - rho) * left[i] + rho * right[i]);
    }
  return z;
}

// U of the images of each line, a curve before revision and one after it.
void write_energies(const PicturePlan& plan, const std::vector<float>& u_generated, const std::vector<float>& u_revised,
                    int64_t n, int64_t columns) {
  ResultSection section{"U along the line", {}};
  for (int64_t row = 0; row < n; ++row) {
    const auto line = [&](const std::vector<float>& u) {
      return std::vector<double>(u.begin() + row * columns, u.begin() + (row + 1) * columns);
    };
    section.rows.push_back({fmt::format("row {}, g(z)", row + 1), line(u_generated), ""});
    section.rows.push_back({fmt::format("row {}, revised", row + 1), line(u_revised), ""});
  }
  section.rows[0].note =
      fmt::format("{} images of a row; revised: {} {}, noise scale {}, seed {}", columns, plan.num_steps,
                  method_record(plan.trainer->settings().method).steps, plan.noise_scale, plan.key.seed);
  write_results(plan.beside(".json"), {{section}});
}

void interpolate(const InterpolateFlags& flags) {
  const int64_t n = parse_count("n", flags.n, 1, kMostImagesAcross);
  const int64_t columns = parse_count("columns", flags.columns, 2, kMostImagesAcross);
  const PicturePlan plan = plan_picture(flags.picture, kName, {Ability::generate}, {".json"});
  Trainer& trainer = *plan.trainer;
  const int64_t d = trainer.abilities().latent;
  Tensor ends = Tensor::empty({2 * n, d}, trainer.device());  // z_l of all rows, then z_r
  fill_normal(ends, plan.key, 0.0f, 1.0f);
  const auto images_between = [&](const Tensor& z_ends) {  // (n·columns, H, W, C)
    return trainer.generate(
        Tensor::from_host(between(z_ends.to_host(), n, columns, d), {n * columns, d}, trainer.device()));
  };
  Tensor x = images_between(ends);
  const std::vector<float> generated = x.to_host();
  // chains of z lead to other ends; chains of images revise what lies between them
  Tensor& state = trainer.abilities().chains_in_z ? ends : x;
  trainer.revise(state, plan.key, plan.num_steps, plan.noise_scale);
  const std::vector<float> revised = (trainer.abilities().chains_in_z ? images_between(ends) : x).to_host();
  const bool has_energy = can(trainer.settings().method, Ability::energy);
  std::vector<float> u_generated, u_revised;  // (n·columns) each
  if (has_energy) {
    u_generated = image_energies(trainer, generated);
    u_revised = image_energies(trainer, revised);
  }
  write_png(plan.out, side_by_side(image_grid(generated, plan.image(), n, columns, kPictureScale),
                                   image_grid(revised, plan.image(), n, columns, kPictureScale)));
  fmt::print("{} rows of {} from one latent vector to another in {} (left: g(z), right: after {} {}{})\n", n, columns,
             plan.out.string(), plan.num_steps, method_record(trainer.settings().method).steps,
             trainer.abilities().chains_in_z ? " of the ends" : "");
  if (!has_energy) return;
  write_energies(plan, u_generated, u_revised, n, columns);
  fmt::print("U of each image in {}\n", plan.beside(".json").string());
}

}  // namespace

void add_interpolate_command(CLI::App& app) {
  auto flags = std::make_shared<InterpolateFlags>();
  CLI::App* command = app.add_subcommand(kName, "images on the line between two latent vectors, and revised");
  flags->picture.add_to(*command, kName);
  command->add_option("--n", flags->n, "rows: pairs of latent vectors [8]")->type_name("N");
  command->add_option("--columns", flags->columns, "images of a row, both ends among them [8]")->type_name("N");
  command->callback([flags] { interpolate(*flags); });
}

}  // namespace ebm
