#!/usr/bin/env bash
# demo.sh - the experiments of lab03 for a classroom: no keys to press, about a minute
#
# Usage: bash demo.sh [STEP...]      steps: report ask zero back fork file; first is ask
# PAUSE=0.5 bash demo.sh             seconds to look at each screen (default 3)
set -u
export LC_ALL=C
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3}
[[ -x ./memory ]] || {
  echo "demo.sh: no ./memory: run make first" >&2
  exit 1
}

bold="" plain=""
[[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
pid=""
trap '[[ -z $pid ]] || kill -KILL $pid 2>/dev/null' EXIT
trap 'exit 130' INT TERM

say() { printf '\n%s\n' "$bold# $*$plain"; }
look() { sleep "$PAUSE"; }
# show COMMAND: prints it and runs it in a shell, twenty seconds at most.
show() {
  echo "\$ $1"
  timeout 20 bash -c "$1" </dev/null 2>&1
}

# beside WORD COMMAND: runs it in the background until it has printed the word, and lets ps look at it.
beside() {
  local line out
  echo "\$ $2 &"
  exec {out}< <(exec bash -c "exec $2" 2>&1)
  pid=$!
  while IFS= read -r -t 20 -u "$out" line; do
    echo "$line"
    [[ $line != *"$1"* ]] || break
  done
  show "ps -o pid,user,%mem,rss,vsz,comm -p $pid"
  kill "$pid" 2>/dev/null
  exec {out}<&-
  pid=""
}

report() {
  say "250 MiB asked for and written, and the same without them. What does ps say?"
  if command -v python3 >/dev/null; then
    beside Sleeping "python3 -uc \"a = 'X' * (250 << 20); print('Sleeping...'); import time; time.sleep(50)\""
    beside Sleeping "python3 -uc \"print('Sleeping...'); import time; time.sleep(50)\""
  fi
  beside write "./memory malloc write sleep:50"
  beside start "./memory sleep:50"
  look
}

ask() {
  say "Asking raises VSZ. Writing raises RSS: a page comes with its first write."
  show './memory malloc write'
  look
}

zero() {
  say "Reading costs faults too (MINFL), but no memory: one page of zeros for all."
  show './memory --long mmap read write'
  look
}

back() {
  say "Given back: the contents alone, then the addresses too."
  show './memory --long mmap write dontneed:50 munmap:50 munmap'
  look
}

fork() {
  say "fork copies no page: twice in RSS, halved in PSS; USS is what is one's own."
  show './memory --long malloc write fork write:50 exit'
  look
}

file() {
  say "Pages of a file: 16 come with one fault; the first write to one copies it."
  show './memory --long file read write:50 dontneed read'
  look
}

[[ $# -gt 0 ]] || set -- report ask zero back fork file
for step; do
  case $step in
  first) ask ;;
  report | ask | zero | back | fork | file) "$step" ;;
  *)
    echo "demo.sh: no step '$step'" >&2
    exit 2
    ;;
  esac
done
