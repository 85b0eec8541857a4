# shellcheck shell=bash
# The service manager: units of this run's own, what systemd says of them, and a socket that stands in
# for systemd's. All that was deployed or enabled is gone when the check is over.

declare -ga units=()
UNITS=/run/systemd/system

# deploy NAME [KEY=VALUE]... -- ARGUMENT...: makes the submission's $UNIT a unit of this run's own, for the
# program under test with these arguments; the keys are added to its [Service]. Sets unit.
deploy() {
  local name=$1 line keys=()
  shift
  while [[ $1 != -- ]]; do
    keys+=("$1")
    shift
  done
  unit=labs-$BASHPID-$name.service
  has_unit || return
  units+=("$unit")
  at_end=(units_clear)
  while IFS= read -r line || [[ -n $line ]]; do
    [[ ! $line =~ ^ExecStart\ *=\ *"$INSTALLED"(.*)$ ]] || line="ExecStart=$PROGRAM${BASH_REMATCH[1]} ${*:2}"
    printf '%s\n' "$line"
  done <"$UNIT" >"$UNITS/$unit"
  mkdir -p "$UNITS/$unit.d"
  printf '%s\n' "[Unit]" "StartLimitIntervalSec=0" "[Service]" "LimitCORE=0" "${keys[@]}" >"$UNITS/$unit.d/labs.conf"
}

# has_unit: there is a unit file to look at.
has_unit() {
  [[ -e $UNIT ]] || wrong expected "$LAB/${UNIT##*/}" kernel "there is no such file"
}

# prop NAME [UNIT]: what systemd says of the unit.
prop() { systemctl show -P "$1" "${2:-$unit}"; }

# prop_is NAME VALUE [UNIT]: for eventually.
prop_is() { [[ $(prop "$1" "${3:-$unit}") == "$2" ]]; }

# started [UNIT]...: starts what was deployed; sets pid, the main process of the last one. What the student
# could type for that is shown.
started() {
  local -a these=("$@")
  (($# > 0)) || these=("$unit")
  note ran "systemctl start ${UNIT##*/}  # here: $unit"
  systemctl daemon-reload
  timeout 20 systemctl start "${these[@]}" 2>/dev/null ||
    wrong expected "systemctl start succeeds" kernel "$(prop ActiveState) ($(prop SubState)), Result=$(prop Result)" \
      journal "$(journal | tail -n 1)" likely "$(why_not_started)" || return
  run=$BATS_TEST_TMPDIR/$unit # where beats and others look for what it said; that is in the journal
  : >"$run.err"
  pid=$(prop MainPID)
}

why_not_started() {
  case "$(prop Type) $(prop Result)" in
  "forking timeout") echo "Type=forking waits until the process has made another and has ended; ours stays" ;;
  *timeout) echo "Type=notify, and READY=1 does not come" ;;
  *protocol) echo "it ended before it had said READY=1" ;;
  *exit-code) echo "it ended with $(prop ExecMainStatus): 203 is a program that cannot be executed" ;;
  *) [[ $(prop LoadState) == loaded ]] || echo "systemd-analyze verify says what is wrong with the unit" ;;
  esac
}

# journal [UNIT]: what the program said.
# shellcheck disable=SC2120 # not every lab asks for another
journal() { journalctl --no-pager -q -o cat "_SYSTEMD_UNIT=${1:-$unit}" 2>/dev/null; }

# units_clear: stops and removes them.
units_clear() {
  ((${#units[@]} > 0)) || return 0
  local each
  systemctl kill -s KILL "${units[@]}" 2>/dev/null || :
  systemctl stop "${units[@]}" 2>/dev/null || :
  for each in "${units[@]}"; do
    rm -rf "${UNITS:?}/$each" "$UNITS/$each.d" "$UNITS"/*.wants/"$each"
  done
  systemctl daemon-reload
  systemctl reset-failed "${units[@]}" 2>/dev/null || :
  units=()
}

# listen NAME: a socket of this name (with '@': one without a file) that takes what a service would tell
# systemd; messages has it, a line each, moments the same with the time. Sets before and as, for start.
listen() {
  rm -f messages moments
  perl -MSocket -e '
    (my $path = $ARGV[0]) =~ s/^@/\0/;
    socket my $in, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
    bind $in, pack_sockaddr_un($path) or die "bind: $!";
    $| = 1;
    print "listening\n";
    print map "$_\n", split /\n/, $message while defined recv $in, $message, 4096, 0' "$1" 2>&1 </dev/null 3>&- > >(
    while IFS= read -r line; do
      echo "$line" >>messages
      echo "$EPOCHREALTIME $line" >>moments
    done 3>&-
  ) &
  listener=$!
  at_end=(listener_ends)
  eventually test -s messages
  before=(env "NOTIFY_SOCKET=$1") as="NOTIFY_SOCKET=$1"
}

listener_ends() {
  kill "$listener" 2>/dev/null || :
  wait "$listener" 2>/dev/null || :
}

# heard PATTERN [N]: for eventually: N such messages (one) have come.
heard() { (($(grep -cxE "$1" messages) >= ${2:-1})); }
