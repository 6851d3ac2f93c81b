#!/usr/bin/env bash
# `cmake --install`: the programs start where they were installed, bash completes their words, and a project of its own finds the
# package, trains and samples with it (examples/train_and_sample).
#   tests/tools/install_test.sh REPOSITORY BUILD_FOLDER
set -euo pipefail
repository=$1 build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "install_test: $*" >&2
  exit 1
}

cmake --install "$build" --prefix "$folder/prefix" >/dev/null
version=$("$folder/prefix/bin/ebm" --version)
[[ $version =~ ^ebm\.cu\ [0-9]+\.[0-9]+(\ \([0-9a-f]+(-dirty)?\))?$ ]] || fail "version \"$version\""
[[ $("$folder/prefix/bin/train_ebm_vae" --version) == "$version" ]] || fail "two programs of two versions"

# what bash offers after each of these lines
source "$folder/prefix/share/bash-completion/completions/ebm"
PATH=$folder/prefix/bin:$PATH
offers() {  # expected word, words of the line
  local expected=$1
  shift
  complete_line "$@"
  [[ " ${COMPREPLY[*]} " == *" $expected "* ]] || fail "\"$*\" offers \"${COMPREPLY[*]}\", not $expected"
}
offers_not() {
  local unexpected=$1
  shift
  complete_line "$@"
  [[ " ${COMPREPLY[*]} " != *" $unexpected "* ]] || fail "\"$*\" offers \"${COMPREPLY[*]}\""
}
complete_line() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _ebm_complete
}
offers evaluate ebm ev
offers --noise-scale ebm sample --noi
offers fashion train_ebm_vae fa
offers --energy-lr train_ebm_vae mnist --energy
offers coopnets ebm train co
offers mnist ebm train vae ''
offers_not vae ebm train vae ''
offers mnist ebm fetch ''
offers laptop train_ebm_vae --profile ''
offers_not mnist train_ebm_vae --profile ''
offers fp32 ebm sample run --precision ''
offers_not 'FOLDER|FILE|DATASET' ebm fd ''
offers_not REQUIRED ebm fd ''

cmake -S "$repository/examples/train_and_sample" -B "$folder/example" -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix" \
  -DCMAKE_BUILD_TYPE=Release >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
cmake --build "$folder/example" >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
cd "$folder"
example/train_and_sample 10 >log || fail "$(cat log)"
grep -q '^iteration 10: energy gap' log || fail "$(cat log)"
[[ $(head -c 4 shapes.png | tail -c 3) == PNG ]] || fail "no picture"
