#!/usr/bin/env bash
# demo.sh - the session of lab01 for a classroom: no keys to press, about a minute
#
# Usage: bash demo.sh [STEP...]   first start log kill failure enable watchdog blame
# PAUSE=0.5 bash demo.sh          seconds to look at each screen (default 3)
# `first` shows the program alone, anywhere. The others install it as homework.service,
# in the lab VM: `make demo01`. Times are shorter than in the handout.
set -u
export LC_ALL=C SYSTEMD_COLORS=0 SYSTEMD_PAGER='' SYSTEMD_URLIFY=0
cd "$(dirname "$0")" || exit
PAUSE=${PAUSE:-3} log=/tmp/homework_service.log unit=homework.service folder=""
[[ -x ./homework_service ]] || { echo "demo.sh: no ./homework_service: run make first" >&2 && exit 1; }
bold="" plain=""
[[ (-t 1 || -n ${CLICOLOR_FORCE:-}) && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] &&
  bold=$'\e[1m' plain=$'\e[0m'
exec 3<> <(:) # a pipe into which no process writes

say() { printf '\n%s\n' "$bold# $*$plain"; }
look() { read -rt "$PAUSE" -u 3 || :; } # unlike sleep, it ends at once by a signal
show() { echo "\$ $1" && bash -c "$1" 2>&1 </dev/null; }
property() { systemctl show -P "$1" $unit; }

# until_there PROPERTY VALUE: waits until the service is so, not for ever.
until_there() {
  local i
  for ((i = 0; i < 300; i++)); do
    [[ $(property "$1") != "$2" ]] || return 0
    read -rt 0.1 -u 3
  done
}

# beats N: waits for N lines in the log.
beats() {
  local i
  for ((i = 0; i < 600; i++)); do
    [[ ! -e $log || $(wc -l <$log) -lt $1 ]] || return 0
    read -rt 0.05 -u 3
  done
}

# end SIGNAL: sends it to the main process.
end() {
  local pid
  pid=$(property MainPID)
  restarts=$(property NRestarts)
  [[ $pid == 0 ]] || { echo "\$ kill -$1 $pid" && kill "-$1" "$pid"; }
}
back() { until_there NRestarts $((restarts + 1)) && until_there SubState running; }

play_first() {
  say "The program alone: a line on stdout, a beat in its log each interval."
  folder=$(mktemp -d)
  cp homework_service "$folder" && cd "$folder" || return
  show "timeout 0.7 ./homework_service --interval 0.25 --log beats; cat beats"
  cd "$OLDPWD" || return
  look
}

play_start() {
  say "The program and a unit in their places: start returns after READY=1."
  show "install homework_service /usr/local/bin/"
  show "grep -v '^#' homework.service | tee /etc/systemd/system/$unit"
  # for the classroom: a beat each second, a restart after three
  mkdir -p /run/systemd/system/$unit.d
  printf '%s\n' "[Service]" ExecStart= "ExecStart=/usr/local/bin/homework_service --interval 1" \
    RestartSec=3 WatchdogSec=3 LimitCORE=0 >/run/systemd/system/$unit.d/shorter.conf
  show "systemctl daemon-reload; systemctl start $unit; systemctl status -n 5 $unit"
  look
}

play_log() {
  say "A line a second. (The handout's default is 15 seconds.)"
  beats 3
  show "tail -n 3 $log"
  look
}

play_kill() {
  say "Killed: after RestartSec, 3 s here, it is started again. The log has a gap."
  end TERM
  until_there SubState auto-restart
  show "systemctl status -n 0 $unit | grep -E 'Active|Process|Main PID'"
  back
  beats $(($(wc -l <$log) + 1))
  show "systemctl show -p MainPID,NRestarts,Result $unit; tail -n 4 $log"
  look
}

play_failure() {
  say "Restart=on-failure: SIGTERM is no failure, SIGKILL is one."
  printf '[Service]\nRestart=on-failure\n' >/run/systemd/system/$unit.d/policy.conf
  systemctl daemon-reload
  until_there SubState running
  end TERM
  until_there SubState dead
  show "systemctl status -n 0 $unit | grep Active:"
  systemctl start $unit
  end KILL
  until_there SubState auto-restart
  show "systemctl status -n 0 $unit | grep Active:"
  back
  rm /run/systemd/system/$unit.d/policy.conf
  systemctl daemon-reload
  look
}

play_enable() {
  say "At every boot: a link, nothing more."
  show "systemctl enable $unit"
  show "systemctl is-enabled $unit; ls /etc/systemd/system/multi-user.target.wants/ | grep homework"
  look
}

play_watchdog() {
  say "It hangs: 3 s without WATCHDOG=1, and systemd kills and restarts it."
  end STOP
  until_there SubState auto-restart
  show "systemctl status -n 0 $unit | grep -E 'Active|Main PID'"
  back
  look
}

play_blame() {
  say "Which services were slow to start? Ours, it seems. What is in those seconds?"
  end TERM
  back
  show "systemd-analyze blame | head -n 3"
  show "systemctl show $unit | grep -E '^(Inactive|Active|ExecMain).*Monotonic|^RestartUSec='"
  look
}

tidy() {
  [[ -z $folder ]] || rm -rf "$folder"
  [[ -n ${IN_LAB_VM:-} ]] || return 0
  systemctl disable -q --now $unit 2>/dev/null
  rm -rf /etc/systemd/system/$unit /run/systemd/system/$unit.d /usr/local/bin/homework_service $log
  systemctl daemon-reload
}
trap 'trap "" HUP INT TERM; tidy' EXIT
trap 'exit 130' HUP INT TERM

[[ $# -gt 0 ]] || set -- first start log kill failure enable watchdog blame
for step; do
  declare -F "play_$step" >/dev/null || { echo "demo.sh: no step '$step'" >&2 && exit 2; }
  [[ $step == first || -n ${IN_LAB_VM:-} ]] ||
    { echo "demo.sh: '$step' installs a service, in the lab VM: make demo01" >&2 && exit 1; }
done
for step; do
  "play_$step"
done
