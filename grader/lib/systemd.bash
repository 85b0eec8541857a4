# shellcheck shell=bash
# The service manager: units of this run's own, what systemd says of them, and a socket that stands in for
# systemd's. All that was deployed is gone when the check is over.

declare -ga units=()
declare -gA prop=()
SYSTEMCTL="systemctl${MANAGER:+ --user}" # as it is typed
UNITS=/run/systemd/system
[[ -z ${MANAGER-} ]] || UNITS=$XDG_RUNTIME_DIR/systemd/user
systemctl() { command systemctl "${MANAGER[@]}" "$@"; }

# deploy NAME [KEY=VALUE]... -- ARGUMENT...: makes the submission's $UNIT a unit of this run's own, for the
# program under test with these arguments. Keys are added to it, and what keeps a check short; then its main
# process is in $unit.pid, and each end of that becomes a line in $unit.ends. Sets unit, LOG and run, for beats.
# A unit that systemd has not met is read without daemon-reload, which is slow; so is each call of systemctl.
deploy() {
  local name=$1 line limit=$((2 + 2 * SLOW / 100)) keys=()
  shift
  while [[ $1 != -- ]]; do
    keys+=("$1")
    shift
  done
  has_unit || return
  unit=labs-$BASHPID-$name.service
  units+=("$unit")
  at_end=(units_clear) WAIT_TIMEOUT=8 # systemd has more to do than a program
  # shellcheck disable=SC2034 # for the lab
  LOG=$PWD/log run=$BATS_TEST_TMPDIR/$unit
  : | tee "$run.err" >"$unit.ends"
  rm -f log
  mkdir -p "$UNITS"
  while IFS= read -r line || [[ -n $line ]]; do
    [[ ! $line =~ ^ExecStart\ *=\ *"$INSTALLED"(.*)$ ]] || line="ExecStart=$PROGRAM${BASH_REMATCH[1]} ${*:2}"
    printf '%s\n' "$line"
  done <"$UNIT" >"$UNITS/$unit"
  ((${#keys[@]} == 0)) || printf '%s\n' "" "[Unit]" StartLimitIntervalSec=0 CollectMode=inactive-or-failed \
    "[Service]" LimitCORE=0 "TimeoutStartSec=$limit" "TimeoutStopSec=$limit" "${keys[@]}" \
    "ExecStartPost=/bin/sh -c 'echo \$MAINPID >$PWD/$unit.pid'" \
    "ExecStopPost=/bin/sh -c 'echo \$SERVICE_RESULT \$EXIT_CODE \$EXIT_STATUS >>$PWD/$unit.ends'" >>"$UNITS/$unit"
}

# has_unit: there is a unit file to look at.
has_unit() {
  [[ -e $UNIT ]] || wrong expected "$LAB/${UNIT##*/}" kernel "there is no such file"
}

# ask NAME...: sets prop[NAME] to what systemd says of the unit.
ask() {
  local key value names="$*"
  while IFS="=" read -r key value; do
    prop[$key]=$value
  done < <(systemctl show -p "${names// /,}" "$unit")
}

# property NAME: an observer for becomes.
property() {
  ask "$1"
  value=${prop[$1]}
}

# ends_as: an observer: how the main process of the unit ended last: RESULT, "exited" or "killed", status.
ends_as() { value=$(tail -n 1 "$unit.ends"); }

# ended_as END [N]: the main process ended so, N times at least (once).
ended_as() {
  ended_often() { (($(grep -cx "$1" "$unit.ends") >= $2)); }
  eventually ended_often "$1" "${2:-1}" || :
  ends_as
  same "the end of its main process" "$1" "$value" _ "success killed TERM=it has to end by itself, with exit 0" \
    "timeout*=SIGTERM did not end it, SIGKILL did" "protocol*=READY=1, or exit 1" \
    "exit-code*=SIGTERM is no failure: exit 0" "success exited 0=an error: exit 1" "=it goes on" || return
  ended_often "$1" "${2:-1}" || wrong expected "$1, ${2:-1} times" kernel "once" likely "Restart=always"
}

# serves NAME KEY=VALUE...: deploys the submission's unit so, starts it, and waits for its first beat.
serves() {
  deploy "$@" -- --interval 1000 --log "$PWD/log" && started && beats 1
}

# kill_main SIGNAL: to the main process.
kill_main() {
  note ran "kill -$1 \$($SYSTEMCTL show -P MainPID homework)"
  main_is_there() { read -r pid <"$unit.pid" && kill -0 "$pid" 2>/dev/null; } # of a restart, ExecStartPost= tells it
  eventually main_is_there || :
  kill "-$1" "$pid" 2>/dev/null || :
}

# started: starts what was deployed; sets pid, the main process.
started() {
  note ran "$SYSTEMCTL start ${UNIT##*/}  # here: $unit"
  systemctl start "$unit" 2>/dev/null || {
    ask LoadState Type
    ends_as
    wrong expected "systemctl start succeeds" kernel "it fails; main process: ${value:-(none)}" \
      journal "$(journal && echo "${value##*$'\n'}")" likely "$(why_not_started)" || return
  }
  read -r pid <"$unit.pid"
}

why_not_started() {
  case "${prop[Type]} $value" in
  "forking timeout"*) echo "Type=forking waits until the process has made another and has ended; ours stays" ;;
  *" timeout"*) echo "Type=notify waits for READY=1, which does not come from the main process" ;;
  *" protocol"*) echo "it ended before it had said READY=1" ;;
  *" exit-code"*) echo "status 203 is a program that cannot be executed" ;;
  *) [[ ${prop[LoadState]} == loaded ]] || echo "systemd-analyze verify says what is wrong with the unit" ;;
  esac
}

# journal: an observer: what the unit's program said.
journal() { value=$(journalctl --no-pager -q -o cat "_SYSTEMD_${MANAGER:+USER_}UNIT=$unit" 2>/dev/null); }

# units_clear: stops and removes them.
units_clear() {
  ((${#units[@]} > 0)) || return 0
  systemctl stop "${units[@]}" 2>/dev/null || :
  rm -f "${units[@]/#/$UNITS/}"
  units=()
}

# listen NAME: a socket of this name (with '@': one without a file) that takes what a service would tell systemd;
# messages has it, a line each.
listen() {
  [[ -z ${listener-} ]] || listener_ends
  rm -f messages
  perl -MSocket -e '
    (my $path = $ARGV[0]) =~ s/^@/\0/;
    socket my $in, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    bind $in, pack_sockaddr_un($path) or die "bind: $!";
    $| = 1;
    print "listening\n";
    print map "$_\n", split /\n/, $message while defined recv $in, $message, 4096, 0' "$1" \
    >messages 2>&1 </dev/null 3>&- &
  listener=$!
  at_end=(listener_ends)
  eventually test -s messages
}

listener_ends() {
  kill -TERM "$listener" 2>/dev/null || :
  wait "$listener" 2>/dev/null || :
}

# heard PATTERN N: for eventually: N such messages have come.
heard() { (($(grep -cxE "$1" messages) >= $2)); }

# hears PATTERN [N [HINT]]: waits for N such messages (one).
hears() {
  eventually heard "$1" "${2:-1}" || wrong expected "${2:-1} times $1 at NOTIFY_SOCKET" \
    program "$(tail -n +2 messages | paste -sd ' ')" stderr "$(head -n 1 "$run.err")" likely "${3-}"
}
