// Whether two runs of one seed have to agree bit for bit: kernels are then chosen by a rule instead of by timing,
// and on a GPU only those that give the same bits every time.
#pragma once

namespace ebm {

bool deterministic();
// Before the first kernel runs: plans that were made are kept.
void set_deterministic(bool on);

}  // namespace ebm
