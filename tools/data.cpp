#include "tools/data.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/check.h"
#include "core/device.h"
#include "core/words.h"
#include "tools/command_line.h"
#include "tools/progress.h"
#include "train/data/facades.h"
#include "train/data/fetch.h"
#include "train/data/masked_images.h"

namespace ebm {
namespace {

// `advice`: how the user says where the folder lies.
ImageFolder load_folder(const FolderSettings& settings, const std::filesystem::path& folder, Split split,
                        const std::string& advice, const std::function<void(const std::string&)>& say) {
  EBM_CHECK(!folder.empty(), "--images", "no folder", "one, as in `./ebm train ebm-vae folder --images photos`");
  std::error_code error;
  EBM_CHECK(std::filesystem::is_directory(folder, error), "--images",
            folder.string() + ", which is no folder that is there", advice);
  const auto progress = [&, line = OccasionalLine(say)](int64_t done, int64_t all) mutable {
    line(fmt::format("{} of {} images read", done, all));
  };
  ImageFolder images({folder, settings.size, settings.channels, settings.strict}, split, num_threads(), progress);
  if (split == Split::train)
    EBM_CHECK(settings.image_count == 0 || settings.image_count == images.count(), "--images",
              fmt::format("{} with {} training images that can be used", folder.string(), images.count()),
              fmt::format("the {} that the run began with; --image-count 0 --resume goes on with others",
                          settings.image_count));
  return images;
}

}  // namespace

std::unique_ptr<const Source> TrainingData::source(const Settings& settings) const {
  std::unique_ptr<const Source> images;
  if (points)
    images = std::make_unique<PointSource>(*points);
  else if (folder)
    images = std::make_unique<FolderImages>(*folder, !settings.folder.no_flip);
  else
    images = std::make_unique<LabelledImages>(dataset);
  return with_holes(std::move(images), settings.hole());
}

void check_dataset_name(const std::string& what, const std::string& name) {
  const std::vector<std::string>& names = dataset_names();
  EBM_CHECK(std::find(names.begin(), names.end(), name) != names.end(), what, "\"" + name + "\"",
            either(names) + suggestion(name, names));
}

void add_data_option(CLI::App& command, std::string& data) {
  command.add_option("--data", data, "folder of the data sets [EBM_DATA, else ~/.cache/ebm]")->type_name("DIR");
}

Dataset load_or_fetch(const std::string& name, const std::string& data_option, Split split,
                      const std::function<void(const std::string&)>& say) {
  check_dataset_name("data set", name);
  const DatasetRecord& record = dataset_record(name);
  if (record.files.empty()) return load_dataset(name, {}, split);  // generated
  const std::filesystem::path root = data_root(data_option);
  const bool missing = std::none_of(record.files.begin(), record.files.end(), [&](const DataFile& file) {
    return find_data_file(record, root, file.name).has_value();
  });
  std::error_code error;
  // a new folder is not made of what may be a mistyped one
  EBM_CHECK(data_option.empty() || std::filesystem::exists(root, error), "--data",
            root.string() + ", which is not there",
            "the folder of the data sets; `./ebm fetch " + name + " --data " + root.string() + "` makes it");
  const bool packaged =
      !record.sources.system_folder.empty() && std::filesystem::exists(record.sources.system_folder, error);
  if (missing && !packaged) {
    say("fetching " + name + " into " + root.string());
    fetch(name, root, say);
  }
  return load_dataset(name, root, split);
}

HeldOut load_held_out(const Settings& settings, const std::string& data_option,
                      const std::function<void(const std::string&)>& say) {
  return hold_out(load_or_fetch(settings.data, data_option, Split::train, say),
                  load_or_fetch(settings.data, data_option, Split::test, say), settings.held_out);
}

TrainingData load_training_data(const Settings& settings, const std::string& data_option,
                                const std::function<void(const std::string&)>& say) {
  if (const PointSet* points = find_point_set(settings.data)) return {{}, {}, points};
  if (!settings.of_folder()) return {load_own(settings, data_option, Split::train, say), {}};
  EBM_CHECK(data_option.empty() || settings.recipe == kFacades, "--data", data_option + " for a folder of images",
            "--images DIR alone");
  return {
      {},
      load_folder(settings.folder, settings.folder.images, Split::train, "--images DIR, the folder of images", say)};
}

Dataset load_own(const Settings& settings, const std::string& data_option, Split split,
                 const std::function<void(const std::string&)>& say) {
  EBM_CHECK(!find_point_set(settings.data), "data set", settings.data + ", which is points", "one of images");
  if (settings.of_folder())
    return load_folder(settings.folder, data_option.empty() ? settings.folder.images : data_option, split,
                       "the folder that the run learned from: --data DIR where it lies now", say)
        .middles();
  if (settings.held_out < 0) return load_or_fetch(settings.data, data_option, split, say);
  HeldOut parts = load_held_out(settings, data_option, say);
  return std::move(split == Split::train ? parts.train : parts.normal);
}

}  // namespace ebm
