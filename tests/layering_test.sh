#!/usr/bin/env bash
# Includes point one way, core <- kernels <- autograd <- models <- train <- evaluate <- tools, and kernels/ alone
# holds GPU kernels.
#
#   tests/layering_test.sh REPOSITORY
set -euo pipefail

folders=(core kernels autograd models train evaluate tools)

# Prints every line in the tree $1 that breaks the rule; nothing where none does.
violations() {
  local i folder allowed=""
  for folder in "${folders[@]}"; do
    allowed+="${allowed:+|}$folder"
    [[ -d "$1/$folder" ]] || continue
    # A quoted include starts at the root of the tree, so its first folder says where it points.
    (cd "$1" && grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$folder" |
      grep -vE "include[[:space:]]*\"($allowed)/[^.]") || true
    (cd "$1" && grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<(core|kernels|autograd|models|train|evaluate|tools)/' \
      "$folder") || true
    [[ "$folder" == kernels ]] || (cd "$1" && grep -rn '__global__' "$folder") || true
  done
}

# The check must be able to fail: a tree that breaks each rule once, and keeps it once.
bad=$(mktemp -d)
trap 'rm -rf "$bad"' EXIT
mkdir "$bad/core" "$bad/models" "$bad/kernels"
printf '#include "core/good.h"\n#include "train/bad.h"\n' >"$bad/core/a.cpp"
printf '#include "core/../train/bad.h"\n#include "bad.h"\n#include <kernels/bad.h>\n__global__ void bad();\n' \
  >"$bad/models/b.cpp"
printf '#include "core/good.h"\n__global__ void good();\n' >"$bad/kernels/c.cu"
found=$(violations "$bad" | grep -c bad || true)
good=$(violations "$bad" | grep -c good || true)
[[ "$found" == 5 && "$good" == 0 ]] ||
  { echo "layering: the check itself is wrong: found $found of 5 faults and $good that are none" >&2; exit 1; }

wrong=$(violations "$1")
if [[ -n "$wrong" ]]; then
  echo "layering: these lines break core <- kernels <- autograd <- models <- train <- evaluate <- tools:" >&2
  echo "$wrong" >&2
  exit 1
fi
