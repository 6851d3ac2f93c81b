// The settings of conditional variational MCMC teaching and its baselines: completing images.
#pragma once

#include "models/residual_encoder.h"
#include "models/unet.h"
#include "train/methods/teaching_settings.h"

namespace ebm {

// Those of the unconditional methods, with networks that see the known part of an image too. One chain for each image.
struct ConditionalSettings : TeachingSettings {
  ConditionalSettings();

  std::string mask = "center:0.5";  // the part that is to be completed (train/data/mask.h)
  double target_weight = 1.0;       // of Σ|x − g(c,z)|, a term of the true image beside the chains'; 0: none
  int64_t infer_every = 1;          // iterations; between them the chains' own ẑ teach: mean ‖x̃ − g(c,ẑ)‖²
  int64_t revision_window = 1;      // pixels over which a completion's revision is averaged; 1: it is left as it is
  std::string target_z = "prior";   // its z: prior, ẑ ~ N(0, I); posterior, z ~ π_β(z|x,c) with KL, and 0 beside it

  std::unique_ptr<Settings> clone() const override { return std::make_unique<ConditionalSettings>(*this); }
  void describe(SettingVisitor& v) override;
  void check_together() const override;
  std::string hole() const override { return mask; }
  std::vector<int64_t> folder_sizes() const override { return {32, 64, 128, 256}; }
  int64_t sample_steps() const override;
  void take_fact(const std::string& name, const std::string& text) override;
  std::string note() const override { return ""; }
  std::optional<double> bf16_step_error() const override { return std::nullopt; }  // was not measured
  std::optional<double> bf16_chain_speedup() const override { return std::nullopt; }

  // d of the generator, which a regression gives no z.
  int64_t generator_latent() const { return method == "regression" ? 0 : latent; }

  ImageShape fixed_image{28, 28, 1};  // where the data are no folder
  ImageShape image() const { return of_folder() ? folder.image() : fixed_image; }
  int64_t condition() const { return image().channels + 1; }  // channels of c: the known part, and the mask
  // γ is given for 28×28 grey images, as of the unconditional methods, and grows with the number of an image's values, as
  // the squared error that it stands beside does.
  double kl_scale() const { return static_cast<double>(image().elements()) / (28.0 * 28.0); }
};

struct ConditionalNetworks {
  NetworkConfig energy;
  UNetConfig generator;
  ResidualEncoderConfig encoder;
};
// Of any image size from 8 on, one table for all.
ConditionalNetworks networks(const ConditionalSettings& settings);

}  // namespace ebm
