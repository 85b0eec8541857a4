#!/usr/bin/env bash
# demo.sh - the experiments of lab05 for a classroom: no keys to press, about a minute, safe as root
#
# Usage: bash demo.sh [STEP...]      steps: table fork run stop limit try wait zombie; first is table
# PAUSE=0.5 bash demo.sh             seconds to look at each screen (default 3)
set -u
export LC_ALL=C
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3}
[[ -x ./limits ]] || {
  echo "demo.sh: no ./limits: run make first" >&2
  exit 1
}

bold="" plain=""
[[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
pid=""
trap '[[ -z $pid ]] || kill -KILL $pid 2>/dev/null' EXIT
trap 'exit 130' INT TERM

say() { printf '\n%s\n' "$bold# $*$plain"; }
look() { sleep "$PAUSE"; }
# show COMMAND: prints it and runs it in a shell, ten seconds at most.
show() {
  echo "\$ $1"
  timeout 10 bash -c "$1" </dev/null 2>&1
}

table() {
  say "The sixteen limits of this shell, and what the kernel says of two of them."
  show './limits table'
  show 'grep -E "open files|stack" /proc/self/limits'
  look
}

fork() {
  say "fork returns twice. The order is nobody's promise; through a pipe each line still comes once."
  show './limits fork'
  show './limits fork | cat'
  look
}

run() {
  say "What wait4 tells: an exit code, a signal."
  show "./limits run sh -c 'exit 42'"
  show "./limits run sh -c 'kill -KILL \$\$'"
  look
}

stop() {
  say "Two more events: stopped, continued."
  echo '$ ./limits run sleep 30 &'
  ./limits run sleep 30 &
  pid=$!
  for ((i = 0; i < 100; i++)); do
    child=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
    child=${child%% *}
    [[ -z $child ]] || break
    sleep 0.01
  done
  for signal in STOP CONT TERM; do
    [[ -n ${child:-} ]] || break
    sleep 0.1
    echo "\$ kill -$signal $child"
    kill "-$signal" "$child"
    sleep 0.1
  done
  kill "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  pid=""
  look
}

limit() {
  say "A limit for one command. SOFT is what bites, HARD is how far SOFT may go."
  show './limits run --nofile 64:128 grep "open files" /proc/self/limits'
  show './limits run --nofile 64:32 true'
  show "./limits run --cpu 1 sh -c 'while :; do :; done'"
  look
}

try() {
  say "The ten limits of the textbook's table, each run into by a child of its own."
  show './limits try'
  look
}

wait_() {
  say "Whom to wait for: one child, a group, our own group, anyone; in the end there is nobody left."
  show './limits wait 10'
  look
}

zombie() {
  say "A child that has ended and that nobody has waited for: state Z. It cannot be killed, it is dead."
  show 'sh -c "sleep 0 & exec sleep 1" & sleep 0.3; ps -o pid,ppid,stat,comm --ppid $!; wait'
  look
}

[[ $# -gt 0 ]] || set -- table fork run stop limit try wait zombie
for step; do
  case $step in
  first) table ;;
  wait) wait_ ;;
  table | fork | run | stop | limit | try | zombie) "$step" ;;
  *)
    echo "demo.sh: no step '$step'" >&2
    exit 2
    ;;
  esac
done
