#!/usr/bin/env bash
# tools/scripts/compare_metrics.py on small runs. Without Python it is skipped (77).
#   tests/tools/compare_metrics_test.sh REPOSITORY
set -euo pipefail
command -v python3 >/dev/null || exit 77
script=$1/tools/scripts/compare_metrics.py
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
columns="iteration,rollbacks,f_data,f_samples,energy_gap,grad_x,revision,reconstruction,kl,seconds_vae"

fail() {
  echo "compare_metrics_test: $*" >&2
  exit 1
}
# run NAME F_DATA ROLLBACKS SECONDS: four iterations, F_DATA in the last
run() {
  mkdir -p "$folder/$1"
  {
    echo "# signs"
    echo "$columns"
    for i in 1 2 3; do echo "$i,0,1,2,3,4,5,6,7,$4"; done
    echo "4,$3,$2,2,3,4,5,6,7,$4"
  } >"$folder/$1/metrics.csv"
}
compare() { (cd "$folder" && python3 "$script" "$@") >"$folder/out" 2>&1; }
says() { grep -qE -- "$1" "$folder/out" || fail "\"$1\" is not in: $(cat "$folder/out")"; }

run a 1 0 0.5
run times 1 0 0.9
run near 1.0001 0 0.5
run far 1.01 0 0.5
run nan nan 0 0.5
run back 1 2 0.5
run short 1 0 0.5 && sed -i '$d' "$folder/short/metrics.csv"

compare --exact a times || fail "times are no figures: $(cat "$folder/out")"
says "4 iterations, the same"
! compare --exact a near || fail "near is not the same"
says "iteration 4, f_data: 1 against 1.0001"
compare a near || fail "a difference of 1e-4 in iteration 4, where 8e-4 is allowed: $(cat "$folder/out")"
! compare a far || fail "a difference of 1e-2 passed"
says "the runs differ beyond rounding"
! compare a nan || fail "NaN agrees with nothing"
for how in "" --exact --curves; do
  ! compare $how a back a || fail "a run that went back passed${how:+ $how}"
  ! compare $how a short a || fail "a shorter run passed${how:+ $how}"
done
! compare --exact a back || fail "a run that went back passed"
says "back diverged and went back 2 times"
compare --curves a times far || fail "--curves: $(cat "$folder/out")"
says "^mean of iterations 4 to 4"
says "^f_data +1 +1 \( +\+0\.0 %\) +1\.01 \( +\+1\.0 %\)"
! compare --curves a near nan || fail "a NaN passed --curves"
