#!/usr/bin/env bash
# Runs a training, and starts it again from its last checkpoint when it ends with an error: a process that was killed, a
# machine that was lost.
#
#   tools/scripts/run_restarting.sh [--tries N] -- mpirun -n 4 ./train_ebm_vae mnist --out DIR [FLAGS]
#
#   --tries N   restarts in a row without a new checkpoint in between, before it gives up [3]
#   --out DIR   of the training: has to be among its flags. Where DIR holds checkpoints, the first start goes on from them
#               too, so that a job that is queued again needs no other command.
#
# Restarted with `--resume DIR`. Where a run in DIR has no checkpoint yet there is nothing to go on from: DIR is renamed to
# DIR.set-aside, and the training begins anew. Not started again: what ended well or was asked to stop, and a training that
# never began, because its flags, its data or its machine are not right. The exit code is that of the last start; 0 where all
# iterations are done already.
#
# SIGTERM, SIGINT, SIGHUP and SIGUSR1 are passed on as SIGUSR1, on which the training saves and ends and for which mpirun
# leaves it the time; the exit code is then 128 + the signal.
set -uo pipefail
exec 3>&2
say() { echo "run_restarting.sh: $*" >&3; }
stop() { say "$*"; exit 1; }

tries=3
while (($#)); do
  case $1 in
    --tries)
      [[ "${2:-}" =~ ^[0-9]{1,6}$ ]] || stop "received --tries \"${2:-}\", expected a whole number"
      tries=$2
      shift 2
      ;;
    --) shift; break ;;
    *) stop "received \"$1\", expected --tries N, or -- before the command" ;;
  esac
done
(($#)) || stop "received no command, expected one behind --"
out="" word=""
for next in "$@"; do
  [[ $word != --out ]] || out=$next
  [[ $next != --out=* ]] || out=${next#--out=}
  [[ $next != --resume && $next != --resume=* ]] || stop "received $next, expected a command without it: it is added here"
  word=$next
done
[[ -n "$out" ]] || stop "received a command without --out DIR, expected one: the folder tells how far the training is"
out=${out%/}

last_checkpoint() { compgen -G "$out/checkpoint-*.safetensors" | LC_ALL=C sort | grep -E '/checkpoint-[0-9]+\.safetensors$' | tail -n 1; }
iteration_of() { local name=${1##*/checkpoint-}; name=${name%.safetensors}; echo "$((10#${name:-0}))"; }
is_held() { [[ -e $out/run.lock ]] && ! flock --shared --nonblock "$out/run.lock" true; }

child="" asked=""
pass_on() {  # SIGNAL, its number
  asked=$2
  say "received SIG$1: the training saves and ends"
  [[ -z "$child" ]] || kill -USR1 "$child" 2>/dev/null
}
trap 'pass_on TERM 15' TERM
trap 'pass_on INT 2' INT
trap 'pass_on HUP 1' HUP
trap 'pass_on USR1 10' USR1

errors=$(mktemp) || stop "cannot make a temporary file"
trap 'rm -f "$errors"' EXIT
# what tells one config.toml from the next: a training writes it anew, once it has checked all that it was given
config() { stat --format '%i %y' "$out/config.toml" 2>/dev/null; }
progress() {  # -1: no checkpoint
  local last
  last=$(last_checkpoint)
  if [[ -n "$last" ]]; then iteration_of "$last"; else echo -1; fi
}
used=0 reached=$(progress)
while true; do
  # processes of a start whose launcher was killed end a little later
  for ((i = 0; i < 60; ++i)); do is_held || break; sleep 0.5; done
  ! is_held || stop "$out is held: $(head -n 1 "$out/run.lock"), expected a folder in which nothing is training"
  checkpoint=$(last_checkpoint)
  resume=()
  if [[ -n "$checkpoint" ]]; then
    resume=(--resume "$out")
  elif [[ -e $out/metrics.csv ]]; then
    aside=$out.set-aside n=1
    while [[ -e $aside ]]; do aside=$out.set-aside-$((++n)); done
    mv "$out" "$aside" || stop "cannot rename $out to $aside"
    say "$out has no checkpoint: it is $aside now, and the training begins anew"
  fi
  [[ -z "$asked" ]] || exit $((128 + asked))

  before=$(config)
  : >"$errors"
  "$@" "${resume[@]}" </dev/null 2> >(tee "$errors" >&2) &
  child=$!
  [[ -z "$asked" ]] || kill -USR1 "$child" 2>/dev/null
  while true; do  # a signal ends `wait` early
    code=0
    { wait "$child"; } 2>/dev/null || code=$?  # without the shell's own word on a killed one
    kill -0 "$child" 2>/dev/null || break
  done
  child=""
  [[ -z "$asked" ]] || exit $((128 + asked))
  case $code in
    0) exit 0 ;;
    129 | 130 | 138 | 143 | 152)  # 128 + SIGHUP, SIGINT, SIGUSR1, SIGTERM, SIGXCPU: it saved and ended as it was asked to
      say "the training was asked to stop: exit code $code"
      exit "$code"
      ;;
  esac
  if ((code < 128)) && [[ $(config) == "$before" ]]; then
    sleep 0.2  # tee may have something left to write
    if ((${#resume[@]})) && grep -q 'where all [0-9]* iterations are done' "$errors"; then
      say "nothing is left to do; where a file of the end is missing: ebm export --run $out, ebm report $out"
      exit 0
    fi
    say "the training did not begin: exit code $code"
    exit "$code"
  fi
  now=$(progress)
  if ((now > reached)); then used=0 reached=$now; fi
  if ((used >= tries)); then
    say "exit code $code, and no new checkpoint in $tries restarts: given up"
    exit "$code"
  fi
  ((++used))
  from=$(last_checkpoint)
  say "exit code $code; restart $used of $tries from ${from:-the beginning}"
done
