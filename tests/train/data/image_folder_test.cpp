#include "train/data/image_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/logical_ranks.h"
#include "tests/train/files/encoded_images.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "train/data/batch_feed.h"
#include "train/data/facades.h"
#include "train/data/process.h"
#include "train/files/image_file.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// A PNG whose pixels tell their place: the red of its row, the green of its column, blue of `number`.
void put_photo(const std::filesystem::path& path, int64_t height, int64_t width, int64_t channels = 3,
               uint8_t number = 0) {
  std::filesystem::create_directories(path.parent_path());
  std::vector<uint8_t> pixels;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c)
        pixels.push_back(c == 0 ? static_cast<uint8_t>(y) : c == 1 ? static_cast<uint8_t>(x) : number);
  write_png(path, pixels, {height, width, channels});
}

std::string numbered(int i) { return std::to_string(100 + i) + ".png"; }

void put_photos(const std::filesystem::path& folder, int count, int64_t height = 40, int64_t width = 44) {
  for (int i = 0; i < count; ++i) put_photo(folder / numbered(i), height, width, 3, static_cast<uint8_t>(i));
}

FolderRequest of(const std::filesystem::path& folder) { return {.folder = folder, .size = 32}; }

std::string refused(const FolderRequest& request, Split split = Split::train) {
  return error_of([&] { ImageFolder(request, split, 1); });
}

std::vector<std::string> names(const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> all;
  for (const std::filesystem::path& file : files) all.push_back(file.filename().string());
  return all;
}

// Rows first … first + n − 1 of a batch of 8.
std::vector<float> rows(const Source& source, int64_t iteration, int64_t first, int64_t n, uint64_t seed = 1) {
  const std::vector<SourcePart> parts = source.parts();
  std::vector<float> x(static_cast<size_t>(n * parts[0].shape[0] * parts[0].shape[1] * parts[0].shape[2]));
  float* out[] = {x.data()};
  source.fill(seed, iteration, 8, first, n, out);
  return x;
}

}  // namespace

TEST_CASE("image_folder: train/ and test/ are the splits; without them a tenth by name is held out") {
  const TemporaryFolder folder;
  put_photos(folder / "a/train", 3);
  put_photos(folder / "a/test", 1);
  put_photo(folder / "a/beside.png", 40, 40);
  CHECK(names(folder_files(folder / "a", Split::train)) == std::vector<std::string>{"100.png", "101.png", "102.png"});
  CHECK(names(folder_files(folder / "a", Split::test)) == std::vector<std::string>{"100.png"});
  CHECK(ImageFolder(of(folder / "a"), Split::train, 1).note() == "");

  put_photos(folder / "b", 200, 1, 1);
  put(folder / "b/.hidden.png", "no image");
  put(folder / "b/notes.txt", "no image");
  const std::vector<std::string> train = names(folder_files(folder / "b", Split::train)),
                                 test = names(folder_files(folder / "b", Split::test));
  CHECK(train.size() + test.size() == 200);
  CHECK(test.size() > 8);  // 20 expected, 4.2 the deviation
  CHECK(test.size() < 36);
  std::set<std::string> all(train.begin(), train.end());
  all.insert(test.begin(), test.end());
  CHECK(all.size() == 200);
  // what is added changes nothing of the others
  put_photo(folder / "b/000.png", 1, 1);
  const std::vector<std::string> later = names(folder_files(folder / "b", Split::test));
  CHECK(std::includes(later.begin(), later.end(), test.begin(), test.end()));

  put_photos(folder / "c", 2);
  CHECK(folder_files(folder / "c", Split::train).size() == 1);
  CHECK(folder_files(folder / "c", Split::test).size() == 1);
  CHECK(contains(ImageFolder(of(folder / "c"), Split::test, 1).note(), "has no folder test: about a tenth"));
}

