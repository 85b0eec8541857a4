#!/usr/bin/env bash
# demo.sh - the session of lab02 for a classroom: no keys to press, under a minute
#
# Usage: bash demo.sh [STEP...]      steps: create again attach lock dest message count kill; first is create
# PAUSE=0.5 bash demo.sh             seconds to look at each screen (default 3)
set -u
export LC_ALL=C
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3}
[[ -x ./shm_creator ]] || {
  echo "demo.sh: no ./shm_creator: run make first" >&2
  exit 1
}

bold="" plain=""
[[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
out=$(mktemp)
pid="" id=""

# stop SIGNAL: sends it to the program; what has not ended a second later is killed.
stop() {
  { stop_quietly "$1"; } 2>/dev/null # bash would report the kill
}
stop_quietly() {
  [[ -n $pid ]] && kill "-$1" "$pid" 2>/dev/null
  for ((i = 0; i < 100; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.01
  done
  ((i < 100)) || { echo "  (it did not end, and was killed)" && kill -KILL "$pid"; }
  wait "$pid"
  pid=""
}

# No segment of ours outlives the demo, not even after Ctrl-C.
finish() {
  [[ -z $pid ]] || stop TERM
  [[ ! $id =~ ^[0-9]+$ ]] || ipcrm -m "$id" 2>/dev/null
  id=""
}
trap 'finish; rm -f "$out"' EXIT
trap 'exit 130' INT TERM

say() { printf '\n%s\n' "$bold# $*$plain"; }
look() { sleep "$PAUSE"; }

# creator OPTION...: starts the program in the background and shows what it prints first.
creator() {
  finish
  echo "\$ ./shm_creator $* &"
  ./shm_creator "$@" >"$out" 2>&1 &
  pid=$!
  for ((i = 0; i < 100; i++)); do
    (($(wc -l <"$out") >= 4)) && break
    sleep 0.01
  done
  cat "$out"
  id=$(sed -n 's/^ID: //p' "$out")
}

# table: what the kernel says of that segment.
table() {
  echo '$ ipcs -m'
  ipcs -m | awk -v id="$id" '/^key/ { print "  " $0 } $2 == id { print "  " $0; n++ }
    END { if (!n) print "  (segment " id " is not there)" }'
}

create() {
  say "Create a segment. Nobody attaches it: nattch is 0."
  creator --time 60
  table
  look
  say "The program is told to stop: it removes the segment."
  echo "\$ kill $pid"
  stop TERM
  table
  look
}

again() {
  say "The same program again: the same key, for ftok always says the same; a new id."
  creator --time 60
  look
}

attach() {
  say "Attach after a while: nattch goes from 0 to 1."
  creator --time 60 --attach-after "$PAUSE" --stat
  table
  sleep "$PAUSE" && sleep 0.1
  table
  look
}

lock() {
  say "SHM_LOCK keeps it in memory: the status says so."
  creator --time 60 --attach-after 0 --lock-after 0 --stat
  sleep 0.1
  table
  look
}

dest() {
  say "Removed while somebody is attached: status dest, the key is 0; it is there until the last one leaves."
  creator --time 60 --attach-after 0 --remove-after "$PAUSE" --stat
  table
  sleep "$PAUSE" && sleep 0.1
  table
  look
}

message() {
  say "Two processes, one message. The writer is gone when the reader comes."
  creator --time 60
  echo '$ ./shm_creator --write "hello from another process"'
  ./shm_creator --write "hello from another process"
  echo '$ ./shm_creator --read'
  ./shm_creator --read
  look
}

count() {
  say "Four processes add to one counter. First each as it likes, then one at a time."
  finish
  for sync in "" " --sync"; do
    echo "\$ ./shm_creator --time 0 --count 25 --procs 4$sync | tail -n 1"
    # shellcheck disable=SC2086
    ./shm_creator --time 0 --count 25 --procs 4 $sync | tail -n 1
  done
  look
}

kill_() {
  say "SIGKILL cannot be caught: the segment stays, with nobody to use it. ipcrm removes it."
  creator --time 60
  echo "\$ kill -KILL $pid"
  stop KILL
  table
  echo "\$ ipcrm -m $id"
  ipcrm -m "$id"
  table
  look
}

[[ $# -gt 0 ]] || set -- create again attach lock dest message count kill
for step; do
  case $step in
  first) create ;;
  create | again | attach | lock | dest | message | count) "$step" ;;
  kill) kill_ ;;
  *)
    echo "demo.sh: no step '$step'" >&2
    exit 2
    ;;
  esac
done
