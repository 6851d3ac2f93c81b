#!/usr/bin/env bash
# tools/scripts/sweep.sh on tiny networks, in a copy of the tree that holds the two programs.
#   tests/tools/sweep_test.sh REPOSITORY TRAIN_PROGRAM EBM_PROGRAM
source "$1/tests/tools/script_test.sh" "$@"
cp -r "$1/tools/scripts/sweep.sh" "$1/tools/scripts/sweep" "$folder/tools/scripts"
export EBM_DATA=$folder/data
tiny=(--device cpu --deterministic --width 4 --generator-width 16 --encoder-width 8 --latent 4 --batch 8 --chains 8
  --steps 3 --checkpoint-every 5)
sweep() { "$folder/tools/scripts/sweep.sh" "$@" >"$folder/stdout" 2>"$folder/stderr"; }
# kl FOLDER ITERATIONS [FLAGS]: Table 6's six cells.
kl() { sweep synthetic -t kl -n 20 -o "$folder/$1" -i "$2" -- "${tiny[@]}" "${@:3}"; }
# rows FOLDER PATTERN: how many rows of its results.csv are of this form.
rows() { grep -cE -- "$2" "$folder/$1/results.csv" || true; }

fails_with "expected mnist, fashion, cifar10 or synthetic" sweep mnits
fails_with "expected steps-size, latent, kl or all" sweep synthetic -t gamma
fails_with "expected a whole number" sweep synthetic -i 0
fails_with "is no folder of a sweep" sweep synthetic -o "$folder/tools"
fails_with "unknown flag --widht" sweep synthetic -i 10 -n 20 -o "$folder/a" -- --widht 4
fails_with "expected 10 to 512" sweep synthetic -t kl -i 2 -n 100000 -o "$folder/n" -- "${tiny[@]}"

# a wrong flag of a first try is no setting of the folder; what was trained with others is not taken up
kl a 10 || fail "$(cat "$folder/stderr")"
fails_with "was made with \"-i 10\", not with \"-i 11\"" kl a 11
fails_with "--batch 4" kl a 10 --guard-every 10 --batch 4
exec 8>>"$folder/a/settings"
flock 8
fails_with "another sweep is made in" kl a 10
exec 8>&-

# what is there is not made again
before=$(ls -l --time-style=full-iso "$folder/a/"*/checkpoint-* "$folder/a/"*/scores*)
kl a 10 || fail "$(cat "$folder/stderr")"
is "$(ls -l --time-style=full-iso "$folder/a/"*/checkpoint-* "$folder/a/"*/scores*)" "$before" "runs of a finished sweep"

# γ = 3 is the recipe's: a factor of 2 from cell to cell, the fourth of six its own
is "$(rows a '^(own|kl0.375|kl0.75|kl1.5|kl6|kl12),3,1,1,0.01,4,[0-9.]+,10,0,')" 6 "rows of Table 6"
is "$(rows a '^kl6,3,1,1,0.01,4,6,')" 1 "rows of γ = 6"
grep -q "γ 0.375 .* γ 12$" "$folder/stdout" || fail "no head of Table 6 in: $(cat "$folder/stdout")"
scored=$(awk '/^FD-cls/ {print $2 "," $3 "," $4}' "$folder/a/kl6/scores-20.txt")
is "$(rows a "^kl6,.*,$scored,")" 1 "rows with the scores $scored of γ = 6"
lowest=$(awk -F, '/^(own|kl)/ {print $12}' "$folder/a/results.csv" | sort -g | head -n 1)
grep -qF "$lowest*" <(grep "^FD-cls revised" "$folder/stdout") || fail "$lowest is not marked as best"
! grep -E 'src=|href=|url\(h' "$folder/a/sweep.html" || fail "the picture loads something"
grep -qF ">$lowest</text>" "$folder/a/sweep.html" || fail "$lowest is not in the picture"

# Table 4: the step size changes drift and noise
sweep synthetic -t steps-size -j 2 -n 20 -i 1 -o "$folder/t4" -- "${tiny[@]}" || fail "$(cat "$folder/stderr")"
is "$(rows t4 '^l(5|8|15|30|60)-x')" 20 "cells of Table 4"
is "$(rows t4 '^l8-x0.5,8,0.5,0.25,0.005,4,3,1,0,')" 1 "rows of l 8, s 0.5"
is "$(rows t4 '^l60-x2,60,2,4,0.02,4,3,1,0,')" 1 "rows of l 60, s 2"

# Stopped in one training and killed in another, it goes on from their checkpoints and ends as if nothing had been.
# end_during SIGNAL CELL: the sweep of folder c gets the signal when the cell has a checkpoint.
end_during() {
  local i
  "$folder/tools/scripts/sweep.sh" synthetic -t kl -n 20 -o "$folder/c" -i 60 -- "${tiny[@]}" >/dev/null 2>"$folder/stderr" &
  for ((i = 0; i < 6000; ++i)); do
    ! compgen -G "$folder/c/$2/checkpoint-*" >/dev/null || break
    sleep 0.01
  done
  kill "-$1" $!
  ! wait $! 2>/dev/null || fail "the sweep ended before it got SIG$1"
  # a killed sweep leaves its training alive: the folder is free when that has ended
  flock -w 60 "$folder/c/settings" true || fail "the folder stays locked after SIG$1"
}
kl b 60 || fail "$(cat "$folder/stderr")"
end_during TERM kl0.375
is "$(cat "$folder/stderr")" "tools/scripts/sweep.sh: stopped; the same command goes on" "stderr after SIGTERM"
end_during KILL kl1.5
[[ ! -e $folder/c/kl12 ]] || fail "the sweep was done before it was killed"
kl c 60 || fail "$(cat "$folder/stderr")"
is "$(compgen -G "$folder/c/kl0.375/events.*" | wc -l)" 2 "event files of a training that was resumed"
without_seconds() { cut -d, -f1-9,11- "$folder/$1/results.csv"; }
is "$(without_seconds c)" "$(without_seconds b)" "results of a sweep that was stopped and killed"

# divergence is a result
kl d 10 --guard-gap 1e-9 || fail "$(cat "$folder/stderr")"
is "$(rows d '^kl[0-9.]+,.*,,"energy gap .*, beyond 1e-09 at iteration [0-9]+"$')" 5 "diverged cells"
grep -q "^FD-cls revised .*diverged" "$folder/stdout" || fail "no diverged cell in: $(cat "$folder/stdout")"
is "$(grep -c '>diverged</text>' "$folder/d/sweep.html")" 6 "diverged cells in the picture"
