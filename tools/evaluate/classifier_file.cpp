#include "tools/evaluate/classifier_file.h"

#include <cstdlib>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/evaluate/classifier_training.h"
#include "train/data/sha256.h"
#include "train/files/file_io.h"
#include "train/files/safetensors.h"
#include "train/files/tensor_entry.h"

namespace ebm {
namespace {

constexpr char kOp[] = "classifier";
constexpr char kVersion[] = "ebm.classifier", kDataset[] = "dataset", kImages[] = "images",
               kAccuracy[] = "test_accuracy", kDigest[] = "parameters_sha256";
constexpr size_t kFingerprintDigits = 12;

std::string digest_of(const Classifier& network) {
  const std::vector<float> flat = network.parameters().flat().to_host();
  return sha256(std::as_bytes(std::span(flat)));
}

}  // namespace

std::filesystem::path classifier_path(const std::filesystem::path& root, const std::string& dataset) {
  return root / dataset / fmt::format("classifier-v{}.safetensors", kClassifierVersion);
}

void write_classifier(const std::filesystem::path& path, const TrainedClassifier& classifier) {
  const Parameters& parameters = classifier.network.parameters();
  SafetensorsFile file;
  for (size_t i = 0; i < parameters.entries().size(); ++i)
    file.tensors[parameters.entries()[i].name] = to_entry(parameters.vars()[i].value());
  file.metadata = {{kVersion, std::to_string(kClassifierVersion)},
                   {kDataset, classifier.dataset},
                   {kImages, std::to_string(classifier.images)},
                   {kAccuracy, fmt::format("{:.6f}", classifier.test_accuracy)},
                   {kDigest, digest_of(classifier.network)}};
  write_safetensors(path, file);
}

TrainedClassifier read_classifier(const std::filesystem::path& path, const std::string& dataset, int64_t train_images,
                                  Device device) {
  const std::string expected =
      fmt::format("version {} of the classifier of {} as it was written (delete the file, and it is trained anew)",
                  kClassifierVersion, dataset);
  try {
    const SafetensorsFile file = read_safetensors(path);
    const auto metadata = [&](const char* name, const std::string& wanted) {
      const std::string text = read_metadata(file, name, kOp, expected);
      EBM_CHECK(text == wanted, kOp, fmt::format("{} \"{}\"", name, text), expected);
    };
    metadata(kVersion, std::to_string(kClassifierVersion));
    metadata(kDataset, dataset);
    metadata(kImages, std::to_string(train_images));
    TrainedClassifier result{Classifier(classifier_recipe(dataset).network, device, 0), dataset, train_images, 0, ""};
    Parameters& parameters = result.network.parameters();
    for (size_t i = 0; i < parameters.entries().size(); ++i) {
      const std::string& name = parameters.entries()[i].name;
      Tensor values = parameters.vars()[i].value();
      values.copy_from_host(read_entry(file, name, values, kOp, expected));
    }
    const std::string digest = digest_of(result.network);
    metadata(kDigest, digest);
    result.test_accuracy = std::strtod(read_metadata(file, kAccuracy, kOp, expected).c_str(), nullptr);
    EBM_CHECK(result.test_accuracy > 0 && result.test_accuracy <= 1, kOp,
              fmt::format("a test accuracy of {}", result.test_accuracy), expected);
    result.fingerprint = digest.substr(0, kFingerprintDigits);
    return result;
  } catch (const Error& error) {
    // The readers know no more than that it is a bad file of their kind.
    EBM_FAIL(kOp, path.string() + ": " + error.received(), expected);
  }
}

TrainedClassifier load_or_train_classifier(const std::filesystem::path& root, const Dataset& train, const Dataset& test,
                                           Device device, const std::function<void(const std::string&)>& say) {
  const std::filesystem::path path = classifier_path(root, train.name);
  if (std::filesystem::exists(path)) return read_classifier(path, train.name, train.count(), device);
  make_folder(path.parent_path());
  check_writable(path);
  const ClassifierRecipe recipe = classifier_recipe(train.name);
  say(fmt::format("training the classifier of {} once, for its features: {} epochs of {} images", train.name,
                  recipe.epochs, train.count()));
  TrainedClassifier result{train_classifier(recipe, train, device, say), train.name, train.count(), 0, ""};
  result.test_accuracy = accuracy(result.network, test);
  result.fingerprint = digest_of(result.network).substr(0, kFingerprintDigits);
  write_classifier(path, result);
  say(fmt::format("classifier of {}: {:.2f} % of the test images right, kept in {}", train.name,
                  100 * result.test_accuracy, path.string()));
  return result;
}

}  // namespace ebm
