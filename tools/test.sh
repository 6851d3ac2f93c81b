#!/usr/bin/env bash
# Builds everything and runs the test suite, with and without CUDA on the machine.
#
#   tools/test.sh [CMake arguments]     e.g. -DEBM_CUDA=OFF
#
# Other builds: cmake --preset asan && cmake --build --preset asan && ctest --preset asan.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh --packages-only
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
cmake --preset release "$@"
cmake --build --preset release
ctest --preset release --parallel "$(nproc)"
