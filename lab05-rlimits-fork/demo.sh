#!/usr/bin/env bash
# demo.sh - the session of lab05 for a classroom: no keys to press, about a minute
#
# Usage: bash demo.sh [STEP...]  table forks status stop limit bite waits zombie
#                                first: table, but it fails while there is none
# PAUSE=0.5 bash demo.sh         seconds to look at each screen (default 3)
set -u
export LC_ALL=C
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3}
[[ -x rlimits && -x forks && -x under && -x bite && -x waits ]] ||
  { echo "demo.sh: the programs are not built: run make first" >&2 && exit 1; }
bold="" plain=""
[[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
exec 3<> <(:) # a pipe into which no process writes
pid=""
trap '[[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null' EXIT
trap 'exit 130' HUP INT QUIT TERM

say() { printf '\n%s\n' "$bold# $*$plain"; }
look() { read -rt "$PAUSE" -u 3 || :; } # unlike sleep, it ends at once by a signal
nap() { read -rt 0.02 -u 3 || :; }

# show COMMAND...: each is printed, and run by a shell, ten seconds at most.
show() {
  local command
  for command; do
    echo "\$ $command"
    timeout -k 1 10 bash -c "$command" </dev/null 2>&1 3>&-
  done
}

play_first() { ./rlimits | grep -q '^NOFILE .*[0-9]' && play_table; }
play_table() {
  say "The limits of this shell, and what the kernel says of two of them."
  show ./rlimits "grep -E 'open files|stack' /proc/self/limits"
  look
}
play_forks() {
  say "fork returns twice. No order is promised; each line comes once."
  show ./forks './forks | cat'
  look
}
play_status() {
  say "What wait4 tells: an exit code, or a signal."
  show "./under sh -c 'exit 42'" "./under sh -c 'kill -KILL \$\$'"
  look
}
play_stop() {
  local signal child="" tries=0
  say "Two more events: stopped, continued."
  echo '$ ./under sleep 30 &'
  ./under sleep 30 3>&- &
  pid=$!
  until [[ $(cat "/proc/${child:-none}/comm" 2>/dev/null) == sleep ]] || ((++tries > 200)); do
    child=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) child=${child%% *}
    nap
  done
  for signal in STOP CONT TERM; do
    [[ -n $child ]] || break
    echo "\$ kill -$signal $child"
    kill "-$signal" "$child"
    for tries in {1..10}; do nap; done # that its line comes before our next one
  done
  kill "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  pid=""
  look
}
play_limit() {
  say "Limits for one command: the soft one bites, up to the hard one it may go."
  show "./under --nofile 64:128 grep 'open files' /proc/self/limits" \
    './under --nofile 64:32 true' "./under --cpu 1 sh -c 'while :; do :; done'"
  look
}
play_bite() {
  say "Ten limits of the textbook: a child runs into each."
  show ./bite
  look
}
play_waits() {
  say "Whom to wait for: one child, a group, our group, any; then none is left."
  show './waits 10'
  look
}
play_zombie() {
  say "Ended, and no process has waited for it: state Z. A signal changes nothing."
  show "sh -c 'sleep 0 & exec sleep 1' & sleep 0.3; ps -o pid,ppid,stat,comm --ppid \$!; wait"
  look
}

[[ $# -gt 0 ]] || set -- table forks status stop limit bite waits zombie
for step; do
  declare -F "play_$step" >/dev/null || { echo "demo.sh: no step '$step'" >&2 && exit 2; }
  "play_$step" || exit
done
