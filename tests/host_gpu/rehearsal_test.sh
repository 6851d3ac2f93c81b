#!/usr/bin/env bash
# tools/gpu_check.sh on the host GPU, as far as a minute goes: its most valuable phases run and pass.
#   tests/host_gpu/rehearsal_test.sh REPOSITORY BUILD
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1/tools/gpu_check.sh" --programs "$2" --out "$folder/out" --budget 240 --only env,first,tests,parity,graph,start
grep -q "^# NO GPU RESULT" "$folder/out/report.md"
grep -q "passed: env first tests parity graph start, " "$folder/out/report.md"
grep -q "^# cuDNN .* plans compiled" "$folder/out/report.md"
