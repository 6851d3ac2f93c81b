// Points in the plane with a density that is known: what a model of two numbers is tried on.
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "train/data/source.h"

namespace ebm {

struct PointSet {
  const char* name;  // of a data set: "8gaussians"
  double reach;      // what lies beyond [-reach, reach]² is less than 1e-6 of it
  // Point i of a key's: two numbers.
  void (*draw)(const RandomKey& key, uint64_t i, float* point);
  double (*density)(double x, double y);
};

// 8gaussians: on a circle of radius 2, standard deviation 0.1. pinwheel: five arms, each a Gaussian that is turned the more the
// farther out (as Johnson et al. 2016 have it, but by the distance from the middle, so that the density has a closed form).
// checkerboard: the eight squares of one colour of 4×4.
const std::vector<PointSet>& point_sets();
// nullptr for a name that is none.
const PointSet* find_point_set(const std::string& name);

// Points as "x" (1, 1, 2): images of one pixel with two channels. Each batch is drawn anew, so nothing is ever seen twice.
class PointSource : public Source {
 public:
  explicit PointSource(const PointSet& set) : set_(set) {}

  std::vector<SourcePart> parts() const override { return {{"x", {1, 1, 2}}}; }
  int64_t count() const override { return 50'000; }  // of an epoch, by agreement
  void fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n,
            std::span<float* const> out) const override;

 private:
  const PointSet& set_;
};

}  // namespace ebm
