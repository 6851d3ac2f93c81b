#!/usr/bin/env bash
# Includes point one way, from a room to itself or to one before it in the list below, and kernels/ alone holds GPU
# kernels.
#
#   tests/layering_test.sh REPOSITORY
set -euo pipefail

# A file belongs to the longest beginning of its path that is a room.
readonly kRooms="core kernels autograd models train/files train/settings train/data train/chains train train/methods tools/evaluate \
tools/bench tools"

# Prints every line in the tree $1 that breaks the rule; nothing where none does.
violations() {
  (cd "$1" && for top in core kernels autograd models train tools; do
    [[ ! -d $top ]] || find $top -type f -regex '.*\.\(h\|cpp\|cu\|in\)' -print0
  done | sort -z | xargs -0 awk -v rooms="$kRooms" '
    BEGIN { count = split(rooms, room, " ") }
    function rank(path,   i, best, length_of_best) {
      best = 0
      for (i = 1; i <= count; ++i)
        if (index(path, room[i]) == 1 && substr(path, length(room[i]) + 1, 1) ~ /[.\/_]/ && length(room[i]) > length_of_best) {
          best = i
          length_of_best = length(room[i])
        }
      return best
    }
    function wrong() { print FILENAME ":" FNR ":" $0 }
    FNR == 1 { own = rank(FILENAME) }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
      split($0, part, "\"")  # a quoted include starts at the root of the tree, so it says where it points
      target = rank(part[2])
      if (target == 0 || target > own || part[2] ~ /\.\.?\//) wrong()
    }
    /^[ \t]*#[ \t]*include[ \t]*<(core|kernels|autograd|models|train|tools)\// { wrong() }
    /__global__/ && FILENAME !~ /^kernels\// { wrong() }
  ')
}

# The check must be able to fail: a tree that breaks each rule once, and keeps it once.
bad=$(mktemp -d)
trap 'rm -rf "$bad"' EXIT
mkdir -p "$bad/core" "$bad/models" "$bad/kernels" "$bad/train/data"
printf '#include "core/good.h"\n#include "train/bad.h"\n' >"$bad/core/a.cpp"
printf '#include "core/../train/bad.h"\n#include "bad.h"\n#include <kernels/bad.h>\n__global__ void bad();\n' \
  >"$bad/models/b.cpp"
printf '#include "core/good.h"\n__global__ void good();\n' >"$bad/kernels/c.cu"
printf '#include "train/settings_good.h"\n#include "train/files/good.h"\n#include "train/chains/bad.h"\n' \
  >"$bad/train/data/d.cpp"
printf '#include "train/data/good.h"\n#include "tools/bad.h"\n' >"$bad/train/e.h"
found=$(violations "$bad" | grep -c bad || true)
good=$(violations "$bad" | grep -c good || true)
[[ "$found" == 7 && "$good" == 0 ]] ||
  { echo "layering: the check itself is wrong: found $found of 7 faults and $good that are none" >&2; exit 1; }

wrong=$(violations "$1")
if [[ -n "$wrong" ]]; then
  echo "layering: these lines break ${kRooms// / <- }:" >&2
  echo "$wrong" >&2
  exit 1
fi
