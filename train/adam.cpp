#include "train/adam.h"

#include <algorithm>

#include "core/communicator.h"
#include "kernels/reduce.h"

namespace ebm {
namespace {

// Numbers of a piece, at least. 4 MB are on their way three times as long as a sum takes to start (docs/scaling.md); in
// smaller pieces a generator's gradient would be in the way of its batch normalisations' sums.
constexpr int64_t kPiece = 1 << 20;

}  // namespace

Adam::Adam(Parameters& parameters, Scalars& scalars, double beta1, double beta2, double clip_norm, double ema_decay,
           double weight_decay)
    : parameters_(parameters),
      scalars_(scalars),
      clip_norm_(clip_norm),
      ema_decay_(ema_decay),
      step_size_(scalars.add()),
      inv_sqrt_correction2_(scalars.add()),
      shrink_(scalars.add()),
      average_decay_(scalars.add()) {
  settings_.beta1 = static_cast<float>(beta1);
  settings_.beta2 = static_cast<float>(beta2);
  settings_.weight_decay = static_cast<float>(weight_decay);
  const Tensor& flat = parameters.flat();
  gradient_ = Tensor::zeros(flat.shape(), flat.device());
  m_ = Tensor::zeros(flat.shape(), flat.device());
  v_ = Tensor::zeros(flat.shape(), flat.device());
  if (ema_decay > 0) average_ = flat.clone();
  // cut from the end, where the walk over the tape begins: what is left over are the first layers, which come last
  const std::vector<Parameters::Entry>& entries = parameters.entries();
  piece_of_.resize(entries.size());
  for (size_t i = entries.size(); i-- > 0;) {
    if (pieces_.empty() || pieces_.back().size >= kPiece) pieces_.push_back({});
    Piece& piece = pieces_.back();
    piece = {entries[i].first, piece.size + entries[i].shape.size(), piece.entries + 1, piece.missing + 1};
    piece_of_[i] = pieces_.size() - 1;
  }
}

void Adam::prepare(double lr) {
  settings_.lr = static_cast<float>(lr);
  const AdamStep at = adam_at(settings_, ++t_);
  scalars_.set(step_size_, at.step_size.value);
  scalars_.set(inv_sqrt_correction2_, at.inv_sqrt_correction2.value);
  scalars_.set(shrink_, at.shrink.value);
  // the average of the first steps weighs them equally, so that it does not remember the initial values
  scalars_.set(average_decay_, static_cast<float>(std::min(ema_decay_, (1.0 + t_) / (10.0 + t_))));
}

void Adam::take(size_t entry, const Tensor& gradient) {
  parameters_.view(gradient_, entry).copy_from(gradient);
  Piece& piece = pieces_[piece_of_[entry]];
  if (--piece.missing > 0) return;
  piece.missing = piece.entries;
  Tensor part = gradient_.view(piece.first, {piece.size});
  begun_ = world().begin_sum(part);
}

Tensor Adam::step() {
  world().join(begun_);
  const Tensor norm_sq = sum_squares(gradient_);  // (1)
  const AdamStep at{scalars_.scalar(step_size_), scalars_.scalar(inv_sqrt_correction2_), scalars_.scalar(shrink_)};
  adam_step(parameters_.flat(), gradient_, m_, v_, settings_, at, norm_sq, static_cast<float>(clip_norm_));
  if (average_.defined()) ema_update(average_, parameters_.flat(), scalars_.scalar(average_decay_));
  return norm_sq;
}

}  // namespace ebm
