#!/usr/bin/env bash
# The paper's Tables 4 to 6: how the scores depend on Langevin steps and their size, on d and on γ. Trains a model for
# each cell, all with the same seed and number of iterations, scores what they make, prints the tables and draws them.
#
#   tools/scripts/sweep.sh mnist|fashion|cifar10|synthetic [-t steps-size|latent|kl|all] [-i ITERATIONS] [-n SAMPLES] [-s SEED]
#                  [-o FOLDER] [-j JOBS] [-- FLAGS OF train_ebm_vae]
#
#   -t   what is swept: Table 4, 5, 6 or all of them [all]
#   -i   iterations of each training, on one thread [1500]
#   -n   samples that are scored [5000]; with another number the same runs are scored again
#   -o   where all goes: the runs, results.csv and sweep.html [runs/sweep-RECIPE]
#   -j   cells at once [1]
#
# The cells lie around the recipe's own settings, those that FLAGS give included: l = 5 8 15 30 60 at four step sizes,
# six d, six γ. A step size is a factor s of the recipe's own: its drift δ²/2 times s², its noise δ times s. Samples are
# revised by as many steps as in the training.
# A cell that diverges for good is a result too. Stopped or killed, the same command goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "tools/scripts/sweep.sh: $*" >&2; exit 1; }
source tools/scripts/many_runs.sh
is_count() { [[ "$2" =~ ^[1-9][0-9]{0,8}$ ]] || fail "$1 \"$2\": expected a whole number from 1"; }

recipe=${1:-}
[[ "$recipe" =~ ^(mnist|fashion|cifar10|synthetic)$ ]] ||
  fail "received \"$recipe\", expected mnist, fashion, cifar10 or synthetic"
shift
table=all iterations=1500 samples=5000 seed=1 folder=runs/sweep-$recipe jobs=1
while getopts t:i:n:s:o:j: option; do
  case $option in
    t) table=$OPTARG ;;
    i) is_count -i "$OPTARG"; iterations=$OPTARG ;;
    n) is_count -n "$OPTARG"; samples=$OPTARG ;;
    s) is_count -s "$OPTARG"; seed=$OPTARG ;;
    o) folder=$OPTARG ;;
    j) is_count -j "$OPTARG"; jobs=$OPTARG ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
[[ "$table" =~ ^(steps-size|latent|kl|all)$ ]] || fail "-t \"$table\": expected steps-size, latent, kl or all"
[[ -x ./train_ebm_vae && -x ./ebm ]] || fail "no ./train_ebm_vae: build first, tools/setup.sh"

claim_folder "$folder" sweep "recipe $recipe" "-i $iterations" "-s $seed" "flags$(printf ' %q' "$@")"

# FLAGS: all of them, those without what each cell sets itself, and those that `ebm evaluate` shares.
evaluate_flags "$@"
flags=("$@") common=()
while (($#)); do
  case $1 in
    --steps | --drift | --noise | --latent | --kl-weight) shift ;;
    --steps=* | --drift=* | --noise=* | --latent=* | --kl-weight=*) ;;
    *) common+=("$1") ;;
  esac
  shift || break  # a flag without its value: the first training says so
done

