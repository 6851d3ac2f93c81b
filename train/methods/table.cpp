// All methods, a line each.
#include "train/methods/teaching.h"

namespace ebm {
namespace {

std::unique_ptr<Settings> teaching() { return std::make_unique<TeachingSettings>(); }

void shown(ShownVisitor& v) { TeachingShown().describe(v); }

}  // namespace

std::span<const MethodRecord> methods() {
  using enum Ability;
  constexpr const char* kGenerator = "images of the generator";
  static const std::vector<MethodRecord> kMethods = {
      {"ebm-vae",
       "energy, generator and encoder by variational MCMC teaching",
       kGenerator,
       {generate, encode, energy},
       teaching,
       shown,
       make_ebm_vae},
      {"vae", "generator and encoder on the data alone", kGenerator, {generate, encode}, teaching, shown, make_vae},
      {"coopnets",
       "energy, and a generator taught by the chains that began at its samples",
       kGenerator,
       {generate, energy},
       teaching,
       shown,
       make_coopnets},
      {"short-run", "energy net alone, chains from noise", "uniform noise", {energy}, teaching, shown, make_short_run},
      {"persistent",
       "energy net alone, chains from a replay buffer",
       "images of the replay buffer",
       {energy},
       teaching,
       shown,
       make_persistent,
       kReplayImages},
  };
  return kMethods;
}

}  // namespace ebm
