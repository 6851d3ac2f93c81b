#!/usr/bin/env bash
# tools/scripts/table1.sh on tiny networks, in a copy of the tree that holds the two programs.
#   tests/tools/table1_test.sh REPOSITORY TRAIN_PROGRAM EBM_PROGRAM
source "$1/tests/tools/script_test.sh" "$@"
cp "$1/tools/scripts/table1.sh" "$folder/tools/scripts"
touch "$folder/no_folder"
export EBM_DATA=$folder/no_folder  # trainings and scorings are given --data

tiny=(--device cpu --deterministic --width 4 --generator-width 16 --encoder-width 8 --latent 4 --batch 8 --chains 8
  --steps 3 --threads 1 --data "$folder/data")
table() { "$folder/tools/scripts/table1.sh" "$@" >"$folder/stdout" 2>"$folder/stderr"; }
# made [OPTIONS]: the table in folder a.
made() { table synthetic -t 0 -o "$folder/a" "$@" -- --iterations 2 "${tiny[@]}"; }
# no_table TEXT COMMAND: fails with TEXT and prints no table.
no_table() {
  fails_with "$@"
  ! grep -q "FD revised" "$folder/stdout" || fail "${*:2}: printed a table"
}
# caption N: what the printed table says of itself, and that its figures are those of N samples.
caption() {
  grep -qx "synthetic, seed 1, $1 samples" "$folder/stdout" || fail "no caption of $1 samples: $(cat "$folder/stdout")"
  local method revised
  for method in ebm-vae vae coopnets short-run persistent; do
    grep -q ": $1 samples, seed 1;" "$folder/a/$method/scores-$1.txt" || fail "$method: no scores of $1 samples"
    revised=$(awk '/^FD-cls/ {print $3}' "$folder/a/$method/scores-$1.txt")
    is "$(awk -v method="$method" '$1 == method {print $5}' "$folder/stdout")" "$revised" "FD revised of $method"
  done
}

no_table "expected mnist, fashion or synthetic" table mnits
no_table "-n 10001: expected 10 to 10000" table synthetic -n 10001
no_table "is no folder of a table" table synthetic -o "$folder/tools"

made -n 20 || fail "$(cat "$folder/stderr")"
caption 20
trainings=$(ls -l --time-style=full-iso "$folder/a/"*/checkpoint-*)

# other settings are refused; another number of samples is another scoring of the same runs
no_table 'was made with "-s 1", not with "-s 7"' made -n 20 -s 7
no_table 'was made with "-t 0", not with "-t 60"' made -n 20 -t 60
no_table "--iterations 2" table synthetic -t 0 -o "$folder/a" -n 20 -- --iterations 3 "${tiny[@]}"
made -n 30 || fail "$(cat "$folder/stderr")"
caption 30
made -n 20 || fail "$(cat "$folder/stderr")"
caption 20
is "$(ls -l --time-style=full-iso "$folder/a/"*/checkpoint-*)" "$trainings" "trainings of a finished table"
