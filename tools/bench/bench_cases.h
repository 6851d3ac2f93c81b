// What `ebm bench` measures: the operations of a network's training, its Langevin step, its
// iteration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "train/methods/teaching_settings.h"

namespace ebm {

struct Measurement {
  std::string part;  // ops | langevin | training
  std::string name;
  double milliseconds = 0;  // median
  // Nominal work: 2 per multiply-add of the definition, taps on padding included, whatever
  // algorithm ran. 0 for work that memory bounds.
  double flops = 0;
  double bytes = 0;    // that must be read and written at least; 0: not counted
  double calls = 0;    // times that work is given to the GPU (core/device_calls.h); 0 on the CPU
  double kernels = 0;  // launches on the GPU: in the graphs that are replayed; 0 where none is
  std::string plan;    // how a convolution is computed: kernels/conv/conv_plan.h, on a GPU cuda::last_conv_plan()
};

// mnist and cifar10: the paper's networks and settings; laptop: the laptop profile of mnist; tiny: a net to try the
// program with, whose figures mean nothing. Throws Error for another name.
TeachingSettings bench_settings(const std::string& net);

struct ParameterCounts {
  int64_t energy = 0, generator = 0, encoder = 0;
};
ParameterCounts parameter_counts(const TeachingSettings& settings);

// Multiply-adds of one image's way through each net, as an iteration takes it.
struct ImageMacs {
  double energy = 0, generator = 0, encoder = 0;
};
ImageMacs image_macs(const TeachingSettings& settings);

// The same by layer, in the order of the forward pass, with how many parameters it has: what a sum of gradients can hide behind.
struct LayerCost {
  int64_t parameters = 0;
  double macs = 0;
};
struct LayerCosts {
  std::vector<LayerCost> energy, generator, encoder;
};
LayerCosts layer_costs(const TeachingSettings& settings);

// An energy's convolutions below its head, for n images.
std::vector<PlacedLayer> convolutions_of(const NetworkConfig& energy, int64_t n);

// Uniform in [-1, 1], different at each call.
Tensor random_tensor(const Shape& shape, Device device);

// Each op of the networks, on `batch` images.
std::vector<Measurement> measure_ops(const TeachingSettings& settings, int64_t batch, Device device);
// One step of a chain of settings.chain.steps on `batch` images: ∂f/∂x and the update. Its bytes are those
// of a chain that goes layer by layer, each map through memory; one that keeps maps on chip needs fewer.
Measurement measure_langevin(const TeachingSettings& settings, int64_t batch, Device device);
// Seconds of iterations at the settings' own batch and chains, as the trainer makes them, and of their phases.
struct IterationTimes {
  std::vector<double> whole, ancestral, langevin, vae, energy, adam;
  double calls = 0, kernels = 0;  // as in Measurement
};
IterationTimes time_iterations(const TeachingSettings& settings, Device device);
// The same as rows: an iteration, and its phases.
std::vector<Measurement> measure_training(const TeachingSettings& settings, Device device);

}  // namespace ebm
