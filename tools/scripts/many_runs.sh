# Sourced by the scripts that train many runs into one folder; needs their fail().

# claim_folder FOLDER KIND SETTING...: makes the folder, or takes it up again where its runs were made with the same
# settings. It belongs to one script at a time: the lock is held by the trainings too, should they outlive it.
claim_folder() {
  local folder=$1 kind=$2 settings i
  shift 2
  settings=$folder/settings
  [[ -e $settings || ! -e $folder || -z $(ls -A "$folder" 2>&1) ]] || fail "$folder is no folder of a $kind"
  { mkdir -p "$folder" && exec 9>>"$settings"; } 2>/dev/null || fail "cannot write into $folder"
  flock -n 9 || fail "another $kind is made in $folder"
  if compgen -G "$folder/*/metrics.csv" >/dev/null; then
    local before now=("$@")
    mapfile -t before <"$settings"
    for i in "${!now[@]}"; do
      [[ ${before[i]-} == "${now[i]}" ]] || fail "$folder was made with \"${before[i]-}\", not with \"${now[i]}\""
    done
  else  # nothing was trained: its first flags may have been wrong
    printf '%s\n' "$@" >"$settings"
  fi
}

# evaluate_flags FLAG...: sets the array evaluate_flags to those flags of a training that `ebm evaluate` shares.
evaluate_flags() {
  evaluate_flags=()
  while (($#)); do
    case $1 in
      --data | --device | --precision) evaluate_flags+=("$1" "${2-}"); shift ;;
      --data=* | --device=* | --precision=*) evaluate_flags+=("$1") ;;
    esac
    shift || break  # a flag without its value: the first training says so
  done
}
