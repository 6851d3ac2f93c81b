// An engine that cuDNN has made ready to run. Engines that do more than the convolution are compiled when they are
// made, which takes seconds: what came of it is kept on disk, and made again from there in milliseconds.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "kernels/conv/conv_graph_cuda.h"

namespace ebm::cuda {

// What plans are made for: a GPU's properties as cuDNN describes them. Plans of one chip may be made by several
// threads at a time.
struct Chip {
  GraphDescriptor properties;
  std::string description;  // its properties as text, and cuDNN's version: plans of another one do not run
};
Chip chip_of(cudnnHandle_t handle);

class ExecutionPlan {
 public:
  // Throws Error where cuDNN refuses the engine, with its reason.
  ExecutionPlan(const GraphDescriptor& engine_config, const Chip& chip);
  // From the text that json() gave.
  ExecutionPlan(const std::string& json, const Chip& chip);

  std::string json() const;
  size_t workspace_bytes() const { return workspace_bytes_; }
  // third may be nullptr; workspace holds workspace_bytes().
  cudnnStatus_t execute(cudnnHandle_t handle, const void* a, const void* b, const void* third, void* out,
                        void* workspace) const;

 private:
  void finalize();

  GraphDescriptor plan_{CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR};
  size_t workspace_bytes_ = 0;
};

// The folder in which plans are kept: $EBM_CONV_CACHE, else conv_plans in cache_folder(). None with
// EBM_CONV_CACHE=0, or where there is no such folder. A file is one plan, under its key, and checked when it is read.
class PlanCache {
 public:
  PlanCache();
  explicit PlanCache(std::optional<std::filesystem::path> folder) : folder_(std::move(folder)) {}

  // The plan's text; nullopt: not there. A damaged file counts as not there, and in damaged().
  std::optional<std::string> read(const std::string& key);
  // A file that cannot be written is left out: then it is made anew the next time.
  void write(const std::string& key, const std::string& json);
  int64_t damaged() const { return damaged_; }

 private:
  std::filesystem::path file_of(const std::string& key) const;

  std::optional<std::filesystem::path> folder_;
  std::atomic<int64_t> damaged_{0};
};

}  // namespace ebm::cuda
