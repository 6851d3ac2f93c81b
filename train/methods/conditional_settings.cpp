#include "train/methods/conditional_settings.h"

#include <cstdio>

#include "core/check.h"
#include "train/method.h"

namespace ebm {

ConditionalSettings::ConditionalSettings() {
  method = "conditional";
  chain_an_image = true;
  latent = 8;
}

void ConditionalSettings::describe(SettingVisitor& v) {
  TeachingSettings::describe(v);
  v("mask", mask, "",
    "the hole to complete: center:SHARE of each edge, left, right, random, stroke, or a PNG whose white is it");
  if (method == "conditional" || method == "conditional-coopnets") {
    v("target-weight", target_weight, "", "weight of the sum of |x - g(c,z)| to the true image; 0: chains alone teach",
      not_negative());
    v("revision-window", revision_window, "",
      "completions: what the chain adds to g(c,z) is averaged over so many pixels an edge; 1: left as it is",
      whole(1, 255));
  }
  if (method == "conditional") {
    v("infer-every", infer_every, "",
      "iterations from one that infers z of the chains' images to the next; in the others the z that they began with "
      "teaches, which costs half as much",
      whole(1, 1'000'000));
    v("target-z", target_z, "",
      "z of that term: prior, drawn from N(0, I); or posterior, inferred from the true image, and 0: draws that differ "
      "more, with a --kl-weight of 0.05");
  }
}

void ConditionalSettings::check_together() const {
  EBM_CHECK(target_z == "prior" || target_z == "posterior", "--target-z", "\"" + target_z + "\"", "prior or posterior");
}

int64_t ConditionalSettings::sample_steps() const {
  return method == "conditional" || method == "conditional-coopnets" ? chain.steps_of_samples() : 0;
}

void ConditionalSettings::take_fact(const std::string& name, const std::string& text) {
  if (name != "image") return TeachingSettings::take_fact(name, text);
  long height = 0, width = 0, channels = 0;
  EBM_CHECK(std::sscanf(text.c_str(), "%ldx%ldx%ld", &height, &width, &channels) == 3, "recipe", "image = " + text,
            "as 28x28x1");
  fixed_image = {height, width, channels};
}

ConditionalNetworks networks(const ConditionalSettings& s) {
  const bool paper = s.profile == Profile::paper;
  const ImageShape image = s.image();
  const int64_t width = paper ? 64 : s.width;
  const Padding half{1, 1};
  NetworkConfig energy{0,
                       {1, image.height, image.width, image.channels},
                       WeightInit::kaiming_uniform,
                       {Conv{4, 2, width, half}, LeakyRelu{0.2f},        // (N, H/2, W/2,  w)
                        Conv{4, 2, 2 * width, half}, LeakyRelu{0.2f},    // (N, H/4, W/4, 2w)
                        Conv{4, 2, 4 * width, half}, LeakyRelu{0.2f}}};  // (N, H/8, W/8, 4w)
  energy.condition = s.condition();
  const Shape map = walk(energy).back().y;
  EBM_CHECK(map[1] == map[2], "conditional", "images of another height than width", "square ones");
  energy.layers.push_back(Conv{static_cast<int>(map[1]), 1, 1, {0, 0}, "head"});  // (N, 1, 1, 1)
  return {std::move(energy),
          {.number = 1,
           .image = image,
           .condition = s.condition(),
           .width = paper ? 64 : s.generator_width,
           .latent = s.generator_latent()},
          {.number = 2,
           .image = image,
           .condition = s.condition(),
           .width = paper ? 64 : s.encoder_width,
           .latent = s.latent}};
}

}  // namespace ebm
