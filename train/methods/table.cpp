// All methods, a line each.
#include "train/methods/conditional.h"
#include "train/methods/lebm.h"
#include "train/methods/nt_ebm.h"
#include "train/methods/teaching.h"

namespace ebm {
namespace {

template <class S>
std::unique_ptr<Settings> settings_of(const char* method) {
  auto settings = std::make_unique<S>();
  settings->method = method;
  return settings;
}

void shown(ShownVisitor& v) { TeachingShown().describe(v, false); }
void conditional_shown(ShownVisitor& v) { ConditionalShown().describe(v); }
void ebm_vae_shown(ShownVisitor& v) { TeachingShown().describe(v, true); }

}  // namespace

std::span<const MethodRecord> methods() {
  using enum Ability;
  constexpr const char *kGenerator = "images of the generator", *kNormal = "images of N(0, I)",
                       *kPrediction = "predictions of the U-Net";
  static const std::vector<MethodRecord> kMethods = {
      {"ebm-vae",
       "energy, generator and encoder by variational MCMC teaching",
       kGenerator,
       {draw, generate, encode, energy, chains},
       [] { return settings_of<TeachingSettings>("ebm-vae"); },
       ebm_vae_shown,
       make_ebm_vae},
      {"vae",
       "generator and encoder on the data alone",
       kGenerator,
       {draw, generate, encode},
       [] { return settings_of<TeachingSettings>("vae"); },
       shown,
       make_vae},
      {"coopnets",
       "energy, and a generator taught by the chains that began at its samples",
       kGenerator,
       {draw, generate, energy, chains},
       [] { return settings_of<TeachingSettings>("coopnets"); },
       shown,
       make_coopnets},
      {"short-run",
       "energy net alone, chains from noise",
       "uniform noise",
       {draw, energy, chains},
       [] { return settings_of<TeachingSettings>("short-run"); },
       shown,
       make_short_run},
      {"persistent",
       "energy net alone, chains from a replay buffer",
       "images of the replay buffer",
       {draw, energy, chains},
       [] { return settings_of<TeachingSettings>("persistent"); },
       shown,
       make_persistent,
       kReplayImages},
      {"lebm",
       "generator with an energy-based prior on its z, by Langevin chains in z",
       kNormal,
       {draw, generate, encode, energy, chains},
       [] { return settings_of<LebmSettings>("lebm"); },
       lebm_shown,
       make_lebm},
      {"abp",
       "generator alone, by Langevin chains in z (alternating back-propagation)",
       kNormal,
       {draw, generate, encode, energy},
       [] { return settings_of<LebmSettings>("abp"); },
       abp_shown,
       make_abp},
      {"nt-ebm",
       "energy that tilts a normalising flow, by Hamiltonian Monte Carlo in the flow's z",
       "images of the flow",
       {draw, generate, encode, energy, chains},
       [] { return settings_of<NtEbmSettings>("nt-ebm"); },
       nt_ebm_shown,
       make_nt_ebm,
       0,
       "moves of Hamiltonian Monte Carlo"},
      {"conditional",
       "completion of images: energy, U-Net and encoder by variational MCMC teaching, given the known part",
       kPrediction,
       {complete},
       [] { return settings_of<ConditionalSettings>("conditional"); },
       conditional_shown,
       make_conditional},
      {"conditional-coopnets",
       "completion: energy, and a U-Net taught by the chains that began at its images",
       kPrediction,
       {complete},
       [] { return settings_of<ConditionalSettings>("conditional-coopnets"); },
       conditional_shown,
       make_conditional_coopnets},
      {"conditional-vae",
       "completion: U-Net and encoder on the data alone",
       kPrediction,
       {complete},
       [] { return settings_of<ConditionalSettings>("conditional-vae"); },
       conditional_shown,
       make_conditional_vae},
      {"regression",
       "completion: a U-Net alone, by its distance to the true image",
       kPrediction,
       {complete},
       [] { return settings_of<ConditionalSettings>("regression"); },
       conditional_shown,
       make_regression},
  };
  return kMethods;
}

}  // namespace ebm
