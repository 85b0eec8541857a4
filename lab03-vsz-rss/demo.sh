#!/usr/bin/env bash
# demo.sh - the experiments of lab03 for a classroom: no keys to press, under a minute
#
# Usage: bash demo.sh [STEP...]  report ask zero file back others fork
#                                first: ask, but silent while nothing is got
# PAUSE=0.5 bash demo.sh         seconds to look at each screen (default 3)
set -u
export LC_ALL=C
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3} pid=""
[[ -x usage && -x memory && -x cow ]] ||
  { echo "demo.sh: the programs are not built: run make first" >&2 && exit 1; }
bold="" plain=""
[[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
exec 3<> <(:) # a pipe into which no process writes
trap 'trap "" HUP INT QUIT PIPE TERM; [[ -z $pid ]] || kill -KILL "$pid"' EXIT
trap 'exit 130' HUP INT QUIT TERM

say() { printf '\n%s\n' "$bold# $*$plain"; }
run() { echo "\$ $*" && "$@"; }
look() { read -rt "$PAUSE" -u 3 || :; } # unlike sleep, it ends at once by a signal

# beside WORD COMMAND: in the background, until it has printed the word; then ps looks at it.
beside() {
  local line said=""
  echo "\$ $2 &"
  exec 4< <(exec bash -c "exec $2" <&3)
  pid=$!
  while [[ $said != "$1"* ]] && IFS= read -rt 20 -u 4 line; do
    said=$line
    echo "$line"
  done
  run ps -o pid,user,%mem,rss,vsz,comm -p "$pid"
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null
  pid=""
  look
}

play_first() {
  [[ $(./memory --mib 1 malloc) != *" 0 "* ]] || exit 1
  play_ask
}
play_report() {
  say "250 MiB, asked for and written; and the same without them. See ps."
  if command -v python3 >/dev/null; then
    beside Sleeping "python3 -uc \"a = 'X' * (250 << 20); print('Sleeping...'); input()\""
    beside Sleeping "python3 -uc \"print('Sleeping...'); input()\""
  fi
  beside write "./memory malloc write stop"
}
play_ask() {
  say "Asking raises VSZ. Writing raises RSS: a page comes with its first write."
  run ./memory malloc write
  look
}
play_zero() {
  say "Reading costs faults (MINFL), but no memory: one page of zeros for all."
  run ./memory mmap read write
  look
}
play_file() {
  say "Pages of a file: 64 KiB come with one fault. The first write copies one."
  run ./memory file read write:50 dontneed read
  look
}
play_back() {
  say "Given back: the contents alone, then the addresses too."
  run ./memory mmap write dontneed:50 munmap:50 munmap
  look
}
play_others() {
  say "This shell: most of its RSS it shares (PSS). What would come free is USS."
  run ./usage $$
  look
}
play_fork() {
  say "fork copies no page: RSS twice, PSS halved. The first write copies."
  run ./cow
  look
}

[[ $# -gt 0 ]] || set -- report ask zero file back others fork
for step; do
  declare -F "play_$step" >/dev/null || { echo "demo.sh: no step '$step'" >&2 && exit 2; }
  "play_$step"
done
