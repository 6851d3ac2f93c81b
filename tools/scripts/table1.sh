#!/usr/bin/env bash
# The ranking of Table 1: trains each method with the same networks and the same budget, scores what it makes, and
# prints a table, best first.
#
#   tools/scripts/table1.sh mnist|fashion|synthetic [-t SECONDS] [-n SAMPLES] [-s SEED] [-o FOLDER] [-- FLAGS OF train_ebm_vae]
#
#   -t   processor seconds of each training, on one thread [1200]; 0: until --iterations or --epochs among the flags
#   -n   samples that are scored [10000]; with another number the same runs are scored again
#   -o   where the runs go [runs/table1-DATA]; what is there already, of the same data, -t, -s and FLAGS, is not made
#        again
#
# Generated: g(z), or what the chains of a method without a generator begin at. Revised: after the chain's steps; the
# VAE has no chain. Scores: features of the data set's classifier (ebm evaluate).
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "tools/scripts/table1.sh: $*" >&2; exit 1; }
source tools/scripts/many_runs.sh
is_count() { [[ "$2" =~ ^[0-9]+$ ]] || fail "$1 \"$2\": expected a whole number"; }

data=${1:-}
[[ "$data" =~ ^(mnist|fashion|synthetic)$ ]] || fail "received \"$data\", expected mnist, fashion or synthetic"
shift
seconds=1200 samples=10000 seed=1 folder=runs/table1-$data
while getopts t:n:s:o: option; do
  case $option in
    t) is_count -t "$OPTARG"; seconds=$OPTARG ;;
    n) is_count -n "$OPTARG"; samples=$OPTARG ;;
    s) is_count -s "$OPTARG"; seed=$OPTARG ;;
    o) folder=$OPTARG ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
((samples >= 10 && samples <= 10000)) || fail "-n $samples: expected 10 to 10000; persistent chains have no more samples"
[[ -x ./train_ebm_vae && -x ./ebm ]] || fail "no ./train_ebm_vae: build first, tools/setup.sh"

claim_folder "$folder" table "data $data" "-t $seconds" "-s $seed" "flags$(printf ' %q' "$@")"
evaluate_flags "$@"
if ((seconds > 0)); then set -- --threads 1 --iterations 1000000000 "$@"; fi

train() {
  local method=$1 run=$2 code=0
  shift 2
  # at the end of its processor time a training saves and ends by itself: 128 + SIGXCPU
  (
    if ((seconds > 0)); then ulimit -St "$seconds"; fi
    exec ./train_ebm_vae "$data" --method "$method" --seed "$seed" --samples-every 2000 --out "$run" --quiet "$@"
  ) || code=$?
  ((code == 0 || (seconds > 0 && code == 152))) || fail "the training of $method ended with exit code $code"
}

methods=(ebm-vae vae coopnets short-run persistent)
for method in "${methods[@]}"; do
  run=$folder/$method
  if [[ ! -f $run/trained ]]; then
    [[ ! -e $run ]] || fail "$run holds a training that was cut off: remove it"
    echo "training $method"
    train "$method" "$run" "$@"
    touch "$run/trained"
  fi
  scores=$run/scores-$samples.txt
  if [[ ! -f $scores ]]; then
    echo "scoring $method"
    ./ebm evaluate --run "$run" --metrics fd,kid,prdc --n "$samples" --seed "$seed" "${evaluate_flags[@]}" \
      --json "$run/evaluate.json" >"$scores.part" || fail "no scores of $method"
    mv "$scores.part" "$scores"
  fi
done

# A method's row, after the number that it is sorted by: FD-cls of its revised samples.
row() {
  local trained
  trained=$(awk -F, '!/^[#i]/ {s += $(NF-3) + $(NF-2) + $(NF-1) + $NF} END {printf "%.0f", s}' "$folder/$1/metrics.csv")
  awk -v method="$1" -v trained="$trained" '
    / at iteration / {iteration = $4; sub(":", "", iteration)}
    /^FD-cls/ {generated = $2; revised = $3}
    /^KID-cls/ {kid_generated = $2; kid = $5}
    /^precision-cls/ {precision_generated = $2; precision = $3}
    /^recall-cls/ {recall_generated = $2; recall = $3}
    END {printf "%s\t%-11s %10s %8s %10s %10s %10s %10s %9s %9s %8s %8s\n", revised, method, iteration, trained,
         generated, revised, kid_generated, kid, precision_generated, precision, recall_generated, recall}
  ' "$folder/$1/scores-$samples.txt"
}

echo
echo "$data, seed $seed, $samples samples$( ((seconds > 0)) && echo ", $seconds processor seconds of training each")"
grep -E '^(against|note:|features:)' "$folder/ebm-vae/scores-$samples.txt"
printf '%-11s %10s %8s %10s %10s %10s %10s %9s %9s %8s %8s\n' method iterations seconds "FD g(z)" "FD revised" \
  "KID g(z)" "KID rev." "prec g(z)" "prec rev." "rec g(z)" "rec rev."
for method in "${methods[@]}"; do row "$method"; done | sort -g | cut -f2
