#include "kernels/random_fill.h"

#include "kernels/map_quads.h"

namespace ebm {
namespace {

template <class Draw>
struct Fill {
  Draw from_words;
  RandomKey key;
  EBM_HD void load() {
    key.load();
    load_numbers(from_words);
  }
  EBM_HD Floats4 draw(uint64_t quad) const { return from_words(random_words(key, quad)); }
  EBM_HD void operator()(float drawn, float& x) const { x = drawn; }
};

struct DrawNormal {
  float mean;
  Scalar stddev;
  EBM_HD void load() { stddev.load(); }
  EBM_HD Floats4 operator()(const Words4& words) const {
    Floats4 r = to_normal(words);
    for (int j = 0; j < 4; ++j) r.v[j] = mean + stddev.value * r.v[j];
    return r;
  }
};

struct DrawUniform {
  float low, range;
  EBM_HD Floats4 operator()(const Words4& words) const {
    Floats4 r = to_uniform(words);
    for (int j = 0; j < 4; ++j) r.v[j] = low + range * r.v[j];
    return r;
  }
};

struct DrawBernoulli {
  float p;
  EBM_HD Floats4 operator()(const Words4& words) const {
    Floats4 r = to_uniform(words);
    for (int j = 0; j < 4; ++j) r.v[j] = r.v[j] < p ? 1.0f : 0.0f;
    return r;
  }
};

struct Dropout {
  const float* x;
  float* y;
  RandomKey key;
  uint64_t first;
  float keep;
  EBM_HD void load() { key.load(); }
  EBM_HD void operator()(int64_t i) const { y[i] = uniform1(key, first + i) < keep ? x[i] / keep : 0.0f; }
};

template <class Draw>
void fill(Tensor& x, const RandomKey& key, uint64_t first, const Draw& from_words) {
  map_quads(x.device(), x.size(), first, Fill<Draw>{from_words, key}, Write{x.mutable_data()});
}

}  // namespace

void fill_normal(Tensor& x, const RandomKey& key, float mean, Scalar stddev, uint64_t first_element) {
  fill(x, key, first_element, DrawNormal{mean, stddev});
}

void fill_uniform(Tensor& x, const RandomKey& key, float low, float high, uint64_t first_element) {
  fill(x, key, first_element, DrawUniform{low, high - low});
}

void fill_bernoulli(Tensor& x, const RandomKey& key, float p, uint64_t first_element) {
  fill(x, key, first_element, DrawBernoulli{p});
}

Tensor dropout(const Tensor& x, float keep, const RandomKey& key, uint64_t first_element) {
  EBM_CHECK(keep > 0 && keep <= 1, "dropout", "keep " + std::to_string(keep), "a probability in (0, 1]");
  Tensor y = Tensor::empty(x.shape(), x.device());
  map(x.device(), x.size(), Dropout{x.data(), y.mutable_data(), key, first_element, keep}, kQuadCost);
  return y;
}

}  // namespace ebm
