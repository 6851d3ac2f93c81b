// Tensors as entries of a safetensors file, and back.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "train/files/safetensors.h"

namespace ebm {

SafetensorsFile::Entry to_entry(const Tensor& tensor);

// Tensor `name`; throws Error where there is none, with `expected` as read_entry's.
const SafetensorsFile::Entry& find_entry(const SafetensorsFile& file, const std::string& name, const char* op,
                                         const std::string& expected);
std::vector<float> to_floats(const SafetensorsFile::Entry& entry);  // of an F32 tensor

// The values of tensor `name`, which must be F32 and have the shape of `like`; throws Error otherwise.
// `expected` says in the error what file would hold it, as in "a checkpoint of these networks".
std::vector<float> read_entry(const SafetensorsFile& file, const std::string& name, const Tensor& like, const char* op,
                              const std::string& expected);

// The text under `name` in the file's metadata; throws Error as read_entry does.
std::string read_metadata(const SafetensorsFile& file, const std::string& name, const char* op,
                          const std::string& expected);

}  // namespace ebm
