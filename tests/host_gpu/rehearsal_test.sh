#!/usr/bin/env bash
# tools/gpu_check.sh on the host GPU, about a minute: all phases that can run there pass, unless they are cut.
#   tests/host_gpu/rehearsal_test.sh REPOSITORY BUILD
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1/tools/gpu_check.sh" --programs "$2" --out "$folder/out" --budget 240 || true  # ncu and PyTorch are not there
grep -q "^# NO GPU RESULT" "$folder/out/report.md"
grep -qE "^passed: env first tests conv_tests parity graph start .*; NOT RUN: " "$folder/out/report.md"
if grep "FAILED" "$folder/out/report.md"; then exit 1; fi
grep -q "^# cuDNN .* plans compiled" "$folder/out/report.md"
