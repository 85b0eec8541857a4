#!/usr/bin/env bash
# demo.sh - the session of lab04 for a classroom: no keys to press, about a minute
#
# Usage: bash demo.sh [STEP...]   steps: first nodes limit unit lives weights slice
# PAUSE=0.5 bash demo.sh          seconds to look at each screen (default 3)
# `first` works anywhere. The others want root, cgroup v2, systemd and two nodes, as in the lab VM:
# `make demo04` does them there.
set -u
export LC_ALL=C SYSTEMD_COLORS=0 SYSTEMD_PAGER='' SYSTEMD_URLIFY=0
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3}
[[ -x ./resources ]] || {
  echo "demo.sh: no ./resources: run make first" >&2
  exit 1
}

bold="" plain=""
[[ (-t 1 || -n ${CLICOLOR_FORCE:-}) && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
units=() deployed=""
# nothing of it stays
clear() {
  ((${#units[@]} == 0)) || systemctl stop "${units[@]}" 2>/dev/null
  ((${#units[@]} == 0)) || systemctl reset-failed "${units[@]}" 2>/dev/null
  [[ -z $deployed ]] || { rm -rf "$deployed" /run/systemd/system.control/testing.slice.d && systemctl daemon-reload; }
  units=() deployed=""
}
trap clear EXIT
trap 'exit 130' INT TERM

say() { printf '\n%s%s%s\n' "$bold" "$(fold -sw 80 <<<"# $*")" "$plain"; }
look() { sleep "$PAUSE"; }
# show COMMAND: prints it and runs it in a shell, ten seconds at most.
show() {
  echo "\$ $1"
  timeout 10 bash -c "$1" </dev/null 2>&1
}
# hog_in UNIT SLICE MIB PROPERTY...: a hog as a unit; waits until it has its memory, or has ended.
hog_in() {
  local i now
  units+=("$1.service")
  show "systemd-run -q --unit=$1 --slice=$2 ${*:4} \\
  $PWD/resources hog --vm-bytes ${3}M --timeout 8"
  for ((i = 0; i < 100; i++)); do
    now=$(systemctl show -P MemoryCurrent "$1")
    [[ $(systemctl show -P ActiveState "$1") == active && $now =~ ^[0-9]+$ ]] && ((now < $3 << 20)) || break
  done
}

first() {
  say "The nodes of this machine: their CPUs, their memory, how far they are from each other."
  show './resources topology'
  show './resources topology --sysroot sysroots/memoryless'
  look
}

nodes() {
  say "Two nodes. A page comes from the node of the CPU that touches it first, or from the one it is bound to."
  show 'numactl --hardware'
  show './resources place --cpu 0'
  show './resources place --cpu 0 --node 1'
  look
}

limit() {
  say "300 MiB under a limit of 150 MiB, by hand: malloc says yes, and whoever touches it all is killed."
  show './resources run --memory.max 150M ./resources hog --vm-bytes 300M'
  look
}

unit() {
  say "The same by systemd: it makes the group, writes memory.max, and reads memory.events."
  hog_in highload testing2.slice 300 -p MemoryMax=150M -p MemorySwapMax=0
  show 'systemctl status --no-pager -n 3 highload'
  look
}

lives() {
  say "100 MiB fit; 150 do not, for the group pays for page tables too."
  show './resources run --memory.max 150M ./resources hog --vm-bytes 150M | tail -n 1'
  show './resources run --memory.max 150M ./resources hog --vm-bytes 100M'
  look
}

weights() {
  # bars: the shares as bars, below the command as it is
  bars() { awk '/^\$/ { print; next } { printf "%-12s%s %s\n", $1 " " $2, substr("########################################", 1, $NF * 40), $NF }'; }
  say "Weights 100 and 300 on one busy CPU, then with a CPU for each: a weight is not a limit."
  show './resources weigh --cpu 1 --ms 2000 100 300' | bars
  show './resources weigh --cpu 0,1 --ms 2000 100 300' | bars
  look
}

slice() {
  say "A limit for all in a slice: two units of 100M, and 150M for both together."
  deployed=/run/systemd/system/testing.slice units+=(testing.slice)
  show 'cp testing.slice /run/systemd/system/; systemctl daemon-reload'
  show 'grep = testing.slice'
  hog_in one testing.slice 100
  hog_in two testing.slice 100
  show 'systemctl show -p Id,ActiveState,Result one two'
  show 'systemd-cgls --no-pager /testing.slice'
  say "More for the slice while it runs."
  show 'systemctl set-property --runtime testing.slice MemoryMax=300M'
  show 'systemctl show -p MemoryMax testing.slice'
  look
}

[[ $# -gt 0 ]] || set -- nodes limit unit lives weights slice
for step; do
  case $step in
  first | nodes | limit | unit | lives | weights | slice) "$step" ;;
  *)
    echo "demo.sh: no step '$step'" >&2
    exit 2
    ;;
  esac
done