TEST_CASE("image_folder: folders that are none, or have no images, or one, are one line") {
  const TemporaryFolder folder;
  CHECK(contains(refused(of(folder / "none")), "none, which is no folder that is there"));
  put(folder / "empty/notes.txt", "no image");
  CHECK(contains(refused(of(folder / "empty")), "a folder without images"));
  put_photo(folder / "deep/below/a.png", 40, 40);
  CHECK(contains(refused(of(folder / "deep")), "in it, not in folders below"));
  put(folder / "hidden/.a.png", "x");
  CHECK(contains(refused(of(folder / "hidden")), "hidden images alone"));
  put_photo(folder / "one/a.png", 40, 40);
  CHECK(contains(refused(of(folder / "one")), "one, a folder with one image"));
  put_photo(folder / "split/train/a.png", 40, 40);
  put_photo(folder / "split/test/a.png", 40, 40);
  CHECK(contains(refused(of(folder / "split")), "train, a folder with one image"));
}

TEST_CASE("image_folder: sizes and kinds may be mixed; what cannot be used is named, counted and left out") {
  const TemporaryFolder folder;
  const auto train = folder / "train";
  put_photos(folder / "test", 1);
  put_photo(train / "a wide.png", 40, 300);
  put_photo(train / "b tall.png", 120, 60);
  put_photo(train / "c exact.png", 32, 32);
  put_photo(train / "d grey.png", 33, 35, 1);
  put(train / "e short.png", get(train / "a wide.png").substr(0, 60));
  put_photo(train / "f small.png", 31, 90);
  const ImageFolder images(of(folder.path()), Split::train, 2);
  CHECK(images.count() == 4);
  CHECK(images.shape() == ImageShape{32, 32, 3});
  CHECK(contains(images.note(), "2 of 6 images left out: e short.png: a damaged image"));
  CHECK(contains(images.note(), "f small.png: an image of 31x90 (height x width)"));
  CHECK(images.note().find('\n') == std::string::npos);

  const Dataset middles = images.middles();
  CHECK(middles.name == folder.path().filename().string());
  CHECK(middles.images.shape() == ImageShape{32, 32, 3});
  const auto pixel = [&](int64_t image, int64_t y, int64_t x, int64_t c) {
    return int{middles.images.pixels.at(static_cast<size_t>(((image * 32 + y) * 32 + x) * 3 + c))};
  };
  CHECK(pixel(2, 5, 9, 0) == 5);  // 32x32 is taken as it is
  CHECK(pixel(2, 5, 9, 1) == 9);
  CHECK(pixel(3, 5, 9, 0) == 5);  // grey in all channels, from row 0 and column 1
  CHECK(pixel(3, 5, 9, 2) == 5);
  CHECK(std::abs(pixel(0, 0, 0, 0) - (40.0 / 36 * 2.5 - 0.5)) <= 1);  // shrunk to 36, its middle
  CHECK(std::abs(pixel(1, 0, 0, 0) - (120.0 / 72 * 20.5 - 0.5)) <= 1);

  FolderRequest strict = of(folder.path());
  strict.strict = true;
  CHECK(contains(refused(strict), "[--strict] received e short.png: a damaged image"));
  FolderRequest large = of(folder.path());
  large.size = 128;
  const std::string none = refused(large);
  CHECK(contains(none, "none of 6 images can be used; a wide.png: an image of 40x300"));
  CHECK(contains(none, "or a smaller --size"));
}

TEST_CASE("image_folder: a folder that is grey throughout is grey, and --channels decides otherwise") {
  const TemporaryFolder folder;
  for (const char* name : {"train/a.png", "train/b.png", "test/a.png"}) put_photo(folder / name, 40, 40, 1);
  CHECK(ImageFolder(of(folder.path()), Split::train, 1).shape().channels == 1);
  FolderRequest colour = of(folder.path());
  colour.channels = 3;
  CHECK(ImageFolder(colour, Split::train, 1).shape().channels == 3);
  put_photo(folder / "train/c.png", 40, 40, 3);
  CHECK(ImageFolder(of(folder.path()), Split::train, 1).shape().channels == 3);
  FolderRequest grey = of(folder.path());
  grey.channels = 1;
  CHECK(ImageFolder(grey, Split::train, 1).shape().channels == 1);
  put(folder / "train/d.jpg", kCmykCyanJpeg);  // 8x8
  FolderRequest tiny = of(folder.path());
  tiny.size = 8;
  CHECK(ImageFolder(tiny, Split::train, 1).count() == 4);
}

