#!/usr/bin/env bash
# demo.sh - the session of lab01 for a classroom: no keys to press, about a minute
#
# Usage: bash demo.sh [STEP...]   steps: first start log kill failure enable watchdog blame
# PAUSE=0.5 bash demo.sh          seconds to look at each screen (default 3)
# `first` shows the program alone, anywhere. The others install it as homework.service, which belongs
# into the lab VM: `make demo01` does them there. Times are shorter than in the handout.
set -u
export LC_ALL=C SYSTEMD_COLORS=0 SYSTEMD_PAGER='' SYSTEMD_URLIFY=0
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3}
[[ -x ./homework_service ]] || {
  echo "demo.sh: no ./homework_service: run make first" >&2
  exit 1
}

bold="" plain=""
[[ (-t 1 || -n ${CLICOLOR_FORCE:-}) && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] && bold=$'\e[1m' plain=$'\e[0m'
log=/tmp/homework_service.log folder=""
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

say() { printf '\n%s\n' "$bold# $*$plain"; }
look() { sleep "$PAUSE"; }
# show COMMAND: prints it and runs it in a shell, ten seconds at most.
show() {
  echo "\$ $1"
  timeout 10 bash -c "$1" </dev/null 2>&1
}
# until_it_is STATE: waits for that sub-state, some seconds at most.
until_it_is() {
  local i
  for ((i = 0; i < 100; i++)); do
    [[ $(systemctl show -P SubState homework.service) != "$1" ]] || return 0
    sleep 0.1
  done
}
main() { systemctl show -P MainPID homework.service; }
# end SIGNAL: sends it to the main process.
end() {
  local pid
  pid=$(main)
  [[ $pid != 0 ]] || return
  echo "\$ kill -$1 $pid"
  kill "-$1" "$pid"
}

first() {
  say "The program alone: a line on stdout, and a beat in its log every so often; SIGTERM ends it."
  folder=$(mktemp -d)
  show "timeout 0.7 ./homework_service --interval 0.25 --log $folder/beats; cat $folder/beats"
  look
}

start() {
  say "A program in its place, a unit in its place: systemd starts it, and waits for its READY=1."
  show "install homework_service /usr/local/bin/"
  show "cp homework.service /etc/systemd/system/ && cat /etc/systemd/system/homework.service"
  # for the classroom: a beat each second, and a restart after three
  mkdir -p /run/systemd/system/homework.service.d
  printf '%s\n' "[Service]" ExecStart= "ExecStart=/usr/local/bin/homework_service --interval 1" RestartSec=3 WatchdogSec=3 LimitCORE=0 \
    >/run/systemd/system/homework.service.d/shorter.conf
  show "systemctl daemon-reload; systemctl start homework.service; systemctl status -n 5 homework.service"
  look
}

log() {
  say "Once a second a line (the handout's default is 15 seconds)."
  sleep 2
  show "tail -n 3 $log"
  look
}

kill_() {
  say "Killed: systemd waits RestartSec, here 3 s, and starts it again. In the log there is a gap."
  end TERM
  until_it_is auto-restart
  show "systemctl status -n 0 homework.service | grep -E 'Active|Process|Main PID'"
  until_it_is running
  sleep 1.2
  show "systemctl show -p MainPID,NRestarts,Result homework.service; tail -n 4 $log"
  look
}

failure() {
  say "Restart=on-failure would not have done it: SIGTERM is no failure. SIGKILL is one."
  printf '[Service]\nRestart=on-failure\n' >/run/systemd/system/homework.service.d/policy.conf
  systemctl daemon-reload
  for signal in TERM KILL; do
    until_it_is running
    end "$signal"
    [[ $signal == TERM ]] && until_it_is dead || until_it_is auto-restart
    show "systemctl status -n 0 homework.service | grep Active:"
    [[ $signal == KILL ]] || systemctl start homework.service
  done
  rm /run/systemd/system/homework.service.d/policy.conf
  systemctl daemon-reload
  until_it_is running
  look
}

enable() {
  say "At every boot: a link, nothing more."
  show "systemctl enable homework.service"
  show "systemctl is-enabled homework.service; ls -l /etc/systemd/system/multi-user.target.wants/ | grep -o 'homework.*'"
  look
}

watchdog() {
  say "It hangs (SIGSTOP): three seconds without WATCHDOG=1, and systemd kills it and starts it again."
  end STOP
  until_it_is auto-restart
  show "systemctl status -n 0 homework.service | grep -E 'Active|Main PID'"
  until_it_is running
  look
}

blame() {
  say "Which services were slow to start? Ours, it seems. It is RestartSec that is in there: 3 s, and a little."
  end TERM
  until_it_is auto-restart
  until_it_is running
  show "systemd-analyze blame | head -n 3"
  show "systemctl show -p ActiveState,SubState,ExecMainStartTimestamp,ExecMainExitTimestamp,RestartUSec homework.service"
  look
}

clean_up() {
  systemctl disable -q --now homework.service 2>/dev/null
  rm -rf /etc/systemd/system/homework.service /run/systemd/system/homework.service.d /usr/local/bin/homework_service "$log"
  systemctl daemon-reload
}

[[ $# -gt 0 ]] || set -- first start log kill failure enable watchdog blame
for step; do
  case $step in
  first | start | log | kill | failure | enable | watchdog | blame) ;;
  *)
    echo "demo.sh: no step '$step'" >&2
    exit 2
    ;;
  esac
  [[ $step == first || -n ${IN_LAB_VM:-} ]] || {
    echo "demo.sh: '$step' installs a service, in the lab VM: make demo01" >&2
    exit 1
  }
done
[[ -z ${IN_LAB_VM:-} ]] || trap clean_up EXIT
for step; do
  [[ $step == kill ]] && kill_ || "$step"
done
