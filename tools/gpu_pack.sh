#!/usr/bin/env bash
# Builds what tools/gpu_check.sh runs on a GPU machine that is rented by the minute and may have no network, and packs
# it into .gpu_pack/pack.tar.gz, at most 40 MB:
#
#   programs/     ebm, train_ebm_vae and the unit tests, for compute capability 9.0 (EBM_PACK_ARCHITECTURES for others)
#   usr/          the libraries that these need and the image may lack; headers, to build there if they do not start
#   data/         MNIST
#   parity-cpu/   metrics.csv of the CPU's run that a GPU's is compared with
#   tree/         the sources, with tools/gpu_check.sh
#   MANIFEST      commit, hash of the sources, date; sha256 of every file
#
# cuDNN, cuBLASLt and NVRTC are those of the GPU machine: with those beside it PyTorch runs there too, and cuDNN finds
# NVRTC relative to its own folder. docs/gpu.md says how to run it.
#
#   tools/gpu_pack.sh
#   tools/gpu_pack.sh --sources    packs nothing: a hash of the files that programs, tests and tools are made of
set -euo pipefail
cd "$(dirname "$0")/.."

stop() {
  echo "tools/gpu_pack.sh: $*" >&2
  exit 1
}

# Not what Python or an editor leaves there while this runs.
list_sources() {
  find CMakeLists.txt CMakePresets.json autograd core kernels models tests third_party tools train \
    -name __pycache__ -prune -o -type f ! -name '.*' -print0 | LC_ALL=C sort -z
}
hash_sources() { list_sources | xargs -0 sha256sum | sha256sum | head -c 12; }
case ${1:-} in
  --sources) hash_sources; exit ;;
  ?*) stop "received flag \"$1\"; expected --sources or none" ;;
esac

tools/setup.sh --packages-only
commit=$(git describe --always --dirty) sources=$(hash_sources)

# Not for this machine's processor: another host would stop at the first instruction that it lacks. Without paths to
# libraries: on the GPU machine they lie elsewhere. Without the test that asks cuRAND, which needs no GPU: where that
# library is not found, no test would start.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
build="build-gpu-pack"
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DEBM_CUDA=ON -DEBM_NATIVE=OFF -DCMAKE_SKIP_RPATH=ON \
  -DEBM_CURAND_TEST=OFF \
  -DCMAKE_CUDA_ARCHITECTURES="${EBM_PACK_ARCHITECTURES:-90-real}" >/dev/null || stop "the configure step failed"
cmake --build $build --target train_ebm_vae ebm_tool unit_tests || stop "the build failed"

root=.gpu_pack/root libraries=usr/lib/x86_64-linux-gnu
rm -rf .gpu_pack
mkdir -p $root/programs/tests $root/tree $root/$libraries
for program in ebm train_ebm_vae tests/unit_tests; do
  strip -o $root/programs/$program $build/$program
done

# Headers and libraries to build there: those of setup.sh's packages that programs are made from, and what these need
# beside what comes with every C++ compiler; of alternatives the first.
dependencies() {
  dpkg-query -W -f '${Depends}\n' "$1" | tr ',' '\n' | sed -E 's/^ *([^ |(]+).*/\1/' |
    grep -E '^(lib|ocl-)' | grep -vE '^(libc6|libc6-dev|libgcc-s1|libgomp1|libstdc\+\+6)$' || true
}
mapfile -t packages < <(tools/setup.sh --list-packages | grep -e '-dev$')
for ((i = 0; i < ${#packages[@]}; ++i)); do
  for package in $(dependencies "${packages[i]}"); do
    [[ " ${packages[*]} " == *" $package "* ]] || packages+=("$package")
  done
done
for package in "${packages[@]}"; do
  dpkg-query -L "$package" 2>/dev/null || stop "package $package is not installed"
done | sort -u |
  grep -E '^/usr/(include|lib|share/cmake|share/eigen3|share/[^/]+/cmake)/' |
  # the static libz serves, and of stb the headers do: their shared libraries have absolute links
  grep -vE '/(libz\.so|libstb\.|pkgconfig/)' |
  while read -r file; do
    [[ -d "$file" ]] || printf '%s\n' "$file"
  done |
  tar -cf - --files-from=- --absolute-names --transform='flags=r;s,^/,,' | tar -xf - -C $root

# Libraries to run with: all that the programs name but
#   libc and its parts, ld-linux   they belong to the system's own loader
#   libstdc++, libgcc_s            on every system with a C++ compiler; that of g++ 12 or later serves
#   libcudnn                       see above; cuBLASLt is opened by name and stands in no list
left_out='^(linux-vdso|ld-linux|libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s|libcudnn)[-.]'
cudnn=$(sed -n 's/^CUDNN_LIBRARY:[^=]*=//p' $build/CMakeCache.txt)
run_path=$PWD/$root/$libraries:$(dirname "$cudnn")
LD_LIBRARY_PATH=$run_path ldd $root/programs/{ebm,train_ebm_vae,tests/unit_tests} >.gpu_pack/ldd
! grep 'not found' .gpu_pack/ldd >&2 || stop "the programs lack libraries: see above"
awk '/=>/ { print $1, $3 }' .gpu_pack/ldd | grep -vE "$left_out" | sort -u | while read -r name path; do
  [[ -e $root/$libraries/$name ]] || cp -L "$path" "$root/$libraries/$name"
done

list_sources | tar -cf - --null --files-from=- | tar -xf - -C $root/tree
mkdir $root/tree/docs
cp docs/gpu.md $root/tree/docs  # whose rows the report names

run() { env LD_LIBRARY_PATH="$run_path" "$root/programs/$1" "${@:2}"; }
run ebm fetch mnist --data $root/data >/dev/null || stop "no MNIST: run tools/setup.sh first, which can fetch it"
# shellcheck source=tools/scripts/gpu_phases.sh
. tools/scripts/gpu_phases.sh
run train_ebm_vae "${kParity[@]}" --device cpu --data $root/data --out .gpu_pack/parity-cpu
mkdir $root/parity-cpu
cp .gpu_pack/parity-cpu/metrics.csv $root/parity-cpu

(
  cd $root
  printf '# %s\n' "commit $commit" "sources $sources" "date $(date -u '+%Y-%m-%d %H:%M UTC')"
  find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
) >.gpu_pack/MANIFEST
mv .gpu_pack/MANIFEST $root
# One file, since the libraries are several times larger unpacked. gzip: xz is not everywhere.
tar -cf - -C $root . | gzip -9 >.gpu_pack/pack.tar.gz
rm -rf $root .gpu_pack/parity-cpu .gpu_pack/ldd
bytes=$(stat -c %s .gpu_pack/pack.tar.gz)
((bytes <= 40 * 1024 * 1024)) || stop "the pack is $((bytes / 1048576)) MB; expected 40 at most"
echo ".gpu_pack/pack.tar.gz: $((bytes / 1048576)) MB, commit $commit, sources $sources"