# "CELL steps s drift noise latent kl_weight"; the recipe's own settings stand in the configuration of the first cell.
describe() {
  awk -F ' = ' -v cell="$1" '
    {own[$1] = $2}
    END {
      steps = own["steps"]; s = 1; latent = own["latent"]; kl = own["kl-weight"]
      if (split(cell, part, /^l|-x/) == 3) {steps = part[2]; s = part[3]}
      else if (cell ~ /^d/) latent = substr(cell, 2)
      else if (cell ~ /^kl/) kl = substr(cell, 3)
      printf "%s %s %s %.9g %.9g %s %s\n", cell, steps, s, own["drift"] * s * s, own["noise"] * s, latent, kl
    }' "$folder/own/config.toml"
}
# The cells of a table, the recipe's own among them.
cells() {
  awk -F ' = ' -v table="$1" '
    {own[$1] = $2}
    function cell(name, is_own) {print is_own ? "own" : name}
    END {
      # published: 1/2, 1, 2 and 4 times the step size of the recipe
      sizes = split(own["profile"] ~ /paper/ ? "0.5 1 2 4" : "0.25 0.5 1 2", size, " ")
      if (table == "steps-size")
        for (i = 1; i <= sizes; ++i)
          for (j = 1; j <= split("5 8 15 30 60", l, " "); ++j)
            cell("l" l[j] "-x" size[i], l[j] == own["steps"] && size[i] == 1)
      for (i = -2; i <= 3 && table == "latent"; ++i) cell(sprintf("d%.0f", own["latent"] * 2 ^ i), i == 0)
      for (i = -3; i <= 2 && table == "kl"; ++i) cell(sprintf("kl%.6g", own["kl-weight"] * 2 ^ i), i == 0)
    }' "$folder/own/config.toml"
}

# Trains a cell to its end or to its divergence for good; goes on with what is there.
train() {
  local cell=$1 run=$folder/$1 code=0 arguments=("${flags[@]}") said name steps s drift noise latent kl
  if [[ $cell != own ]]; then
    read -r name steps s drift noise latent kl < <(describe "$cell")
    arguments=(--steps "$steps" --drift "$drift" --noise "$noise" --latent "$latent" --kl-weight "$kl" "${common[@]}")
  fi
  if compgen -G "$run/checkpoint-*.safetensors" >/dev/null; then
    arguments+=(--resume "$run")
  else
    rm -rf "$run"
    mkdir "$run"
    arguments+=(--out "$run")
  fi
  said=$(./train_ebm_vae "$recipe" --iterations "$iterations" --seed "$seed" --threads 1 --quiet "${arguments[@]}" \
    2>&1) || code=$?
  judge "$cell" "$code" "$said"
}

