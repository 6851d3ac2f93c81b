#include "tools/evaluate/classifier_training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/evaluate/portable_training.h"

namespace ebm {
namespace {

constexpr int64_t kEvaluationBatch = 500;
constexpr double kSecondsBetweenLines = 10;

void check_images(const Classifier& classifier, const Dataset& images) {
  const auto& labels = images.images.labels;
  const bool labelled = static_cast<int64_t>(labels.size()) == images.count() && images.count() > 0 &&
                        *std::max_element(labels.begin(), labels.end()) < classifier.classes();
  EBM_CHECK(images.images.shape() == classifier.image() && labelled, "classifier",
            fmt::format("{} images of {}x{}x{}", images.count(), images.images.height, images.images.width,
                        images.images.channels),
            fmt::format("{}x{}x{} with labels from 0 to {}", classifier.image().height, classifier.image().width,
                        classifier.image().channels, classifier.classes() - 1));
}

Shape batch_shape(int64_t n, ImageShape image) { return {n, image.height, image.width, image.channels}; }

}  // namespace

void augment(std::vector<float>& x, ImageShape shape, int64_t shift, bool mirror, const RandomKey& key) {
  const auto [height, width, channels] = shape;
  const size_t per_image = static_cast<size_t>(shape.elements());
  const auto offset = [&](float u) {
    return std::min(static_cast<int64_t>(u * static_cast<float>(2 * shift + 1)), 2 * shift) - shift;
  };
  for (size_t image = 0; image < x.size() / per_image; ++image) {
    const Floats4 u = uniform4(key, image);
    const int64_t dy = offset(u.v[0]), dx = offset(u.v[1]);
    const bool mirrored = mirror && u.v[2] < 0.5f;
    const std::vector<float> from(x.begin() + static_cast<int64_t>(image * per_image),
                                  x.begin() + static_cast<int64_t>((image + 1) * per_image));
    float* to = x.data() + image * per_image;
    for (int64_t row = 0; row < height; ++row) {
      for (int64_t column = 0; column < width; ++column, to += channels) {
        const int64_t y = row - dy, x_moved = column - dx;
        const bool inside = y >= 0 && y < height && x_moved >= 0 && x_moved < width;
        const int64_t source = (y * width + (mirrored ? width - 1 - x_moved : x_moved)) * channels;
        for (int64_t c = 0; c < channels; ++c) to[c] = inside ? from[static_cast<size_t>(source + c)] : -1.0f;
      }
    }
  }
}

Classifier train_classifier(const ClassifierRecipe& recipe, const Dataset& images, Device device,
                            const std::function<void(const std::string&)>& say) {
  Classifier classifier(recipe.network, device, recipe.seed);
  check_images(classifier, images);
  if (!products_are_fused()) say("this build has no fused multiply-add: its classifier is not the usual one");
  const ImageShape image = classifier.image();
  PortableTraining training(recipe.network, recipe.seed, recipe.batch);
  const int64_t per_epoch = (images.count() + recipe.batch - 1) / recipe.batch, total = per_epoch * recipe.epochs;
  std::vector<float> x(static_cast<size_t>(recipe.batch * image.elements()));  // (batch, H, W, C)
  std::vector<uint8_t> labels(static_cast<size_t>(recipe.batch));
  double loss_sum = 0;
  const auto begin = std::chrono::steady_clock::now();
  double told = 0;  // seconds after `begin` of the last line
  for (int64_t i = 0; i < total; ++i) {
    const auto iteration = static_cast<uint32_t>(i);
    const std::vector<int64_t> indices = batch_indices(recipe.seed, i, recipe.batch, images.count());
    fill_batch(images, indices, x.data());
    augment(x, image, recipe.shift, recipe.mirror, {recipe.seed, Stream::data_noise, iteration, 0});
    for (size_t n = 0; n < labels.size(); ++n) labels[n] = images.images.labels[static_cast<size_t>(indices[n])];
    loss_sum += training.differentiate(x, labels, {recipe.seed, Stream::dropout, iteration, 0});
    EBM_CHECK(std::isfinite(loss_sum), "classifier", fmt::format("loss {} in training step {}", loss_sum, i + 1),
              "a finite one");
    const double done = static_cast<double>(i) / static_cast<double>(total);
    training.step(recipe.lr * (1 - done * done * (3 - 2 * done)));
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const bool epoch_done = (i + 1) % per_epoch == 0;
    if (!epoch_done && elapsed - told < kSecondsBetweenLines) continue;
    told = elapsed;
    const double left = elapsed * static_cast<double>(total - i - 1) / static_cast<double>(i + 1);
    say(fmt::format("classifier of {}: epoch {}/{}, {:.0f} % done, mean loss {:.4f}, {:.1f} min left", images.name,
                    i / per_epoch + 1, recipe.epochs, 100.0 * static_cast<double>(i + 1) / static_cast<double>(total),
                    loss_sum / static_cast<double>(i % per_epoch + 1), left / 60));
    if (epoch_done) loss_sum = 0;
  }
  Tensor& flat = classifier.parameters().flat();
  flat.copy_from_host(training.parameters());
  return classifier;
}

double accuracy(const Classifier& classifier, const Dataset& images) {
  check_images(classifier, images);
  const ImageShape image = classifier.image();
  const auto classes = static_cast<size_t>(classifier.classes());
  int64_t right = 0;
  for (int64_t first = 0; first < images.count(); first += kEvaluationBatch) {
    std::vector<int64_t> indices(static_cast<size_t>(std::min(kEvaluationBatch, images.count() - first)));
    std::iota(indices.begin(), indices.end(), first);
    std::vector<float> host(indices.size() * static_cast<size_t>(image.elements()));
    fill_batch(images, indices, host.data());
    const Shape shape = batch_shape(static_cast<int64_t>(indices.size()), image);
    const std::vector<float> logits =
        classifier(Var(Tensor::from_host(host, shape, classifier.device()))).logits.value().to_host();  // (n, classes)
    for (size_t i = 0; i < indices.size(); ++i) {
      const auto row = logits.begin() + static_cast<int64_t>(i * classes);
      const auto best = std::max_element(row, row + static_cast<int64_t>(classes)) - row;
      right += best == images.images.labels[static_cast<size_t>(indices[i])];
    }
  }
  return static_cast<double>(right) / static_cast<double>(images.count());
}

}  // namespace ebm
