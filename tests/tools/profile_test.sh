#!/usr/bin/env bash
# tools/scripts/profile.sh with programs that stand in for nsys, ncu and nvidia-smi and write down how they are
# called. PATH holds nothing else that the script could find.
#   tests/tools/profile_test.sh REPOSITORY
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bin=$folder/bin
calls=$folder/calls
mkdir "$bin"
for tool in bash dirname head mkdir rm; do ln -s "$(command -v "$tool")" "$bin/$tool"; done

fail() {
  echo "profile_test: $*" >&2
  exit 1
}
# stand_in NAME BODY: a program that appends its call to $calls, then does BODY.
stand_in() {
  printf '#!%s\necho "%s $*" >>"%s"\n%s\n' "$BASH" "$1" "$calls" "$2" >"$bin/$1"
  chmod +x "$bin/$1"
}
profile() { PATH=$bin "$1/tools/scripts/profile.sh" -o "$folder/out" -p "$bin/train" "${@:2}" >"$folder/stdout" 2>"$folder/stderr"; }
# fails_with TEXT ARGUMENTS: exit code 1, one line with TEXT.
fails_with() {
  local code=0
  profile "$repository" "${@:2}" || code=$?
  [[ $code == 1 ]] || fail "${*:2}: exit code $code, expected 1"
  [[ $(wc -l <"$folder/stderr") == 1 ]] || fail "${*:2}: expected one line, received: $(cat "$folder/stderr")"
  grep -qF -- "$1" "$folder/stderr" || fail "${*:2}: \"$1\" is not in: $(cat "$folder/stderr")"
}
expect_call() { grep -qF -- "$1" "$calls" || fail "no call with \"$1\" among: $(cat "$calls")"; }
expect_no_call() { ! grep -qF -- "$1" "$calls" || fail "a call with \"$1\""; }

repository=$1
stand_in train ""
fails_with "no recipe"
fails_with "no recipe" ncu --steps 3
fails_with "unknown flag -x" -x mnist
fails_with "neither nsys nor ncu in PATH" mnist
fails_with "no nsys in PATH" nsys mnist
fails_with "no ncu in PATH" ncu mnist
# each writes the report that its --output or --export names, unless it fails or matches nothing
stand_in nsys 'for a; do case $a in --output=*) echo x >"${a#*=}.nsys-rep";; esac; done; [[ $1 != stats ]] || echo table'
stand_in ncu 'while (($#)); do [[ $1 != --export ]] || echo x >"$2.ncu-rep"; shift; done'
fails_with "no GPU here" mnist
stand_in nvidia-smi 'echo "GPU 0: a name"'
mv "$bin/train" "$bin/moved" && fails_with "run tools/setup.sh" mnist && mv "$bin/moved" "$bin/train"

: >"$calls"
profile "$repository" mnist --steps 3 --iterations=5 || fail "mnist: $(cat "$folder/stderr")"
expect_call "nsys profile --trace=cuda,nvtx,cudnn,cublas"
expect_call "$bin/train mnist --steps 3 --iterations=5 --device cuda --checkpoint-every 0 --quiet --no-graph --out $folder/out/run"
expect_call "nsys stats"
expect_call "--section WarpStateStats"
expect_call "--clock-control none --nvtx --nvtx-include langevin/"
expect_call "ncu --import $folder/out/ncu.ncu-rep --page details"
expect_no_call "--iterations 30"  # the user's stands
[[ $(cat "$folder/out/nsys.txt") == table ]] || fail "nsys.txt is not what nsys stats printed"

mv "$bin/nsys" "$bin/moved" && : >"$calls"
profile "$repository" mnist || fail "without nsys: $(cat "$folder/stderr")"
grep -qx "nsys: not in PATH, left out" "$folder/stdout" || fail "says nothing of nsys: $(cat "$folder/stdout")"
expect_call "ncu --import"
mv "$bin/moved" "$bin/nsys"

: >"$calls"
profile "$repository" ncu cifar10 || fail "ncu cifar10: $(cat "$folder/stderr")"
expect_call "cifar10 --device cuda --iterations 30"
expect_no_call "nsys"

stand_in ncu ""  # no kernel matched
fails_with "ncu wrote no report" ncu mnist
stand_in nsys "exit 3"
fails_with "nsys profile failed" nsys mnist
