# Bash completion of ebm and train_ebm_vae: commands, flags and recipes as --help tells them. `cmake --install` puts it where
# bash finds it; in a checkout: source tools/completion.bash
_ebm_complete() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} help i
  local -a before=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == -* ]] && break
    before+=("${COMP_WORDS[i]}")
  done
  help=$("$program" "${before[@]}" --help 2>/dev/null) || return
  local words
  if [[ $word == -* ]]; then
    words=$(grep -oE -- '^ *(-[a-z],)?--[a-z0-9-]+' <<<"$help" | grep -oE -- '--[a-z0-9-]+')
  else
    # the commands, or what the first positional argument may be: "recipe  mnist, fashion, cifar10 or synthetic"
    words=$(sed -n '/^Subcommands:/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p; /^Arguments:/,/^$/s/^  [a-z]\{1,\} *\(REQUIRED\)\{0,1\} *//p' <<<"$help" |
      tr ',' ' ' | sed 's/ or / /g')
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -F _ebm_complete ebm train_ebm_vae ./ebm ./train_ebm_vae
