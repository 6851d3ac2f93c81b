#include "tools/sample_export.h"

#include <fmt/format.h>

#include "core/check.h"
#include "tools/evaluate/pixels.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

void write_pngs(const fs::path& folder, int64_t first, std::span<const uint8_t> levels, ImageShape image) {
  const auto per_image = static_cast<size_t>(image.elements());
  for (size_t i = 0; i < levels.size() / per_image; ++i)
    write_png(folder / fmt::format("{:05}.png", first + static_cast<int64_t>(i)),
              levels.subspan(i * per_image, per_image), image);
}

}  // namespace

SampleExport::SampleExport(const fs::path& folder, int64_t n, ImageShape image)
    : folder_(folder),
      scratch_(folder, "export"),
      image_(image),
      generated_(scratch_.path() / "generated.npy", {n, image.height, image.width, image.channels}),
      revised_(scratch_.path() / "revised.npy", {n, image.height, image.width, image.channels}) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    EBM_CHECK(entry.path() == scratch_.path(), "--export", folder.string() + ", which holds files",
              "an empty or a new folder");
  make_folder(scratch_.path() / "generated");
  make_folder(scratch_.path() / "revised");
}

void SampleExport::add(int64_t first, std::span<const uint8_t> generated, std::span<const uint8_t> revised) {
  write_pngs(scratch_.path() / "generated", first, generated, image_);
  write_pngs(scratch_.path() / "revised", first, revised, image_);
  generated_.write(from_levels(generated));
  revised_.write(from_levels(revised));
}

void SampleExport::commit() {
  generated_.commit();
  revised_.commit();
  for (const char* name : {"generated", "revised", "generated.npy", "revised.npy"}) {
    std::error_code error;
    fs::rename(scratch_.path() / name, folder_ / name, error);
    EBM_CHECK(!error, "--export", fmt::format("{}: {}", (folder_ / name).string(), error.message()),
              "a folder that nothing else changes");
  }
}

}  // namespace ebm
