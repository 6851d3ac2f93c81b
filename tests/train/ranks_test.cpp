// What ranks do together is what one would do alone. Trainers of each method: tests/contract/methods_test.cpp.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "kernels/batch_norm.h"
#include "tests/logical_ranks.h"
#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "train/data/batch_feed.h"
#include "train/iteration.h"
#include "train/learner.h"

namespace ebm {
namespace {

using test::on_ranks;

// This rank's rows of x (n, …).
Tensor rows_of(const Tensor& x, const Share& share) {
  return x.view(share.first * (x.size() / x.extent(0)), x.shape().with_first(share.count)).clone();
}

// Rows of all ranks, one after the other.
struct Rows {
  explicit Rows(int ranks) : of(static_cast<size_t>(ranks)) {}
  std::vector<float> all() const {
    std::vector<float> x;
    for (const std::vector<float>& part : of) x.insert(x.end(), part.begin(), part.end());
    return x;
  }
  std::vector<std::vector<float>> of;
};

}  // namespace

TEST_CASE("ranks draw the bits that one draws, and get its batches") {
  const Shape kShape = {9, 3, 5};  // rows begin inside a draw of four
  const Dataset data = load_dataset("synthetic", "", Split::train);
  const LabelledImages source(data);
  const Shape batch = {9, data.images.shape().height, data.images.shape().width, data.images.shape().channels};
  Rows normal_of_one(1), uniform_of_one(1), batch_of_one(1);
  for (int ranks = 1; ranks <= 4; ++ranks) {
    CAPTURE(ranks);
    Rows normal(ranks), uniform(ranks), images(ranks);
    on_ranks(ranks, [&](Communicator& world) {
      Scalars scalars(kCpu);
      Iteration it(kCpu, 3, scalars, {{"x", batch}}, {}, world);
      BatchFeed feed(source, 3, {batch}, kCpu, world.share(9));
      it.begin(feed.get(5), 5, 0);
      scalars.upload();
      const auto r = static_cast<size_t>(world.rank());
      normal.of[r] = it.normal(Stream::latent, kShape).to_host();
      uniform.of[r] = it.uniform(Stream::start, kShape, -1, 1).to_host();
      images.of[r] = it.data().to_host();
    });
    if (ranks == 1) normal_of_one = normal, uniform_of_one = uniform, batch_of_one = images;
    CHECK(normal.all() == normal_of_one.all());
    CHECK(uniform.all() == uniform_of_one.all());
    CHECK(images.all() == batch_of_one.all());
  }
}

TEST_CASE("batch normalisation's batch is that of all ranks, in both directions") {
  const Shape shape = {7, 4, 3, 5};
  const Tensor x = normal(shape, 1, 3, 2, kCpu), dy = cpu_normal(shape, 2), gamma = cpu_normal({5}, 3),
               beta = cpu_normal({5}, 4);
  BatchNormSaved saved;
  const Tensor y = batch_norm(x, gamma, beta, 1e-3f, saved);
  const BatchNormGradients g = batch_norm_backward(x, gamma, dy, saved);
  for (int ranks = 2; ranks <= 4; ++ranks) {
    CAPTURE(ranks);
    Rows values(ranks), gradients(ranks), dgamma(ranks), dbeta(ranks);
    on_ranks(ranks, [&](Communicator& world) {
      const WorldScope scope(world);
      const Tensor own = rows_of(x, world.share(7)), own_dy = rows_of(dy, world.share(7));
      BatchNormSaved own_saved;
      const auto r = static_cast<size_t>(world.rank());
      values.of[r] = batch_norm(own, gamma, beta, 1e-3f, own_saved).to_host();
      BatchNormGradients own_g = batch_norm_backward(own, gamma, own_dy, own_saved);
      gradients.of[r] = own_g.dx.to_host();
      world.sum(own_g.dgamma);
      world.sum(own_g.dbeta);
      dgamma.of[r] = own_g.dgamma.to_host();
      dbeta.of[r] = own_g.dbeta.to_host();
    });
    CHECK(relative_error(values.all(), y.to_host()) < 1e-6);
    CHECK(relative_error(gradients.all(), g.dx.to_host()) < 1e-6);
    for (const auto& each : dgamma.of) CHECK(relative_error(each, g.dgamma.to_host()) < 1e-6);
    for (const auto& each : dbeta.of) CHECK(relative_error(each, g.dbeta.to_host()) < 1e-6);
  }
}

TEST_CASE("a rank with other parameters than rank 0's ends the run where a state is to be kept") {
  const test::TemporaryFolder folder;
  const Dataset data = load_dataset("synthetic", "", Split::train);
  struct Changes : RunObserver {
    void started(const Trainer& trainer) override {
      Parameters& parameters = trainer.parts().learners()[0]->parameters();
      parameters.flat().mutable_data()[0] += 0.25f;
    }
  };
  const auto train = [&](const char* name, int changed) {
    on_ranks(2, [&](Communicator& world) {
      RunOptions options = test::tiny_run(folder / name, test::tiny_settings(6));
      test::change(options, [](Settings& s) { s.guard_every = 3; });
      options.ranks = &world;
      Changes changes;
      RunObserver silent;
      run_training(options, data, world.rank() == changed ? changes : silent);
    });
  };
  train("alike", -1);
  CHECK_THROWS_WITH_AS(train("other", 1), doctest::Contains("the same in all ranks at iteration 3"), Error);
}

}  // namespace ebm
