#!/usr/bin/env bash
# demo.sh - the session of lab02 for a classroom: no keys to press, under a minute
#
# Usage: bash demo.sh [STEP...]  create again attach lock dest message count kill
#                                first: create, but silent if there is no segment
# PAUSE=0.5 bash demo.sh         seconds to look at each screen (default 3)
set -u
export LC_ALL=C
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3} began=$EPOCHSECONDS
[[ -x shm_creator && -x shm_message && -x shm_count ]] ||
  { echo "demo.sh: the programs are not built: run make first" >&2 && exit 1; }
bold="" plain=""
[[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
exec 3<> <(:) # a pipe into which no process writes
ended=$!      # from here on, $! is the program that was started last

say() { printf '\n%s\n' "$bold# $*$plain"; }
run() { echo "\$ $*" && "$@"; }
look() { read -rt "$PAUSE" -u 3 || :; } # unlike sleep, it ends at once by a signal

# end SIGNAL: sends it to the program, and waits for its end; after 2 s comes SIGKILL.
end() {
  [[ $! != "$ended" ]] || return
  kill "-$1" $! 2>/dev/null
  read -rt 2 -d "" -u 4 _
  (($? <= 128)) || kill -KILL $!
  wait $! 2>/dev/null
  ended=$!
}

# tidy: the program has ended, and no segment that it created is left.
tidy() {
  end TERM
  awk "\$5 == $! && \$14 >= $began { print \"-m\", \$2 }" /proc/sysvipc/shm | xargs -r ipcrm
}
trap 'trap "" HUP INT QUIT PIPE TERM; tidy' EXIT
trap 'exit 130' HUP INT QUIT TERM

# start COMMAND...: in the background; what it prints comes from file descriptor 4.
start() {
  tidy
  exec 4< <(exec "$@" 2>&1)
}

# show N: the next N lines of the program, fewer if it ends or is silent for long.
show() {
  said=""
  for ((n = 0; n < $1; n++)); do
    read -rt $((${PAUSE%.*} + 5)) -u 4 line || break
    said+=$line$'\n'
    echo "$line"
  done
}

# creator HEADLINE ARGUMENT...: the headline, the command, the first four lines.
creator() {
  start ./shm_creator "${@:2}"
  show 4 >/dev/null
  [[ $said =~ ID:\ ([0-9]+).Key:\ (0x[0-9a-f]+) || $step == first ]] ||
    echo "demo.sh: no segment: $said" >&2
  id=${BASH_REMATCH[1]-} key=${BASH_REMATCH[2]-}
  [[ -n $id ]] || exit 1
  say "$1"
  printf '%s\n%s' "\$ ./shm_creator ${*:2} &" "$said"
}

# table: what the kernel says of that segment; and time to look at it.
table() {
  echo '$ ipcs -m'
  ipcs -m | awk -v id="$id" '/^key/ || $2 == id { print; n++ }
    END { if (n < 2) print "(segment " id " is gone)" }'
  look
}

# steps HEADLINE STEP...: a pause before each. stop SIGNAL: the end. Both show the table.
steps() {
  creator "$1" --every "$PAUSE" "${@:2}"
  show $#
  table
}
stop() {
  echo "\$ kill -$1 $!"
  end "$1"
  table
}

play_first() { play_create; }
play_create() {
  creator "Create a segment. No process attaches it: nattch is 0." --time 60
  table
  say "SIGTERM ends the program, and it removes the segment."
  stop TERM
}
play_again() { creator "Once more: the same key, by ftok; another id." --time 60 && look; }
play_attach() { steps "shmat attaches the segment: nattch becomes 1." attach; }
play_lock() { steps "SHM_LOCK keeps it in memory: status locked." lock; }
play_dest() {
  steps "Removed while attached: dest, key 0. It goes with its last process." attach remove
  stop TERM
}
play_message() {
  creator "One process writes and ends. Another one reads what it left." --time 60
  echo "\$ ./shm_message $key write 'hello from another process'"
  ./shm_message "$key" write "hello from another process"
  run ./shm_message "$key" read
  look
}
play_count() {
  say "Four processes count to 25 each: first all at once, then in turn."
  for sync in "" " --sync"; do
    echo "\$ ./shm_count --procs 4 --count 25$sync"
    start ./shm_count --procs 4 --count 25 ${sync:+--sync}
    show 1
  done
  look
}
play_kill() {
  creator "SIGKILL cannot be caught: the segment stays until ipcrm removes it." --time 60
  stop KILL
  run ipcrm -m "$id"
  table
}

[[ $# -gt 0 ]] || set -- create again attach lock dest message count kill
for step; do
  declare -F "play_$step" >/dev/null || { echo "demo.sh: no step '$step'" >&2 && exit 2; }
  "play_$step"
done
