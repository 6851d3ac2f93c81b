#include <algorithm>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/caption.h"
#include "tools/evaluate/chain_trace.h"
#include "tools/evaluate/results.h"
#include "tools/settings_flags.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"

namespace ebm {
namespace {

constexpr char kName[] = "trace";
constexpr int64_t kTraceScale = 3;  // leaves room for a number under an image
constexpr int64_t kMostSteps = 100'000, kMostFrames = 1000;
constexpr char kAnimated[] = ".animated.png";
constexpr uint16_t kFrameMilliseconds = 80;

struct TraceFlags {
  PictureFlags picture;
  std::string n = "8", columns = "8", frames = "48";
};

std::string energy_text(float u) { return fmt::format("{:.3G}", u); }

// The images of all chains after a step that was kept, (n, H, W, C).
const std::vector<float>& images_after(const ChainTrace& trace, int64_t step) {
  const auto place = std::lower_bound(trace.shown.begin(), trace.shown.end(), step) - trace.shown.begin();
  return trace.x[static_cast<size_t>(place)];
}

// A row of images for each chain, U under each of them and the step above.
Picture trace_picture(const ChainTrace& trace, const std::vector<int64_t>& columns, int64_t n, ImageShape image) {
  std::vector<std::string> heading;
  for (const int64_t step : columns) heading.push_back(fmt::format("t={}", step));
  std::vector<Picture> parts{caption_strip(heading, image.width * kTraceScale, image.channels)};
  for (int64_t chain = 0; chain < n; ++chain) {
    std::vector<float> row;
    std::vector<std::string> energies;
    for (const int64_t step : columns) {
      const float* x = images_after(trace, step).data() + chain * image.elements();
      row.insert(row.end(), x, x + image.elements());
      energies.push_back(energy_text(trace.u[static_cast<size_t>(step)][static_cast<size_t>(chain)]));
    }
    parts.push_back(image_grid(row, image, 1, static_cast<int64_t>(columns.size()), kTraceScale));
    parts.push_back(caption_strip(energies, image.width * kTraceScale, image.channels));
  }
  return stacked(parts);
}

// The chains side by side, a frame for each of the steps, which stands above.
std::vector<std::byte> animation(const ChainTrace& trace, const std::vector<int64_t>& steps, ImageShape image) {
  std::vector<std::vector<uint8_t>> frames;
  ImageShape shape;
  for (const int64_t step : steps) {
    const Picture grid = square_grid(images_after(trace, step), image, kTraceScale);
    const std::string heading[] = {fmt::format("t={}", step)};
    const Picture frame =
        stacked(std::vector{caption_strip(heading, grid.shape.width - 2 * kGridPadding, image.channels), grid});
    shape = frame.shape;
    frames.push_back(frame.pixels);
  }
  return encode_animation(frames, shape, kFrameMilliseconds);
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
  const int64_t frames = parse_count("frames", flags.frames, 0, kMostFrames);
  const PicturePlan plan = plan_picture(flags.picture, kName, {Ability::chains}, {".csv", ".json", kAnimated});
  EBM_CHECK(plan.num_steps <= kMostSteps, "--steps", std::to_string(plan.num_steps),
            fmt::format("0 to {}", kMostSteps));
  const std::vector<int64_t> in_columns = spread_steps(columns, plan.num_steps),
                             in_frames = spread_steps(frames, plan.num_steps);
  std::vector<int64_t> shown;
  std::set_union(in_columns.begin(), in_columns.end(), in_frames.begin(), in_frames.end(), std::back_inserter(shown));
  const ChainTrace trace = trace_chains(*plan.trainer, n, plan.key, plan.num_steps, plan.noise_scale, std::move(shown));
  write_png(plan.out, trace_picture(trace, in_columns, n, plan.image()));
  if (frames > 0) write_file_atomically(plan.beside(kAnimated), animation(trace, in_frames, plan.image()));
  write_energies(trace, n, plan);
  fmt::print("{} chains of {} {} from {} in {}, U of every step in {}{}\n", n, plan.num_steps,
             method_record(plan.trainer->settings().method).steps, method_record(plan.trainer->settings().method).start,
             plan.out.string(), plan.beside(".csv").string(),
             frames > 0 ? ", moving in " + plan.beside(kAnimated).string() : "");
}

}  // namespace

void add_trace_command(CLI::App& app) {
  auto flags = std::make_shared<TraceFlags>();
  CLI::App* command = app.add_subcommand(kName, "chains from their start to the last step, U under each image");
  flags->picture.add_to(*command, kName);
  command->add_option("--n", flags->n, "rows: chains [8]")->type_name("N");
  command->add_option("--columns", flags->columns, "images of a chain, first and last among them [8]")->type_name("N");
  command
      ->add_option("--frames", flags->frames,
                   "steps that trace.animated.png shows one after the other, which browsers play; 0: no such file [48]")
      ->type_name("N");
  command->callback([flags] { trace(*flags); });
}

}  // namespace ebm
