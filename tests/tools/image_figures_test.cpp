// ./ebm mean, reconstruct and neighbours: every figure and every pixel, from the same images by plain arithmetic.
#include <cmath>

#include "tests/tools/figures.h"
#include "tests/train/tiny_run.h"
#include "train/data/synthetic.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// Over the images, of each pixel: (28, 28, 1).
struct PixelMoments {
  std::vector<float> mean, deviation;
};

PixelMoments moments_of(const std::vector<float>& images) {
  const size_t n = images.size() / kTinyPixels;
  PixelMoments m;
  for (size_t pixel = 0; pixel < kTinyPixels; ++pixel) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; ++i) mean += images[i * kTinyPixels + pixel] / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i)
      variance += std::pow(images[i * kTinyPixels + pixel] - mean, 2) / static_cast<double>(n);
    m.mean.push_back(static_cast<float>(mean));
    m.deviation.push_back(static_cast<float>(std::sqrt(variance)));
  }
  return m;
}

// ‖a − b‖
double length(std::span<const float> a, std::span<const float> b) { return distance(a, b) * std::sqrt(a.size()); }

// The distance to each of the images and which it is, the nearest first.
std::vector<std::pair<double, size_t>> by_distance(std::span<const float> query, const std::vector<float>& images) {
  std::vector<std::pair<double, size_t>> all;
  for (size_t i = 0; i < images.size() / kTinyPixels; ++i) all.emplace_back(length(query, image(images, i)), i);
  std::sort(all.begin(), all.end());
  return all;
}

// The part "train" or "t10k" of a data set in the folder's data/.
void put_data(const TemporaryFolder& folder, const std::string& part, const ImageSet& images) {
  const auto count = static_cast<uint32_t>(images.count);
  put(folder / ("data/mnist/" + part + "-images-idx3-ubyte"),
      big_endian(0x803) + big_endian(count) + big_endian(28) + big_endian(28) +
          std::string(images.pixels.begin(), images.pixels.end()));
  put(folder / ("data/mnist/" + part + "-labels-idx1-ubyte"), idx_labels(count));
}

}  // namespace

TEST_CASE("mean shows each pixel's mean and deviation, and measures them against the test images'") {
  const TemporaryFolder folder;
  train_lively_run(folder);
  of_run(folder, {"mean", "--n", "20", "--seed", "3"});

  const PixelMoments test = moments_of(floats_of(synthetic_images(20, 1), 20));
  const PixelMoments generated = moments_of(samples(folder, {"--n", "20", "--seed", "3", "--generator-only"}));
  const PixelMoments revised = moments_of(samples(folder, {"--n", "20", "--seed", "3"}));
  const auto figure = [&](const char* row) { return result(folder / "run/mean.json", row).get<double>(); };
  CHECK(figure("images of the generator, mean") == doctest::Approx(distance(generated.mean, test.mean)));
  CHECK(figure("revised, mean") == doctest::Approx(distance(revised.mean, test.mean)));
  CHECK(figure("images of the generator, deviation") == doctest::Approx(distance(generated.deviation, test.deviation)));
  CHECK(figure("revised, deviation") == doctest::Approx(distance(revised.deviation, test.deviation)));

  std::vector<float> cells;  // columns: test images, generator, revised
  for (const PixelMoments* m : {&test, &generated, &revised}) append(cells, m->mean);
  for (const PixelMoments* m : {&test, &generated, &revised})
    for (const float deviation : m->deviation) cells.push_back(2 * deviation - 1);  // 0 is black, 1 white
  CHECK(difference(read_picture(folder / "run/mean.png"), image_grid(cells, kTinyImage, 2, 3, 4)) <= 1);
  CHECK(distance(generated.mean, revised.mean) > 0.03);  // there is a difference to see
}

