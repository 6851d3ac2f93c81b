# Bash completion of ebm and train_ebm_vae: commands, flags, their values and recipes as --help tells them. `cmake --install`
# puts it where bash finds it; in a checkout: source tools/completion.bash
_ebm_complete() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD - 1]} help i
  local -a before=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == -* ]] && break
    before+=("${COMP_WORDS[i]}")
  done
  help=$("$program" "${before[@]}" --help 2>/dev/null) || return
  local words takes=
  # "--profile auto|paper|laptop": what the flag before takes, one space behind its name
  [[ $last =~ ^--[a-z0-9-]+$ ]] && takes=$(sed -nE "s/^ *(-[a-z],)?$last ([^ ]+).*/\2/p" <<<"$help")
  if [[ $word == -* ]]; then
    words=$(grep -oE -- '^ *(-[a-z],)?--[a-z0-9-]+' <<<"$help" | grep -oE -- '--[a-z0-9-]+')
  elif [[ -n $takes ]]; then
    words=$(tr '|' '\n' <<<"$takes" | sed -nE '/^[a-z0-9-]+$/p')  # but for DIR and cuda:N, which stand for others
  else
    # the commands, or what the next positional argument may be: "recipe  mnist, fashion, cifar10 or synthetic"
    local -a usage
    read -ra usage < <(sed -n 's/^Usage: \(.*\) \[OPTIONS\].*/\1/p' <<<"$help")  # the program and its command
    local next=$((${#before[@]} - ${#usage[@]} + 2))
    words=$(sed -n '/^Subcommands:/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p' <<<"$help"
      sed -n '/^Arguments:/,/^$/s/^  [a-z]\{1,\} *//p' <<<"$help" | sed -n "${next}p" | tr -s ' ,' '\n' |
        sed -nE '/^or$/d; /^[a-z0-9-]+$/p')
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -F _ebm_complete ebm train_ebm_vae ./ebm ./train_ebm_vae
