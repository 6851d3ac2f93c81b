#include "tools/model_export.h"

#include <fmt/format.h>

#include "tools/settings_flags.h"
#include "train/trainer.h"

namespace ebm {

void write_model(const Checkpoint& checkpoint, const std::filesystem::path& out) {
  const Config config = read_config(checkpoint.config(), checkpoint.path.string());
  Trainer trainer(*config.settings, kCpu, false);
  trainer.load_state(checkpoint.file);
  SafetensorsFile file = trainer.model();
  file.metadata.insert_or_assign("ebm.model", std::string("1"));
  file.metadata["method"] = config.settings->method;
  file.metadata[kCheckpointConfig] = checkpoint.config();
  const Abilities& model = trainer.abilities();
  if (model.energy_net) file.metadata["sigma_ref"] = fmt::format("{}", model.chain.sigma_ref);
  write_safetensors(out, file);
}

}  // namespace ebm