# judge CELL CODE SAID: after the end of a program. Divergence is kept as a result, and nothing else passes for it.
judge() {
  local run=$folder/$1 code=$2 said=$3
  ((code <= 128)) || exit "$code"  # stopped: whoever did it knows
  [[ -z $said ]] || echo "$said" >>"$run/log" || fail "$1: cannot write $run/log"
  ((code != 0)) || return 0
  said=${said##*$'\n'}
  [[ $said =~ ^error:\ (\[training\]\ .*\ returns\ to\ an\ earlier\ state|\[evaluate\]\ received\ NaN\ in\ ) ]] ||
    fail "$1: ${said:-exit code $code}"
  echo "$said" >"$run/diverged.part"
  mv "$run/diverged.part" "$run/diverged"
}

is_trained() { [[ -f $folder/$1/diverged || -f $folder/$1/checkpoint-$(printf %08d "$iterations").safetensors ]]; }
is_done() { [[ -f $folder/$1/diverged || -f $folder/$1/scores-$samples.txt ]]; }

make_cell() {
  local cell=$1 run=$folder/$1 code=0 begin=$SECONDS said name steps rest
  trap : TERM  # the program that runs gets it as well, and ends in its own way
  is_trained "$cell" || train "$cell"
  if [[ ! -f $run/diverged ]]; then
    read -r name steps rest < <(describe "$cell")
    said=$(./ebm evaluate --run "$run" --metrics fd,kid,is --n "$samples" --seed "$seed" --steps "$steps" --threads 1 \
      "${evaluate_flags[@]}" --json "$run/evaluate.json" 2>&1 >"$run/scores.part") || code=$?
    judge "$cell" "$code" "$said"
    if ((code == 0)); then
      grep -q "^IS-cls" "$run/scores.part" || fail "$cell: cannot write $run/scores.part"
      mv "$run/scores.part" "$run/scores-$samples.txt"
    fi
  fi
  if [[ -f $run/diverged ]]; then
    echo "$cell: diverged for good, $((SECONDS - begin)) s"
  else
    awk -v cell="$cell" -v seconds=$((SECONDS - begin)) \
      '/^FD-cls/ {print cell ": FD-cls " $2 " of g(z), " $3 " revised, " seconds " s"}' "$run/scores-$samples.txt"
  fi
}

# results.csv: a row for each cell that is done.
write_results() {
  local cell
  {
    echo "# $recipe, seed $seed, $iterations iterations, $samples samples; flags:$(printf ' %q' "${flags[@]}")"
    [[ ! -f $folder/own/scores-$samples.txt ]] ||
      sed -nE 's/^(against|note:|features:|real:) /# &/p' "$folder/own/scores-$samples.txt"
    echo "cell,steps,s,drift,noise,latent,kl_weight,iterations,rollbacks,seconds,fd_generated,fd_revised,fd_real,\
kid_generated,kid_generated_error,kid_revised,kid_revised_error,kid_real,is_generated,is_revised,is_real,diverged"
    for cell in "${all_cells[@]}"; do
      ! is_done "$cell" || echo "$(describe "$cell" | tr ' ' ,),$(measured "$cell")"
    done
  } >"$folder/results.csv.part"
  mv "$folder/results.csv.part" "$folder/results.csv"
}
# The rest of a cell's row.
measured() {
  awk -F, '!/^[#i]/ {rollbacks = $2; seconds += $(NF-3) + $(NF-2) + $(NF-1) + $NF}
           {last = $1} END {printf "%d,%d,%.0f,", last, rollbacks, seconds}' "$folder/$1/metrics.csv"
  if [[ -f $folder/$1/diverged ]]; then
    sed -E 's/.*received //; s/, (after [0-9]+ returns to|expected) .*//; s/.*/,,,,,,,,,,,"&"/' "$folder/$1/diverged"
  else
    awk '/^FD-cls/ {fd = $2 "," $3 "," $4}
         /^KID-cls/ {kid = $2 "," $4 "," $5 "," $7 "," $8}
         /^IS-cls/ {is = $2 "," $5 "," $8}
         END {print fd "," kid "," is ","}' "$folder/$1/scores-$samples.txt"
  fi
}

show() { awk -f tools/scripts/sweep/results.awk -f "tools/scripts/sweep/$1.awk" "$folder/results.csv"; }

# However this script ends, the cells that run end too: a training saves first.
stop_cells() {
  local job
  trap '' INT TERM HUP
  for job in $(jobs -p); do kill -TERM -- "-$job" 2>/dev/null || true; done
  wait
}
trap stop_cells EXIT
trap 'fail "stopped; the same command goes on"' INT TERM HUP

wait_for_one() {
  local code=0
  wait -n || code=$?
  ((code <= 128)) || fail "a cell was ended with exit code $code; the same command goes on"
  ((code == 0)) || exit 1  # it has said why
  running=$((running - 1))
}

set -m  # each cell with its programs is a process group, to be stopped as one
running=0
if ! is_done own; then
  make_cell own &
  running=1
  wait_for_one
fi
mapfile -t all_cells < <({ echo own; cells steps-size; cells latent; cells kl; } | awk '!seen[$0]++')
mapfile -t chosen < <(if [[ $table == all ]]; then printf '%s\n' "${all_cells[@]}"; else cells "$table"; fi)
for cell in "${chosen[@]}"; do
  ! is_done "$cell" || continue
  ((running < jobs)) || { wait_for_one; write_results; }
  make_cell "$cell" &
  running=$((running + 1))
done
while ((running > 0)); do
  wait_for_one
  write_results
done
write_results
{ cat tools/scripts/sweep/head.html; show picture; } >"$folder/sweep.html.part"
mv "$folder/sweep.html.part" "$folder/sweep.html"
show tables
echo "Picture: $folder/sweep.html"
