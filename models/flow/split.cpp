#include "models/flow/split.h"

namespace ebm {

Split::Split(Parameters& parameters, const std::string& name, int64_t channels, int64_t kernel)
    : kept_(channels / 2), leaving_(channels - kept_), prior_(parameters, name, kernel, kept_, 2 * leaving_, 0) {}

Split::Parts Split::encode(const ConvWeights& w, const Var& h, LogDet& log_det) const {
  const Var h1 = slice_channels(h, 0, kept_), h2 = slice_channels(h, kept_, leaving_);
  const Var prior = prior_(w, h1, 1);  // (N,H,W,2·leaving): μ and λ
  const Var mu = slice_channels(prior, 0, leaving_), log_sd = slice_channels(prior, leaving_, leaving_);
  log_det.add_rows(scale(sum_rows(log_sd), -1));
  return {h1, mul(sub(h2, mu), exp(scale(log_sd, -1)))};
}

Var Split::decode(const ConvWeights& w, const Parts& parts) const {
  const Var prior = prior_(w, parts.kept, 1);
  const Var mu = slice_channels(prior, 0, leaving_), log_sd = slice_channels(prior, leaving_, leaving_);
  return concat_channels(parts.kept, add(mu, mul(exp(log_sd), parts.noise)));
}

}  // namespace ebm
