// log|det ∂z/∂x| of a flow, summed up layer by layer.
#pragma once

#include "autograd/ops.h"

namespace ebm {

struct LogDet {
  Var rows;  // (N): what depends on the row
  Var same;  // (1): what all rows share
  void add_rows(const Var& term) { rows = rows.defined() ? add(rows, term) : term; }
  void add_same(const Var& term) { same = same.defined() ? add(same, term) : term; }
};

}  // namespace ebm