TEST_CASE("image_folder: any number of threads decodes the same, in the same order") {
  const TemporaryFolder folder;
  put_photos(folder / "train", 30, 50, 70);
  put_photos(folder / "test", 1);
  put(folder / "train/115.png", "broken");
  const ImageFolder one(of(folder.path()), Split::train, 1), many(of(folder.path()), Split::train, 5);
  CHECK(contains(one.note(), "1 of 30 images left out: 115.png"));
  CHECK(one.note() == many.note());
  CHECK(one.middles().images.pixels == many.middles().images.pixels);
  int64_t told = 0;
  const ImageFolder with_progress(of(folder.path()), Split::train, 1, [&](int64_t done, int64_t all) {
    CHECK(done == ++told);
    CHECK(all == one.count() + 1);
  });
  CHECK(told == one.count() + 1);
}

TEST_CASE("image_folder: crops and mirrored images are functions of seed, iteration and row") {
  const TemporaryFolder folder;
  put_photos(folder / "train", 5, 36, 40);
  put_photos(folder / "test", 1);
  const ImageFolder images(of(folder.path()), Split::train, 1);
  const FolderImages source(images, true), unmirrored(images, false);
  CHECK(source.count() == 5);
  CHECK(source.parts()[0].name == "x");
  CHECK(source.parts()[0].shape == std::vector<int64_t>{32, 32, 3});
  const std::vector<float> whole = rows(source, 3, 0, 8);
  CHECK(whole == rows(source, 3, 0, 8));
  std::vector<float> shares = rows(source, 3, 0, 3);  // of one rank, and of the other
  const std::vector<float> second = rows(source, 3, 3, 5);
  shares.insert(shares.end(), second.begin(), second.end());
  CHECK(whole == shares);
  CHECK(whole != rows(source, 4, 0, 8));
  CHECK(whole != rows(source, 3, 0, 8, 2));

  // over many iterations each place comes, inside the image, and half of the images are mirrored
  std::set<std::pair<int, int>> places;
  int mirrored = 0, seen = 0;
  const auto byte = [](float v) { return static_cast<int>(std::lround((v + 1) * 127.5f)); };
  for (int64_t iteration = 0; iteration < 60; ++iteration) {
    const std::vector<float> x = rows(source, iteration, 0, 8), plain = rows(unmirrored, iteration, 0, 8);
    const std::vector<int64_t> indices = batch_indices(1, iteration, 8, 5);
    for (size_t row = 0; row < 8; ++row) {
      const auto at = [&](const std::vector<float>& v, size_t y, size_t i, size_t c) {
        return byte(v[((row * 32 + y) * 32 + i) * 3 + c]);
      };
      CHECK(at(plain, 0, 0, 2) == indices[row]);  // the image that the order says
      const int y = at(plain, 0, 0, 0), left = at(plain, 0, 0, 1);
      places.emplace(y, left);
      CHECK(at(plain, 31, 31, 0) == y + 31);
      CHECK(at(plain, 31, 31, 1) == left + 31);
      const bool turned = at(x, 0, 0, 1) != left;
      CHECK(at(x, 7, turned ? 31 : 0, 1) == left);
      CHECK(at(x, 7, turned ? 0 : 31, 1) == left + 31);
      mirrored += turned;
      ++seen;
    }
  }
  CHECK(places.size() == 45);  // 5 rows, 9 columns
  CHECK(mirrored > seen / 3);
  CHECK(mirrored < 2 * seen / 3);
}

TEST_CASE("image_folder: two ranks get the rows that one gets") {
  const TemporaryFolder folder;
  put_photos(folder / "train", 5);
  put_photos(folder / "test", 1);
  const ImageFolder images(of(folder.path()), Split::train, 1);
  const FolderImages source(images, true);
  std::vector<std::vector<float>> parts(2);
  on_ranks(2, [&](Communicator& world) {
    BatchFeed feed(source, 1, {{8, 32, 32, 3}}, kCpu, world.share(8));
    parts[static_cast<size_t>(world.rank())] = feed.get(6)[0].to_host();
  });
  parts[0].insert(parts[0].end(), parts[1].begin(), parts[1].end());
  CHECK(parts[0] == rows(source, 6, 0, 8));
}

