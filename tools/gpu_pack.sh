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

# Those of setup.sh's packages that programs are built from, and the libraries that these need beside what
# comes with every C++ compiler; of alternatives the first.
dependencies() {
  dpkg-query -W -f '${Depends}\n' "$1" | tr ',' '\n' | sed -E 's/^ *([^ |(]+).*/\1/' |
    grep -E '^(lib|ocl-)' | grep -vE '^(libc6|libc6-dev|libgcc-s1|libgomp1|libstdc\+\+6)$' || true
}
tools/setup.sh --packages-only
mapfile -t packages < <(tools/setup.sh --list-packages | grep -e '-dev$')
for ((i = 0; i < ${#packages[@]}; ++i)); do
  for package in $(dependencies "${packages[i]}"); do
    [[ " ${packages[*]} " == *" $package "* ]] || packages+=("$package")
  done
done

root=.gpu_pack/root
rm -rf .gpu_pack
mkdir -p "$root"
for package in "${packages[@]}"; do
  dpkg-query -L "$package" 2>/dev/null || stop "package $package is not installed"
done | sort -u |
  grep -E '^/usr/(include|lib|share/cmake|share/eigen3|share/[^/]+/cmake)/' |
  # the static libz serves, and of stb the headers do: their shared libraries have absolute links
  grep -vE '/(libz\.so|libstb\.|pkgconfig/)' |
  while read -r file; do
    [[ -d "$file" ]] || printf '%s\n' "$file"
  done |
  tar -cf - --files-from=- --absolute-names --transform='flags=r;s,^/,,' | tar -xf - -C "$root"

[[ -x ./ebm ]] || stop "./ebm is not there: run tools/setup.sh first"
./ebm fetch mnist --data "$root/data" >/dev/null
git describe --always --dirty >"$root/commit"

# One file, since the libraries are several times larger unpacked. gzip: any Python can open it.
tar -czf .gpu_pack/pack.tar.gz -C "$root" .
rm -rf "$root"
size=$(stat -c %s .gpu_pack/pack.tar.gz)
((size <= 40 * 1024 * 1024)) || stop "the pack is $((size / 1048576)) MB, more than 40"
echo ".gpu_pack/pack.tar.gz: $((size / 1048576)) MB of ${packages[*]}"
