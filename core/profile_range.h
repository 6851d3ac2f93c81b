// Names a stretch of the host's work on the timeline of NVIDIA's profilers (NVTX). profile_range_nvtx.cpp
// marks it in builds with CUDA, on whichever device they compute; profile_range_absent.cpp does nothing.
#pragma once

namespace ebm {

// The range lasts as long as the object; ranges nest. Without a profiler one costs a few nanoseconds.
// The names in use: a method's phases (ancestral, langevin, energy, vae), data, samples, checkpoint,
// sum over ranks.
class ProfileRange {
 public:
  explicit ProfileRange(const char* name);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;

  // Ends the range and begins another: for phases that share their variables' scope.
  void next(const char* name);
};

}  // namespace ebm
