#!/usr/bin/env bash
# Gathers into .gpu_pack/ what tools/gpu_check.sh needs on a GPU machine that reaches no package registry
# and has only the CUDA toolkit, a C++ compiler, CMake, ninja and Python with PyTorch: headers and libraries
# out of this machine's Debian packages, MNIST, and the names of what was packed. At most 40 MB.
#
#   tools/gpu_pack.sh            then copy the repository with .gpu_pack/ and run tools/gpu_check.sh there
#   tools/gpu_pack.sh --recipe   packs nothing: a hash of what a pack of this tree is made of
#   tools/gpu_pack.sh --sources  packs nothing: a hash of the files that programs, tests and tools are made of
set -euo pipefail
cd "$(dirname "$0")/.."

stop() {
  echo "tools/gpu_pack.sh: $*" >&2
  exit 1
}

# The packages and this script: a pack with another recipe may lack something.
recipe() { { tools/setup.sh --list-packages && cat tools/gpu_pack.sh; } | sha256sum | head -c 12; }
sources() {
  find CMakeLists.txt CMakePresets.json autograd cmake core evaluate kernels models tests third_party tools train \
    -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | head -c 12
}
case ${1:-} in
  --recipe) recipe; exit ;;
  --sources) sources; exit ;;
  ?*) stop "unknown flag \"$1\"; expected --recipe, --sources or none" ;;
esac

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
# What tools/gpu_check.sh compares with the tree that it finds: variables for bash.
cat >"$root/packed" <<END
packed_recipe=$(recipe)
packed_sources=$(sources)
packed_commit=$(git describe --always --dirty)
packed_date="$(date -u '+%Y-%m-%d %H:%M UTC')"
END

# One file, since the libraries are several times larger unpacked. gzip: any Python can open it.
tar -czf .gpu_pack/pack.tar.gz -C "$root" .
rm -rf "$root"
size=$(stat -c %s .gpu_pack/pack.tar.gz)
((size <= 40 * 1024 * 1024)) || stop "the pack is $((size / 1048576)) MB, more than 40"
echo ".gpu_pack/pack.tar.gz: $((size / 1048576)) MB of ${packages[*]}"
