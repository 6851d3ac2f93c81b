#include "tools/sample_export.h"

#include <fmt/format.h>

#include "core/check.h"
#include "evaluate/pixels.h"
#include "train/file_io.h"
#include "train/image_file.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

// Before the writers open files in it.
const fs::path& made_empty(const fs::path& folder) {
  make_folder(folder);
  EBM_CHECK(fs::is_empty(folder), "--export", folder.string() + ", which holds files",
            "an empty or a new folder");
  make_folder(folder / "generated");
  make_folder(folder / "revised");
  return folder;
}

void write_pngs(const fs::path& folder, int64_t first, std::span<const uint8_t> levels, ImageShape image) {
  const auto per_image = static_cast<size_t>(image.elements());
  for (size_t i = 0; i < levels.size() / per_image; ++i)
    write_png(folder / fmt::format("{:05}.png", first + static_cast<int64_t>(i)),
              levels.subspan(i * per_image, per_image), image);
}

}  // namespace

SampleExport::SampleExport(const fs::path& folder, int64_t n, ImageShape image)
    : folder_(made_empty(folder)),
      image_(image),
      generated_(folder / "generated.npy", {n, image.height, image.width, image.channels}),
      revised_(folder / "revised.npy", {n, image.height, image.width, image.channels}) {}

void SampleExport::add(int64_t first, std::span<const uint8_t> generated, std::span<const uint8_t> revised) {
  write_pngs(folder_ / "generated", first, generated, image_);
  write_pngs(folder_ / "revised", first, revised, image_);
  generated_.write(from_levels(generated));
  revised_.write(from_levels(revised));
}

void SampleExport::commit() {
  generated_.commit();
  revised_.commit();
}

}  // namespace ebm
