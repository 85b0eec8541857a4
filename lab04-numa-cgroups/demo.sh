#!/usr/bin/env bash
# demo.sh - the session of lab04 for a classroom: no keys to press, about a minute
#
# Usage: bash demo.sh [STEP...]   nodes hand limit unit lives weights slice
#                                 first: works anywhere
# PAUSE=0.5 bash demo.sh          seconds to look at each screen (default 3)
# It needs root, cgroup v2, systemd and two nodes, as in the lab VM: `make demo04` does it there.
set -u
export LC_ALL=C SYSTEMD_COLORS=0 SYSTEMD_PAGER='' SYSTEMD_URLIFY=0
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3}
[[ -x topology && -x place && -x limit && -x weigh && -x hog ]] ||
  { echo "demo.sh: the programs are not built: run make first" >&2 && exit 1; }
bold="" plain=""
[[ (-t 1 || -n ${CLICOLOR_FORCE:-}) && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
exec 3<> <(:) # a pipe into which no process writes
units=()

say() { printf '\n%s\n' "$bold# $*$plain"; }
look() { read -rt "$PAUSE" -u 3 || :; }
# show COMMAND: prints it, and runs it in a shell.
show() {
  echo "\$ $1"
  bash -c "$1" </dev/null 2>&1
}

# tidy: nothing of it stays. A signal waits until that is done.
tidy() {
  trap "" HUP INT QUIT PIPE TERM
  ((${#units[@]} == 0)) || {
    systemctl stop "${units[@]}"
    rm -rf /run/systemd/system/testing.slice /run/systemd/system.control/testing.slice.d
    systemctl daemon-reload
    systemctl reset-failed "${units[@]}"
  } 2>/dev/null
}
trap tidy EXIT
trap 'exit 130' HUP INT QUIT TERM

# hog_in UNIT SLICE MIB PROPERTY...: a hog as a unit; waits until it has its memory, or has ended.
hog_in() {
  local now=0
  units+=("$1.service")
  show "systemd-run -q --unit=$1 --slice=$2 ${*:4} \\
  $PWD/hog ${3}M --time 60"
  while [[ $(systemctl show -P ActiveState "$1") == active ]] && { [[ ! $now =~ ^[0-9]+$ ]] || ((now < $3 << 20)); }; do
    now=$(systemctl show -P MemoryCurrent "$1")
  done
}

# bars: the shares as bars, below the command.
bars() {
  awk '/^weight/ { printf "%-12s%s %s\n", $1 " " $2, substr("########################################", 1, $NF * 40), $NF; next } 1'
}

play_first() {
  say "The nodes of this machine, and of one that has gaps between them."
  show './topology'
  show './topology --sysroot sysroots/gaps | tail -n 6'
  look
}
play_nodes() {
  say "Two nodes. A page comes from the node of the CPU that touches it first,"
  say "or from the one that it is bound to."
  show './topology'
  show './place --cpu 0'
  show './place --cpu 0 --node 1'
  look
}
play_hand() {
  say "A control group by hand: a directory, and files of text."
  show 'cd $PLACE && mkdir small && echo "+memory +cpu +pids" > cgroup.subtree_control
  echo 150M > small/memory.max && cat small/memory.max && rmdir small'
  look
}
play_limit() {
  say "300 MiB under a limit of 150: malloc succeeds, using them does not."
  show './limit memory.max=150M -- ./hog 300M'
  look
}
play_unit() {
  say "The same by systemd: it makes the group, and reads memory.events."
  hog_in highload testing2.slice 300 -p MemoryMax=150M -p MemorySwapMax=0
  show 'systemctl status --no-pager -n 3 highload'
  look
}
play_lives() {
  say "100 MiB fit. 150 do not: the group pays for page tables, too."
  show './limit memory.max=150M -- ./hog 150M | tail -n 1'
  show './limit memory.max=150M -- ./hog 100M | tail -n 1'
  look
}
play_weights() {
  say "Weights 100 and 300 on one CPU, then with a CPU for each: no limit."
  show './weigh 100 300' | bars
  show './weigh 100@0 300@1' | bars
  look
}
play_slice() {
  say "A limit for a slice: 150M for two units of 100M, together."
  units+=(testing.slice)
  show 'cp testing.slice /run/systemd/system/ && systemctl daemon-reload'
  show 'grep = testing.slice'
  hog_in one testing.slice 100
  hog_in two testing.slice 100
  show 'systemctl show -p Id,ActiveState,Result one two'
  show 'systemd-cgls --no-pager /testing.slice'
  look
  say "More for the slice while it runs."
  show 'systemctl set-property --runtime testing.slice MemoryMax=300M'
  show 'systemctl show -p MemoryMax testing.slice'
  look
}

[[ $# -gt 0 ]] || set -- nodes hand limit unit lives weights slice
for step; do
  declare -F "play_$step" >/dev/null || { echo "demo.sh: no step '$step'" >&2 && exit 2; }
done
# Groups are made in one that systemd delegates.
[[ -n ${PLACE:-} || $* == first ]] || exec sh delegated.sh bash "$PWD/demo.sh" "$@"
for step; do
  "play_$step"
done