TEST_CASE("reconstruct shows g(mu(x)) and its revision, and measures both") {
  const FixedPlans fixed;
  const OneThread one_thread;
  const TemporaryFolder folder;
  train_lively_run(folder);
  of_run(folder, {"reconstruct", "--n", "12", "--images", "20", "--seed", "3"});

  const auto trainer = trained(folder);
  const std::vector<float> x = floats_of(synthetic_images(20, 1), 20);
  Tensor y = trainer->generate(trainer->encode(Tensor::from_host(x, {20, 28, 28, 1}, kCpu)));
  const std::vector<float> decoded = y.to_host();
  trainer->revise(y, {3, Stream::sample, 0, 0}, 3, 1.0);
  const std::vector<float> revised = y.to_host();
  const auto figure = [&](const char* row) { return result(folder / "run/reconstruct.json", row).get<double>(); };
  CHECK(figure("root mean square of a pixel, g(mu(x))") == doctest::Approx(distance(x, decoded)));
  CHECK(figure("root mean square of a pixel, revised") == doctest::Approx(distance(x, revised)));
  // 784 pixels an image
  CHECK(figure("mean |x - g(mu(x))|^2") == doctest::Approx(784 * std::pow(distance(x, decoded), 2)));
  CHECK(figure("the same after revision") == doctest::Approx(784 * std::pow(distance(x, revised), 2)));
  CHECK(distance(decoded, revised) > 0.03);

  const std::vector<float> black(kTinyPixels, -1.0f);
  std::vector<float> cells;  // ten images wide: a block of ten, a block of two
  for (const size_t block : {0, 10})
    for (const std::vector<float>* row : {&x, &decoded, &revised})
      for (size_t i = block; i < block + 10; ++i) append(cells, i < 12 ? image(*row, i) : black);
  CHECK(difference(read_picture(folder / "run/reconstruct.png"), image_grid(cells, kTinyImage, 6, 10, 2)) <= 1);
}

TEST_CASE("neighbours finds the samples that lie among the training images, and their distances") {
  const TemporaryFolder folder;
  ImageSet train = synthetic_images(60, 0), test = synthetic_images(21, 0);
  for (size_t i = 0; i < test.pixels.size(); ++i)  // brighter by 30, 40, … levels than those trained on
    test.pixels[i] = static_cast<uint8_t>(std::min<size_t>(255, test.pixels[i] + 10 * (3 + i / kTinyPixels)));
  put_data(folder, "train", train);
  put_data(folder, "t10k", test);
  train_lively_run(folder, "mnist", {"--data", "data", "--teach", "inferred", "--kl-weight", "3"});
  const std::vector<float> drawn = samples(folder, {"--n", "21", "--seed", "3"});
  for (size_t i = 0; i < 7 * kTinyPixels; ++i)  // a third of the samples is among them now
    train.pixels[30 * kTinyPixels + i] =
        static_cast<uint8_t>(std::lround((std::clamp(drawn[i], -1.0f, 1.0f) + 1) * 127.5));
  put_data(folder, "train", train);
  of_run(folder, {"neighbours", "--data", "data", "--n", "9", "--k", "3", "--samples", "21", "--seed", "3"});

  const std::vector<float> references = floats_of(train, 60), tests = floats_of(test, 21);
  std::vector<double> of_samples, of_tests;
  std::vector<float> nearest;  // of nine samples, three each
  for (size_t i = 0; i < 21; ++i) {
    const auto found = by_distance(image(drawn, i), references);
    of_samples.push_back(found[0].first);
    of_tests.push_back(by_distance(image(tests, i), references)[0].first);
    if (i < 7) CHECK(found[0].second == 30 + i);
    for (size_t k = 0; i < 9 && k < 3; ++k) append(nearest, image(references, found[k].second));
  }
  std::sort(of_samples.begin(), of_samples.end());
  std::sort(of_tests.begin(), of_tests.end());
  const auto figure = [&](const std::string& row) { return result(folder / "run/neighbours.json", row).get<double>(); };
  // of 21 distances the first, second, eleventh and twentieth have exactly these shares of the others below them
  for (const auto& [share, rank] : {std::pair{"least", 0}, {"5 %", 1}, {"median", 10}, {"95 %", 19}}) {
    CAPTURE(share);
    CHECK(figure(std::string("samples, ") + share) == doctest::Approx(of_samples[static_cast<size_t>(rank)]));
    CHECK(figure(std::string("test images, ") + share) == doctest::Approx(of_tests[static_cast<size_t>(rank)]));
  }
  const auto nearer = [&](double than) {
    return std::count_if(of_samples.begin(), of_samples.end(), [&](double d) { return d < than; });
  };
  CHECK(nearer(of_tests[0]) < nearer(of_tests[1]));  // a count that depends on which of them is taken
  CHECK(nearer(of_tests[1]) < nearer(of_tests[2]));
  CHECK(figure("samples nearer than 95 % of the test images are") ==
        doctest::Approx(static_cast<double>(nearer(of_tests[1])) / 21));

  const Picture expected = side_by_side(image_grid(std::span(drawn).first(9 * kTinyPixels), kTinyImage, 9, 1, 2),
                                        image_grid(nearest, kTinyImage, 9, 3, 2));
  CHECK(difference(read_picture(folder / "run/neighbours.png"), expected) <= 1);
}
