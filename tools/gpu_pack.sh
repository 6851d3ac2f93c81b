#!/usr/bin/env bash
# Gathers into .gpu_pack/ what tools/gpu_check.sh needs on a GPU machine that reaches no package registry
# and has only the CUDA toolkit, a C++ compiler, CMake, ninja and Python with PyTorch: headers and libraries
# out of this machine's Debian packages, MNIST, and the commit's name. At most 40 MB.
#
#   tools/gpu_pack.sh       then copy the repository with .gpu_pack/ and run tools/gpu_check.sh there
set -euo pipefail
cd "$(dirname "$0")/.."

stop() {
  echo "tools/gpu_pack.sh: $*" >&2
  exit 1
}

# The packages of setup.sh that programs are built from, and the libraries that those are linked to.
packages=(libdnnl-dev libdnnl2 ocl-icd-libopencl1 libfmt-dev libfmt9 doctest-dev libcli11-dev
  nlohmann-json3-dev libstb-dev libeigen3-dev zlib1g-dev)

tools/setup.sh --packages-only
root=.gpu_pack/root
rm -rf .gpu_pack
mkdir -p "$root"
for package in "${packages[@]}"; do
  dpkg-query -L "$package" 2>/dev/null || stop "package $package is not installed"
done |
  grep -E '^/usr/(include|lib|share/cmake|share/eigen3)/' |
  # the static libz serves, and of stb the headers do: their shared libraries have absolute links
  grep -vE '/(libz\.so|libstb\.)' |
  while read -r file; do
    [[ -d "$file" ]] || printf '%s\n' "$file"
  done |
  tar -cf - --files-from=- --absolute-names --transform='s,^/,,' | tar -xf - -C "$root"

[[ -x ./ebm ]] || stop "./ebm is not there: run tools/setup.sh first"
./ebm fetch mnist --data "$root/data" >/dev/null
git describe --always --dirty >"$root/commit"

# One file, since the libraries are several times larger unpacked. gzip: any Python can open it.
tar -czf .gpu_pack/pack.tar.gz -C "$root" .
rm -rf "$root"
size=$(stat -c %s .gpu_pack/pack.tar.gz)
((size <= 40 * 1024 * 1024)) || stop "the pack is $((size / 1048576)) MB, more than 40"
echo ".gpu_pack/pack.tar.gz: $((size / 1048576)) MB"
