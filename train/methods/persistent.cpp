// The persistent energy-based model (Tieleman 2008, with the replay buffer of Du & Mordatch 2019): chains go on
// from where they were left, one in twenty begins anew at noise. The buffer's chains take turns.
#include <fmt/format.h>

#include "core/check.h"
#include "kernels/chain/replay.h"
#include "train/data/dataset.h"
#include "train/methods/teaching.h"

namespace ebm {
namespace {

constexpr float kRestarts = 0.05f;

struct Persistent : Teaching {
  Persistent(const TeachingSettings& s, Parts& parts)
      : Teaching(s, parts),
        buffer_(parts.buffer("replay_buffer", noise_images(kReplayImages, {s.seed, Stream::start, 0, 1}))),
        first_(parts.number(
            [n = s.chains](int64_t iteration) { return static_cast<double>(iteration * n % kReplayImages); })) {}

  void iterate(Iteration& it) override {
    it.phase("ancestral");
    const Share own = it.share(settings_.chains);
    const Tensor chains = take_rows(buffer_, first_.scalar(), settings_.chains);         // of all ranks
    Tensor x_0 = chains.view(own.first * image_.elements(), images(own.count)).clone();  // (n, H, W, C)
    restart_rows(x_0, kRestarts, it.key(Stream::restart), it.key(Stream::start), own.first);
    const Tensor x_tilde = run_chains(it, x_0);  // (n, H, W, C)
    put_rows(buffer_, first_.scalar(), gather_rows(x_tilde, settings_.chains));
    begin_energy_update(it, x_tilde);
    end_updates(it, {&energy_});
  }

  Abilities abilities() override {
    Abilities a = Teaching::abilities();
    a.sample = [sample = a.sample](int64_t n, const RandomKey& key, const SampleOptions& options) {
      EBM_CHECK(options.first_row >= 0 && n <= kReplayImages - options.first_row, "sample",
                fmt::format("{} samples of persistent chains from row {} on", n, options.first_row),
                fmt::format("at most the {} rows of their replay buffer", kReplayImages));
      return sample(n, key, options);
    };
    return a;
  }

  // Rows first_row + first, … of the buffer in an order that the key's seed shuffles, round its end: no row twice in a
  // call, nor in calls of one seed if each says how many rows those before it took.
  Tensor sample_start(const RandomKey& key, int64_t first, int64_t first_row) override {
    Tensor x = Tensor::empty(images(kSampleBatch), device_);
    for (int64_t i = 0; i < kSampleBatch; ++i) {
      const int64_t from = permuted_index(key.seed, 0, (first_row + first + i) % kReplayImages, kReplayImages);
      x.view(i * image_.elements(), images(1)).copy_from(buffer_.view(from * image_.elements(), images(1)));
    }
    return x;
  }

  Tensor buffer_;       // (kReplayImages, H, W, C)
  const Number first_;  // the row whose chain is next
};

}  // namespace

std::unique_ptr<Method> make_persistent(const Settings& s, Parts& parts) {
  return std::make_unique<Persistent>(dynamic_cast<const TeachingSettings&>(s), parts);
}

}  // namespace ebm
