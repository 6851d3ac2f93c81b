#include "tools/evaluate/pixels.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/check.h"
#include "train/data/dataset.h"

namespace ebm {

std::vector<uint8_t> to_levels(const Tensor& x, const char* what, int64_t first_image) {
  return to_levels(x.to_host(), x.extent(0), what, first_image);
}

std::vector<uint8_t> to_levels(std::span<const float> values, int64_t n, const char* what, int64_t first_image) {
  const size_t per_image = values.size() / static_cast<size_t>(n);
  std::vector<uint8_t> levels(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EBM_CHECK(!std::isnan(values[i]), "evaluate",
              std::string("NaN in ") + what + " " + std::to_string(first_image + static_cast<int64_t>(i / per_image)),
              "numbers: the model, or its Langevin chain at this step size, has diverged");
    levels[i] = static_cast<uint8_t>(std::lround((std::clamp(values[i], -1.0f, 1.0f) + 1.0f) * 127.5f));
  }
  return levels;
}

std::vector<float> from_levels(std::span<const uint8_t> levels) {
  std::vector<float> values(levels.size());
  std::transform(levels.begin(), levels.end(), values.begin(), to_float);
  return values;
}

}  // namespace ebm