TEST_CASE("image_folder: a run on a folder goes on bit for bit") {
  const OneThread one_thread;
  const FixedPlans plans;
  const TemporaryFolder folder;
  put_photos(folder / "photos/train", 6, 40, 48);
  put_photos(folder / "photos/test", 1);
  const ImageFolder images(of(folder / "photos"), Split::train, 1);
  const FolderImages source(images, true);
  TeachingSettings s = teaching_recipe(kFolder, Profile::laptop);
  s.folder.size = 32;
  s.iterations = 4;
  s.batch = s.chains = 8;
  s.chain.steps = 1;
  s.width = s.generator_width = s.encoder_width = s.latent = 4;
  Notices silent;
  const auto run = [&](const char* name, int64_t iterations, const std::filesystem::path& from) {
    RunOptions options = tiny_run(folder / name, s);
    change(options, [&](Settings& settings) { settings.iterations = iterations; });
    options.run.samples_every = 100;
    if (!from.empty()) options.resume = std::make_shared<const Checkpoint>(read_checkpoint(from));
    return run_training(options, source, silent).checkpoint;
  };
  const auto whole = run("whole", 4, {});
  const auto half = run("half", 2, {});
  const auto second = run("half", 4, half);
  const Checkpoint a = read_checkpoint(whole), b = read_checkpoint(second);
  REQUIRE(a.file.tensors.size() == b.file.tensors.size());
  CHECK(a.file.metadata.at(kCheckpointChecksum) == b.file.metadata.at(kCheckpointChecksum));
}

TEST_CASE("facades: the archive that the user put there becomes photographs, or one line says what is wanting") {
  const TemporaryFolder root;
  const auto fetched = [&] { fetch_facades(root.path(), [](const std::string&) {}); };
  const std::string message = error_of(fetched);
  CHECK(contains(message, "facades.tar.gz put by hand as " + (root / "facades/facades.tar.gz").string()));
  CHECK(message.find('\n') == std::string::npos);

  const TemporaryFolder made;
  std::vector<uint8_t> pair(256 * 512 * 3);  // left a photograph of 9, right labels of 200
  for (size_t i = 0; i < pair.size(); ++i) pair[i] = i / 3 % 512 < 256 ? 9 : 200;
  std::filesystem::create_directories(made / "facades/train");
  std::filesystem::create_directories(made / "facades/test");
  write_png(made / "one.png", pair, {256, 512, 3});
  const auto pack = [&](int train, int test) {
    for (int i = 1; i <= train; ++i)
      std::filesystem::copy_file(made / "one.png", made / ("facades/train/" + numbered(i)),
                                 std::filesystem::copy_options::skip_existing);
    for (int i = 1; i <= test; ++i)
      std::filesystem::copy_file(made / "one.png", made / ("facades/test/" + numbered(i)),
                                 std::filesystem::copy_options::skip_existing);
    std::filesystem::create_directories(root / "facades");
    REQUIRE(run_process(
                {"tar", "-czf", (root / "facades/facades.tar.gz").string(), "-C", made.path().string(), "facades"}, "/")
                .exit_code == 0);
  };
  pack(399, 106);
  CHECK(contains(error_of(fetched), "399 images, expected the 400"));
  CHECK(!std::filesystem::exists(root / "facades/train"));
  pack(400, 106);
  fetched();
  CHECK(image_files(root / "facades/train").size() == 400);
  const ImageSet photo = load_images(root / "facades/test/101.png", {256, 256, 3});
  CHECK(std::all_of(photo.pixels.begin(), photo.pixels.end(), [](uint8_t v) { return v == 9; }));
  std::filesystem::remove(root / "facades/facades.tar.gz");
  fetched();  // they are there
  std::filesystem::remove(root / "facades/train/101.png");
  CHECK(contains(error_of(fetched), "399 images"));
}
