#include "kernels/conv/conv_execution_cuda.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "core/cache_folder.h"

namespace ebm::cuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMagic = "ebm convolution plan 1";

// The attribute as text.
std::string read_text(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name, const char* call) {
  int64_t size = 0;
  check(cudnnBackendGetAttribute(descriptor, name, CUDNN_TYPE_CHAR, 0, &size, nullptr), call);
  std::string text(static_cast<size_t>(size), '\0');
  check(cudnnBackendGetAttribute(descriptor, name, CUDNN_TYPE_CHAR, size, &size, text.data()), call);
  text.resize(static_cast<size_t>(size));
  return text;
}

// FNV-1a.
uint64_t hash_of(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string hex(uint64_t number) {
  std::ostringstream out;
  out << std::hex << number;
  return out.str();
}

std::optional<fs::path> folder_of_environment() {
  if (const char* folder = std::getenv("EBM_CONV_CACHE"); folder && folder[0]) {
    if (std::string(folder) == "0") return std::nullopt;
    return fs::path(folder);
  }
  const std::optional<fs::path> cache = cache_folder();
  return cache ? std::optional(*cache / "conv_plans") : std::nullopt;
}

}  // namespace

Chip chip_of(cudnnHandle_t handle) {
  Chip chip{GraphDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR), ""};
  chip.properties.set(CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, handle);
  chip.properties.finalize();
  chip.description = "cuDNN " + std::to_string(cudnnGetVersion()) + " " +
                     read_text(chip.properties.get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                               "cudnnBackendGetAttribute(DEVICEPROP_JSON_REPRESENTATION)");
  std::replace(chip.description.begin(), chip.description.end(), '\n', ' ');  // a key is a line
  return chip;
}

ExecutionPlan::ExecutionPlan(const GraphDescriptor& engine_config, const Chip& chip) {
  plan_.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, chip.properties);
  plan_.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, engine_config);
  finalize();
}

ExecutionPlan::ExecutionPlan(const std::string& json, const Chip& chip) {
  plan_.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, chip.properties);
  plan_.set(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
            std::vector<char>(json.begin(), json.end()));
  finalize();
}

void ExecutionPlan::finalize() {
  check(plan_.try_finalize(), "an engine");
  int64_t count = 0, bytes = 0;
  check(cudnnBackendGetAttribute(plan_.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                 &bytes),
        "cudnnBackendGetAttribute(EXECUTION_PLAN_WORKSPACE_SIZE)");
  workspace_bytes_ = static_cast<size_t>(bytes);
}

std::string ExecutionPlan::json() const {
  return read_text(plan_.get(), CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
                   "cudnnBackendGetAttribute(EXECUTION_PLAN_JSON_REPRESENTATION)");
}

cudnnStatus_t ExecutionPlan::execute(cudnnHandle_t handle, const void* a, const void* b, const void* third, void* out,
                                     void* workspace) const {
  std::vector<int64_t> ids{kA, kB, kOut};
  std::vector<const void*> pointers{a, b, out};
  if (third) ids.push_back(kThird), pointers.push_back(third);
  GraphDescriptor variant(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  variant.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids);
  variant.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers);
  variant.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  variant.finalize();
  return cudnnBackendExecute(handle, plan_.get(), variant.get());
}

PlanCache::PlanCache() : folder_(folder_of_environment()) {}

fs::path PlanCache::file_of(const std::string& key) const { return *folder_ / (hex(hash_of(key)) + ".plan"); }

std::optional<std::string> PlanCache::read(const std::string& key) {
  if (!folder_) return std::nullopt;
  std::ifstream file(file_of(key), std::ios::binary);
  if (!file) return std::nullopt;
  std::string magic, found_key, checksum;
  std::getline(file, magic) && std::getline(file, found_key) && std::getline(file, checksum);
  std::string json((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (magic == kMagic && found_key == key && checksum == hex(hash_of(json))) return json;
  ++damaged_;
  return std::nullopt;
}

void PlanCache::write(const std::string& key, const std::string& json) {
  if (!folder_) return;
  std::error_code error;
  fs::create_directories(*folder_, error);
  // a whole file at any time: written beside it, by a name of this thread's own, and renamed
  std::ostringstream own;
  own << file_of(key).string() << '.' << ::getpid() << '.' << std::this_thread::get_id();
  std::ofstream file(own.str(), std::ios::binary);
  file << kMagic << '\n' << key << '\n' << hex(hash_of(json)) << '\n' << json;
  file.close();
  if (file) fs::rename(own.str(), file_of(key), error);
  if (!file || error) fs::remove(own.str(), error);
}

}  // namespace ebm::cuda
