# Sourced by the tests of scripts that train: a copy of the tree in $folder that holds the two programs.
#   source tests/tools/script_test.sh REPOSITORY TRAIN_PROGRAM EBM_PROGRAM
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/tools/scripts"
cp "$1/tools/scripts/many_runs.sh" "$folder/tools/scripts"
ln -s "$2" "$folder/train_ebm_vae"
ln -s "$3" "$folder/ebm"

fail() {
  echo "$(basename "$0" .sh): $*" >&2
  exit 1
}
# fails_with TEXT COMMAND: exit code 1, one line with TEXT; the command writes to $folder/stdout and $folder/stderr.
fails_with() {
  local code=0
  "${@:2}" || code=$?
  [[ $code == 1 ]] || fail "${*:2}: exit code $code, expected 1"
  [[ $(wc -l <"$folder/stderr") == 1 ]] || fail "${*:2}: expected one line, received: $(cat "$folder/stderr")"
  grep -qF -- "$1" "$folder/stderr" || fail "${*:2}: \"$1\" is not in: $(cat "$folder/stderr")"
}
is() { [[ "$1" == "$2" ]] || fail "$3: received $1, expected $2"; }
