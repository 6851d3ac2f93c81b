// Checkpoints as version 1 writes them: files of a user's that must go on being read. The tables stand here and are not
// computed, so that a change of a name or a shape is seen.
#include <doctest/doctest.h>

#include <cstring>

#include "tests/test_device.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "train/learner.h"

using namespace ebm;
using namespace ebm::test;

namespace {

struct Named {
  const char* name;
  std::vector<int64_t> shape;
};

// Of tiny_settings(): width 4, generator-width 16, encoder-width 8, latent 8.
const std::vector<Named> kThreeNetworks = {
    {"encoder.adam_m", {8488}},
    {"encoder.adam_v", {8488}},
    {"encoder.average", {8488}},
    {"encoder.conv1.bias", {8}},
    {"encoder.conv1.weight", {8, 4, 4, 1}},
    {"encoder.conv2.bias", {8}},
    {"encoder.conv2.weight", {8, 4, 4, 8}},
    {"encoder.conv3.bias", {8}},
    {"encoder.conv3.weight", {8, 4, 4, 8}},
    {"encoder.log_v.bias", {8}},
    {"encoder.log_v.weight", {8, 392}},
    {"encoder.mu.bias", {8}},
    {"encoder.mu.weight", {8, 392}},
    {"energy.adam_m", {2353}},
    {"energy.adam_v", {2353}},
    {"energy.average", {2353}},
    {"energy.conv1.bias", {4}},
    {"energy.conv1.weight", {4, 5, 5, 1}},
    {"energy.conv2.bias", {8}},
    {"energy.conv2.weight", {8, 3, 3, 4}},
    {"energy.conv3.bias", {16}},
    {"energy.conv3.weight", {16, 3, 3, 8}},
    {"energy.head.bias", {1}},
    {"energy.head.weight", {1, 7, 7, 16}},
    {"generator.adam_m", {3553}},
    {"generator.adam_v", {3553}},
    {"generator.average", {3553}},
    {"generator.conv1.beta", {16}},
    {"generator.conv1.weight", {8, 4, 4, 16}},
    {"generator.conv2.beta", {8}},
    {"generator.conv2.weight", {16, 3, 3, 8}},
    {"generator.conv3.beta", {4}},
    {"generator.conv3.weight", {8, 3, 3, 4}},
    {"generator.conv4.bias", {1}},
    {"generator.conv4.weight", {4, 3, 3, 1}},
};

// Values that differ from element to element and from tensor to tensor.
float value_of(size_t tensor, size_t element) {
  return 0.01f * uniform1({7, Stream::init, static_cast<uint32_t>(tensor)}, element);
}

void add_tensor(SafetensorsFile& file, const std::string& name, const std::vector<int64_t>& shape) {
  const size_t tensor = file.tensors.size();
  SafetensorsFile::Entry& entry = file.tensors[name];
  size_t elements = 1;
  for (const int64_t extent : shape) elements *= static_cast<size_t>(extent);
  std::vector<float> values(elements);
  for (size_t i = 0; i < elements; ++i) values[i] = value_of(tensor, i);
  entry = {"F32", shape, {}};
  entry.data.resize(elements * sizeof(float));
  std::memcpy(entry.data.data(), values.data(), entry.data.size());
}

// As version 1 wrote it, before the guard's states came into checkpoints.
SafetensorsFile version_1(const std::string& method) {
  SafetensorsFile file;
  for (const Named& named : kThreeNetworks) add_tensor(file, named.name, named.shape);
  if (method == "persistent") add_tensor(file, "replay_buffer", {10000, 28, 28, 1});
  file.metadata = {{"ebm.checkpoint", "1"},
                   {"config", "recipe = \"synthetic\"\nprofile = \"laptop\"\nmethod = \"" + method + "\"\n"},
                   {"conv_plans", ""},
                   {"device", "a processor"},
                   {"threads", "1"},
                   {"iteration", "12"},
                   {"energy_lr_scale", "0.25"},
                   {"energy.adam_steps", "12"},
                   {"encoder.adam_steps", "12"},
                   {"generator.adam_steps", "12"},
                   {"guard.rollbacks", "2"},
                   {"guard.gap_mean", "0.125"},
                   {"guard.gap_seen", "7"}};
  return file;
}

}  // namespace

TEST_CASE("contract: a checkpoint of version 1 is read, whole, and trained on") {
  const OneThread one_thread;
  for (const char* method : {"ebm-vae", "vae", "coopnets", "short-run", "persistent"}) {
    const std::string name = method;
    CAPTURE(name);
    const TemporaryFolder folder;
    const SafetensorsFile written = version_1(name);
    write_safetensors(folder / "checkpoint-00000012.safetensors", written);
    const Checkpoint checkpoint = read_checkpoint(folder.path());

    TeachingSettings s = tiny_settings(20);
    s.method = name;
    Trainer trainer(s, test_device());
    trainer.load_state(checkpoint.file);
    CHECK(trainer.iteration() == 12);
    CHECK(trainer.slowed() == 0.25);
    for (LearnerBase* learner : trainer.parts().learners()) CHECK(learner->adam().steps() == 12);
    const SafetensorsFile state = trainer.state();
    CHECK(state.tensors.size() == written.tensors.size());
    for (const auto& [tensor, entry] : written.tensors) {
      CAPTURE(tensor);
      REQUIRE(state.tensors.contains(tensor));
      CHECK(state.tensors.at(tensor).shape == entry.shape);
      CHECK(state.tensors.at(tensor).data == entry.data);
    }
    for (const char* key : {"iteration", "energy_lr_scale", "energy.adam_steps"})
      CHECK(state.metadata.at(key) == written.metadata.at(key));

    DivergenceGuard guard(trainer);
    guard.load(trainer, checkpoint.file);
    CHECK(guard.rollbacks() == 2);
    const Metrics m = trainer.step(Tensor::zeros({s.batch, 28, 28, 1}, test_device()));
    CHECK(m.iteration == 13);
  }
}
