#include <fmt/format.h>

#include "core/check.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/caption.h"
#include "tools/evaluate/chain_trace.h"
#include "tools/evaluate/results.h"
#include "tools/settings_flags.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr char kName[] = "trace";
constexpr int64_t kTraceScale = 3;  // leaves room for a number under an image
constexpr int64_t kMostSteps = 100'000;

struct TraceFlags {
  PictureFlags picture;
  std::string n = "8", columns = "8";
};

std::string energy_text(float u) { return fmt::format("{:.3G}", u); }

// A row of images for each chain, U under each of them and the step above.
Picture trace_picture(const ChainTrace& trace, int64_t n, ImageShape image) {
  const auto columns = static_cast<int64_t>(trace.shown.size());
  std::vector<std::string> heading;
  for (const int64_t step : trace.shown) heading.push_back(fmt::format("t={}", step));
  std::vector<Picture> parts{caption_strip(heading, image.width * kTraceScale, image.channels)};
  for (int64_t chain = 0; chain < n; ++chain) {
    std::vector<float> row;
    std::vector<std::string> energies;
    for (int64_t column = 0; column < columns; ++column) {
      const float* x = trace.x[static_cast<size_t>(column)].data() + chain * image.elements();
      row.insert(row.end(), x, x + image.elements());
      const int64_t step = trace.shown[static_cast<size_t>(column)];
      energies.push_back(energy_text(trace.u[static_cast<size_t>(step)][static_cast<size_t>(chain)]));
    }
    parts.push_back(image_grid(row, image, 1, columns, kTraceScale));
    parts.push_back(caption_strip(energies, image.width * kTraceScale, image.channels));
  }
  return stacked(parts);
}

void write_energies(const ChainTrace& trace, int64_t n, const PicturePlan& plan) {
  std::string table = fmt::format("# U after each Langevin step; step 0: {}\nchain,step,U\n",
                                  method_record(plan.trainer->settings().method).start);
  ResultSection section{"U along the chain", {}};
  for (int64_t chain = 0; chain < n; ++chain) {
    ResultRow row{fmt::format("chain {}", chain), {}, ""};
    for (size_t t = 0; t < trace.u.size(); ++t) {
      const float u = trace.u[t][static_cast<size_t>(chain)];
      table += fmt::format("{},{},{}\n", chain, t, u);
      row.value.push_back(u);
    }
    row.note = fmt::format("from {} to {} in {} steps, noise scale {}, seed {}", energy_text(trace.u.front()[chain]),
                           energy_text(trace.u.back()[chain]), plan.num_steps, plan.noise_scale, plan.key.seed);
    section.rows.push_back(std::move(row));
  }
  write_file_atomically(plan.beside(".csv"), std::as_bytes(std::span(table)));
  write_results(plan.beside(".json"), {{section}});
}

void trace(const TraceFlags& flags) {
  const int64_t n = parse_count("n", flags.n, 1, kMostImagesAcross);
  const int64_t columns = parse_count("columns", flags.columns, 2, kMostImagesAcross);
  const PicturePlan plan = plan_picture(flags.picture, kName, {Ability::chains}, {".csv", ".json"});
  EBM_CHECK(plan.num_steps <= kMostSteps, "--steps", std::to_string(plan.num_steps),
            fmt::format("0 to {}", kMostSteps));
  const ChainTrace trace = trace_chains(*plan.trainer, n, plan.key, plan.num_steps, plan.noise_scale, columns);
  write_png(plan.out, trace_picture(trace, n, plan.image()));
  write_energies(trace, n, plan);
  fmt::print("{} chains of {} Langevin steps from {} in {}, U of every step in {}\n", n, plan.num_steps,
             method_record(plan.trainer->settings().method).start, plan.out.string(), plan.beside(".csv").string());
}

}  // namespace

void add_trace_command(CLI::App& app) {
  auto flags = std::make_shared<TraceFlags>();
  CLI::App* command = app.add_subcommand(kName, "chains from their start to the last step, U under each image");
  flags->picture.add_to(*command, kName);
  command->add_option("--n", flags->n, "rows: chains [8]")->type_name("N");
  command->add_option("--columns", flags->columns, "images of a chain, first and last among them [8]")->type_name("N");
  command->callback([flags] { trace(*flags); });
}

}  // namespace ebm
