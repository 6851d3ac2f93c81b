#include "train/files/tensor_entry.h"

#include <cstring>

#include "core/check.h"

namespace ebm {

SafetensorsFile::Entry to_entry(const Tensor& tensor) {
  SafetensorsFile::Entry entry{"F32", {}, {}};
  for (int i = 0; i < tensor.rank(); ++i) entry.shape.push_back(tensor.extent(i));
  const std::vector<float> values = tensor.to_host();
  entry.data.resize(values.size() * sizeof(float));
  std::memcpy(entry.data.data(), values.data(), entry.data.size());
  return entry;
}

const SafetensorsFile::Entry& find_entry(const SafetensorsFile& file, const std::string& name, const char* op,
                                         const std::string& expected) {
  const auto found = file.tensors.find(name);
  EBM_CHECK(found != file.tensors.end(), op, "no tensor \"" + name + "\"", expected);
  return found->second;
}

std::vector<float> to_floats(const SafetensorsFile::Entry& entry) {
  std::vector<float> values(entry.data.size() / sizeof(float));
  std::memcpy(values.data(), entry.data.data(), entry.data.size());
  return values;
}

std::vector<float> read_entry(const SafetensorsFile& file, const std::string& name, const Tensor& like, const char* op,
                              const std::string& expected) {
  const SafetensorsFile::Entry& entry = find_entry(file, name, op, expected);
  std::string shape;
  bool same = entry.dtype == "F32" && static_cast<int>(entry.shape.size()) == like.rank();
  for (size_t i = 0; i < entry.shape.size(); ++i) {
    shape += (i ? ", " : "") + std::to_string(entry.shape[i]);
    same = same && entry.shape[i] == like.extent(static_cast<int>(i));
  }
  EBM_CHECK(same, op, "tensor \"" + name + "\" " + entry.dtype + " (" + shape + ")", "F32 " + to_string(like.shape()));
  return to_floats(entry);
}

std::string read_metadata(const SafetensorsFile& file, const std::string& name, const char* op,
                          const std::string& expected) {
  const auto found = file.metadata.find(name);
  EBM_CHECK(found != file.metadata.end(), op, "no \"" + name + "\" in its metadata", expected);
  return found->second;
}

}  // namespace ebm
