// The networks of a run as tools/scripts/open_run.py computes them in PyTorch, beside ours.
#include <doctest/doctest.h>

#include "models/generator.h"
#include "tests/tools/tiny_tool_run.h"
#include "tools/settings_flags.h"
#include "train/checkpoint.h"
#include "train/files/npy.h"
#include "train/learner.h"
#include "train/trainer.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// A Python that has torch, Debian's where another one comes first; "" where there is none.
std::string python_with_torch() {
  const TemporaryFolder folder;
  for (const char* python : {"python3", "/usr/bin/python3"})
    if (Program("/usr/bin/env", {python, "-c", "import numpy, torch"}, folder.path()).wait().code == 0) return python;
  return "";
}

void write(const TemporaryFolder& folder, const std::string& name, const Tensor& t) {
  std::vector<int64_t> shape;
  for (int i = 0; i < t.shape().rank(); ++i) shape.push_back(t.shape()[i]);
  write_npy(folder / (name + ".npy"), t.to_host(), shape);
}

Tensor uniform(const Shape& shape, uint32_t step) {
  std::vector<float> values(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = 2 * uniform1({3, Stream::init, step}, i) - 1;
  return Tensor::from_host(values, shape, kCpu);
}

// g(z) by the moving averages, with the statistics of this very batch: Trainer::generate puts z among others.
Tensor generated(const Trainer& trainer, const Tensor& z) {
  for (LearnerBase* learner : trainer.parts().learners()) {
    if (learner->name() != "generator") continue;
    Generator net(*learner->layers(), kCpu, 1);
    net.parameters().flat().copy_from(learner->adam().has_average() ? learner->adam().average()
                                                                    : learner->parameters().flat());
    return net(Var(z)).value();
  }
  FAIL("no generator");
  return z;
}

// Prints the largest difference of each of the networks' outputs, beside the largest value.
constexpr char kCompare[] = R"py(
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, torch
from open_run import open_run
load = lambda name: torch.from_numpy(np.load(name + ".npy"))
run = open_run("run")
with torch.no_grad():
    x, z = load("x"), load("z")
    made = {"g": run.networks["generator"](z)}
    if "encoder" in run.networks: made["mu"] = run.networks["encoder"](x)[0]
    if run.sigma_ref is not None: made["u"] = run.energy(x)
for name, value in made.items():
    ours = load(name)
    error = ((ours - value).abs().max() / ours.abs().max()).item()
    print(name, "agrees" if ours.shape == value.shape and error < 1e-5 else f"differs by {error:.3g}")
)py";

}  // namespace

TEST_CASE("a run's networks in PyTorch compute what ours do") {
  const std::string python = python_with_torch();
  if (python.empty()) {
    MESSAGE("not compared: no Python with numpy and torch");
    return;
  }
  for (const std::string method : {"ebm-vae", "vae", "lebm"}) {
    CAPTURE(method);
    const TemporaryFolder folder;
    std::vector<std::string> train = {"train", method,    "synthetic", "--device", "cpu",   "--iterations",
                                      "8",     "--batch", "8",         "--quiet",  "--out", "run"};
    if (method != "lebm")
      train.insert(train.end(), {"--chains", "8", "--steps", "3", "--sigma-ref", "5", "--energy-lr", "0.01"});
    const Outcome outcome = ebm_tool(folder, train);
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const Checkpoint checkpoint = read_checkpoint(folder / "run");
    const Config config = read_config(checkpoint.config(), "config");
    Trainer trainer(*config.settings, kCpu);
    trainer.load_state(checkpoint.file);
    const Abilities& model = trainer.abilities();
    const Tensor x = uniform({8, 28, 28, 1}, 0), z = uniform({8, model.latent}, 1);
    write(folder, "x", x);
    write(folder, "z", z);
    write(folder, "g", generated(trainer, z));
    std::string expected = "g agrees\n";
    if (method != "lebm") write(folder, "mu", trainer.encode(x)), expected += "mu agrees\n";
    if (method == "ebm-vae") write(folder, "u", trainer.energy(x)), expected += "u agrees\n";
    const Outcome compared =
        Program("/usr/bin/env", {python, "-c", kCompare, EBM_SOURCE_DIR "/tools/scripts"}, folder.path()).wait();
    CHECK_MESSAGE(compared.out == expected, compared.err);
  }
}
