// What is trained, and how: variational MCMC teaching, and the baselines that it is compared with. All hold the
// recipe's three networks; those that a method has no use for stay as they began.
#pragma once

#include <cstdint>
#include <string>

namespace ebm {

enum class Method {
  ebm_vae,     // Algorithm 1 (train/trainer.cpp)
  vae,         // generator and encoder on the data alone (train/baseline_vae.cpp)
  coopnets,    // generator taught by the chains that began at its own samples (train/baseline_coopnets.cpp)
  short_run,   // energy net alone, chains from noise (train/baseline_short_run.cpp)
  persistent,  // energy net alone, chains from a replay buffer (train/baseline_persistent.cpp)
};

// Chains that the persistent method keeps.
inline constexpr int64_t kReplayImages = 10'000;

Method parse_method(const std::string& text);  // ebm-vae | vae | coopnets | short-run | persistent
std::string to_string(Method method);

enum class NetworkKind { energy, generator, encoder };

// Whether the method trains that network.
bool trains(Method method, NetworkKind network);
// Throws Error, naming the methods that would do, where the method leaves that network as it began: what is
// computed with it says nothing of the run.
void check_trains(Method method, NetworkKind network, const std::string& op);

// What the method's samples are before revision, in words: "uniform noise".
const char* sample_start(Method method);

}  // namespace ebm
