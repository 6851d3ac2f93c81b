#!/usr/bin/env bash
# C++ and CUDA sources look as .clang-format says. Other versions than Debian 12's format differently: skipped there.
#
#   tests/format_test.sh REPOSITORY          to mend: tests/format_test.sh REPOSITORY --fix
set -euo pipefail
cd "$1"
tool=$(command -v clang-format-14 || command -v clang-format) || { echo "no clang-format" && exit 77; }
"$tool" --version | grep -q 'version 14\.' || { echo "not clang-format 14: $("$tool" --version)" && exit 77; }
files() {
  find core kernels autograd models train tools tests -regex '.*\.\(h\|cpp\|cu\)' -print0
}
if [[ "${2:-}" == --fix ]]; then
  files | xargs -0 "$tool" -i
else
  wrong=$(files | xargs -0 "$tool" --dry-run --Werror 2>&1 | sed -n 's/:.* error: .*//p' | sort | uniq -c || true)
  [[ -z "$wrong" ]] || { echo "format: these files differ from .clang-format (lines):" >&2; echo "$wrong" >&2; exit 1; }
fi
