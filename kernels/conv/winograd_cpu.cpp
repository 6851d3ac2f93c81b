#include "kernels/conv/winograd.h"

namespace ebm::cpu {

TileTransforms tile_transforms(int outputs, int taps) {
  static constexpr TileTransforms kOf2[] = {tile_transforms<1, 2>(), tile_transforms<2, 2>(), tile_transforms<3, 2>(),
                                            tile_transforms<4, 2>()};
  static constexpr TileTransforms kOf3[] = {tile_transforms<1, 3>(), tile_transforms<2, 3>(), tile_transforms<3, 3>(),
                                            tile_transforms<4, 3>()};
  static constexpr TileTransforms kOf4[] = {tile_transforms<1, 4>(), tile_transforms<2, 4>(), tile_transforms<3, 4>()};
  return taps == 2 ? kOf2[outputs - 1] : taps == 3 ? kOf3[outputs - 1] : kOf4[outputs - 1];
}

}  // namespace ebm::cpu
