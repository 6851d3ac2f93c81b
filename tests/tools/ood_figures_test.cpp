// ./ebm ood against ./ebm energy of the same images and plain counting.
#include <numeric>

#include "tests/tools/figures.h"
#include "train/data/synthetic.h"

using namespace ebm;
using namespace ebm::test;

namespace {

using Numbers = std::vector<double>;

double mean(const Numbers& u) { return std::accumulate(u.begin(), u.end(), 0.0) / static_cast<double>(u.size()); }

// P(an outlier's U > one of the others'), ties by half: every pair is looked at.
double auroc_by_pairs(const Numbers& out, const Numbers& in) {
  double right = 0;
  for (const double a : out)
    for (const double b : in) right += a > b ? 1 : a == b ? 0.5 : 0;
  return right / static_cast<double>(out.size() * in.size());
}

// The mean, over the positives, of the precision among all that score no less than it does.
double mean_precision(const Numbers& positive, const Numbers& negative) {
  double sum = 0;
  for (const double threshold : positive) {
    const auto reaches = [&](double score) { return score >= threshold; };
    const auto right = static_cast<double>(std::count_if(positive.begin(), positive.end(), reaches));
    sum += right / (right + static_cast<double>(std::count_if(negative.begin(), negative.end(), reaches)));
  }
  return sum / static_cast<double>(positive.size());
}

Numbers minus(Numbers u) {
  for (double& v : u) v = -v;
  return u;
}

// What happens to one image (28, 28) -> (28, 28), done to each of them.
template <class Pixel>
std::vector<float> each(const std::vector<float>& images, const Pixel& pixel) {
  std::vector<float> changed;
  for (size_t first = 0; first < images.size(); first += kTinyPixels)
    for (int64_t y = 0; y < 28; ++y)
      for (int64_t x = 0; x < 28; ++x) changed.push_back(pixel(images.data() + first, y, x));
  return changed;
}

}  // namespace

TEST_CASE("ood's figures are those of ebm energy's U, counted pair by pair") {
  const TemporaryFolder folder;
  train_lively_run(folder);
  const std::vector<float> in = floats_of(synthetic_images(30, 1), 30);
  // a quarter turn clockwise: the left column, from the bottom up, becomes the top row
  const auto turned = each(in, [](const float* image, int64_t y, int64_t x) { return image[(27 - x) * 28 + y]; });
  const auto negative = each(in, [](const float* image, int64_t y, int64_t x) { return -image[y * 28 + x]; });
  auto faded = each(in, [](const float* image, int64_t y, int64_t x) { return 0.5f * image[y * 28 + x]; });
  faded.resize(11 * kTinyPixels);  // sets of two sizes
  write_images(folder / "in.npy", in);
  write_images(folder / "faded.npy", faded);
  const Numbers u_in = energies(folder, in);
  const std::vector<std::pair<std::string, Numbers>> sets{{"rotated", energies(folder, turned)},
                                                          {"inverted", energies(folder, negative)},
                                                          {"faded.npy", energies(folder, faded)}};

  const std::string printed =
      of_run(folder, {"ood", "--in", "in.npy", "--out", "rotated,inverted,faded.npy", "--json", "o.json"});
  const nlohmann::json json = nlohmann::json::parse(get(folder / "o.json"));
  const nlohmann::json& rows = json["Outliers by U"];
  REQUIRE(rows.size() == 1 + sets.size());
  CHECK(rows[0]["images"] == 30);
  CHECK(rows[0]["mean U"].get<double>() == doctest::Approx(mean(u_in)));
  for (size_t i = 0; i < sets.size(); ++i) {
    const auto& [name, u] = sets[i];
    CAPTURE(name);
    const double auroc = auroc_by_pairs(u, u_in);
    const double out = mean_precision(u, u_in), inside = mean_precision(minus(u_in), minus(u));
    CHECK(std::abs(auroc - 0.5) > 0.1);  // one that tells the two sides, and images that changed from ones that did not
    CHECK(std::abs(out - inside) > 1e-3);
    const nlohmann::json& row = rows[1 + i];
    CHECK(row["name"] == name);
    CHECK(row["images"] == u.size());
    CHECK(row["mean U"].get<double>() == doctest::Approx(mean(u)));
    CHECK(row["AUROC"].get<double>() == doctest::Approx(auroc));
    CHECK(row["AUPRC out"].get<double>() == doctest::Approx(out));
    CHECK(row["AUPRC in"].get<double>() == doctest::Approx(inside));

    // the same in the table: images, mean U, AUROC, AUPRC out, AUPRC in
    std::istringstream columns(printed.substr(printed.find("\n" + name) + 1 + name.size()));
    double images, mean_u, shown_auroc, shown_out, shown_inside;
    columns >> images >> mean_u >> shown_auroc >> shown_out >> shown_inside;
    CHECK(images == static_cast<double>(u.size()));
    CHECK(mean_u == doctest::Approx(mean(u)).epsilon(1e-3));
    CHECK(std::abs(shown_auroc - auroc) < 1e-4);
    CHECK(std::abs(shown_out - out) < 1e-4);
    CHECK(std::abs(shown_inside - inside) < 1e-4);
  }
}
