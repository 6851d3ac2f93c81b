// All methods, a line each.
#include "train/methods/lebm.h"
#include "train/methods/teaching.h"

namespace ebm {
namespace {

std::unique_ptr<Settings> teaching() { return std::make_unique<TeachingSettings>(); }
std::unique_ptr<Settings> lebm() { return std::make_unique<LebmSettings>(); }
std::unique_ptr<Settings> abp() {
  auto settings = std::make_unique<LebmSettings>();
  settings->method = "abp";
  return settings;
}

void shown(ShownVisitor& v) { TeachingShown().describe(v); }

}  // namespace

std::span<const MethodRecord> methods() {
  using enum Ability;
  constexpr const char *kGenerator = "images of the generator", *kNormal = "images of N(0, I)";
  static const std::vector<MethodRecord> kMethods = {
      {"ebm-vae",
       "energy, generator and encoder by variational MCMC teaching",
       kGenerator,
       {generate, encode, energy, chains},
       teaching,
       shown,
       make_ebm_vae},
      {"vae", "generator and encoder on the data alone", kGenerator, {generate, encode}, teaching, shown, make_vae},
      {"coopnets",
       "energy, and a generator taught by the chains that began at its samples",
       kGenerator,
       {generate, energy, chains},
       teaching,
       shown,
       make_coopnets},
      {"short-run",
       "energy net alone, chains from noise",
       "uniform noise",
       {energy, chains},
       teaching,
       shown,
       make_short_run},
      {"persistent",
       "energy net alone, chains from a replay buffer",
       "images of the replay buffer",
       {energy, chains},
       teaching,
       shown,
       make_persistent,
       kReplayImages},
      {"lebm",
       "generator with an energy-based prior on its z, by Langevin chains in z",
       kNormal,
       {generate, encode, energy, chains},
       lebm,
       lebm_shown,
       make_lebm},
      {"abp",
       "generator alone, by Langevin chains in z (alternating back-propagation)",
       kNormal,
       {generate, encode, energy},
       abp,
       abp_shown,
       make_abp},
  };
  return kMethods;
}

}  // namespace ebm
