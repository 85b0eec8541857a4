#!/usr/bin/env bats
# The checks of lab01, task by task; each title is a promise of README.md, with its points.
# The verbs (start, finish, same ...) are in grader/lib/checks.bash, those about units in systemd.bash.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"
# shellcheck source=grader/lib/systemd.bash
source "$GRADER/lib/systemd.bash"

RUN_TIMEOUT=20
MAY_HOLD="*" # a service keeps its log open
UNIT=${PROGRAM%/*}/homework.service
ANSWERS=${PROGRAM%/*}/blame.txt
INSTALLED=/usr/local/bin/homework_service # as ExecStart has it

# lines N [FILE]: for eventually: the log has N lines or more.
lines() { [[ -e ${2:-log} ]] && (($(wc -l <"${2:-log}") >= $1)); }

lines_or_over() { lines "$@" || over; }

# beats N [FILE [HINT]]: waits for N lines in the log of the running program.
beats() {
  local file=${2:-log}
  eventually lines_or_over "$1" "$file" && lines "$1" "$file" && return
  alive "${3-"it has to go on until a signal ends it; is each task's part there?"}" || return
  wrong expected "line $1 in the log, while it runs" kernel "$(wc -l 2>/dev/null <"$file" || echo no) lines in the log" \
    stderr "$(head -n 1 "$run.err")" \
    likely "${3-"the first comes at the start, and each is there when write(2) has been called; stdio keeps it in a buffer"}"
}

# alive HINT: the running program goes on.
alive() {
  over || return 0
  finish
  wrong expected "it goes on" program "$(cause "$end")" stderr "$stderr" likely "$1"
}

# dated LINE SECOND [ZONE]: it is a beat's, and has a date between that second and now.
dated() {
  local second format
  for ((second = $2; second <= EPOCHSECONDS; second++)); do
    for format in '%a %b %e %I:%M:%S %p %Z %Y' '%a %b %e %H:%M:%S %Z %Y'; do
      [[ $1 != "Service heartbeat: $(LC_ALL=C ${3:+env "TZ=$3"} date -d "@$second" "+$format")" ]] || return 0
    done
  done
  return 1
}

# log_fds: the descriptors of the program that are open on a file of this name, `fd path`.
log_fds() {
  local fd
  for fd in "/proc/$pid/fd"/*; do
    [[ $(readlink "$fd") != "$PWD/$1"* ]] || echo "${fd##*/} $(readlink "$fd")"
  done
}

# soon SIGNAL: the signal ends the running program within a moment, with exit 0.
soon() {
  local likely="with an interval of 50 s it sleeps; the signal has to wake it: sigtimedwait(2), or a handler and EINTR"
  finish "$1"
  case $end in
  signal*) likely="SIG$1 has to be waited for, or caught; then it ends by itself" ;;
  exit*) likely="to be told to end is no failure: the status is 0" ;;
  esac
  ended "exit 0" "$likely"
}

# ---- task 1: a heartbeat --------------------------------------------------------------------------

@test "1.1 it says on stdout that it has started, at once, and beats [3]" {
  reads="setvbuf(3), open(2)"
  start --interval 50 --log log
  beats 1
  eventually grep -q . "$run.out" ||
    wrong expected "My custom service has started." program "(nothing, while it runs)" likely "stdout is no terminal here: its buffer has to be flushed"
  finish TERM
  shape stdout.txt
  [[ $(stat -c %A log) == -rw* ]] || wrong expected "a log that its owner may read and write" kernel "$(stat -c %A log)" likely "the third argument of open(2)"
  same "lines in the log, after a moment of an interval of 50 s" 1 "$(wc -l <log)" _ "0=the first beat comes at the start" \
    "*=one beat at the start, and the next after the interval"
}

@test "1.2 a line has the date as date(1) prints it, in the local time [3]" {
  reads="strftime(3), localtime(3)"
  local zone hours begin second line likely="localtime(3), and the whole of %a %b %e %I:%M:%S %p %Z %Y"
  pick hours 1 11
  one_of zone "LAB-$hours" "LAB$hours"
  before=(env "TZ=$zone") as="TZ=$zone"
  printf -v begin '%(%s)T' -1
  start --interval 50 --log log
  beats 1
  line=$(head -n 1 log)
  ! dated "$line" "$begin" "$zone" || return 0
  for ((second = begin; second <= EPOCHSECONDS; second++)); do
    [[ $line != *" $(TZ=UTC0 date -d "@$second" +%H:%M:%S) "* && $line != *" $(TZ=UTC0 date -d "@$second" +%I:%M:%S) "* ]] ||
      likely="that is the time in UTC: gmtime(3); localtime(3) is wanted"
  done
  wrong expected "Service heartbeat: $(LC_ALL=C TZ=$zone date '+%a %b %e %I:%M:%S %p %Z %Y')" program "$line" likely "$likely"
}

@test "1.3 a beat each interval, also when writing takes long: no drift [4]" {
  requires strace
  reads="clock_gettime(2) (CLOCK_MONOTONIC), clock_nanosleep(2) (TIMER_ABSTIME)"
  local interval slow=40 late=30 took
  WAIT_TIMEOUT=12
  local sleeps='?rt_sigtimedwait,?clock_nanosleep,?nanosleep,?ppoll,?poll,?pselect6,?select,?epoll_wait,?epoll_pwait'
  pick interval 120 160
  for interval in "$interval" $((3 * interval)); do # a machine that is too busy for the one keeps the other
    rm -f log
    trace -ttt -e "inject=write:delay_exit=${slow}000" -e "inject=$sleeps:delay_exit=${late}000" -- --interval "0.$interval" --log log
    beats 12
    begun
    kill -TERM "$main"
    finish
    # the k-th write is at k intervals and a little; that little does not grow
    took=$(awk '/(write|writev|pwrite64)\(.*heartbeat/ { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+\.[0-9]+$/) { at[n++] = $i * 1000; break } }
      END { for (k = 0; k < 4; k++) { late = at[k] - k * I; if (!k || late < first) first = late }
            for (k = 8; k < 12; k++) { late = at[k] - k * I; if (k == 8 || late < last) last = late }
            printf "%d", 8 * I + last - first }' I="$interval" strace.log)
    # a busy machine is late at times, and early later on
    ((took > 5 * interval && took < 8 * interval + 120)) && break || :
  done
  ((took > 5 * interval && took < 8 * interval + 120)) ||
    near "ms from one beat to the eighth after it, where a write takes $slow ms and a wait ends $late ms late," $((8 * interval)) 120 "$took" _ \
      "$((8 * (interval + slow + late)))=wait until a moment, not for a while: the next one is an interval after the last was due" \
      "$((8 * (interval + late)))=the next beat is an interval after the last was due, not after it came" \
      "$((8 * (slow + late)))=the interval is in seconds, and may have a fraction"
  note kernel "$took ms from one beat to the eighth after it"
  (($(sort -u log | wc -l) > 1)) || wrong expected "another date after more than a second" program "$(tail -n 1 log), in all lines" likely "ask for the time at each beat"
}

@test "1.4 whole lines, appended: what is there stays, whoever cuts it [4]" {
  requires strace
  reads="open(2) (O_APPEND)"
  local fds flags
  echo "a line of before" >log
  trace -s 200 -e trace=write,writev,pwrite64 -P "$PWD/log" -- --interval 0.05 --log log
  beats 3
  begun
  same "the first line of the log" "a line of before" "$(head -n 1 log)" _ "*=what is in the log stays: O_APPEND, no O_TRUNC"
  : >log # as logrotate does, with copytruncate
  beats 3
  same "NUL bytes in a log that was cut to nothing" 0 "$(tr -cd '\0' <log | wc -c)" _ \
    "*=without O_APPEND it writes on where it was; the gap before it is zeroes"
  pid=$main fds=$(log_fds log)
  read -r _ flags < <(grep -h '^flags' "/proc/$main/fdinfo/${fds%% *}")
  (((8#$flags & 02000) != 0)) || wrong expected "O_APPEND among the flags of the log" kernel "flags $flags (fdinfo)" likely "two writers would overwrite each other"
  kill -TERM "$main"
  finish
  ! grep -E '(write|writev)\(' strace.log | grep -vE 'heartbeat: .*\\n"' >parts || [[ ! -s parts ]] ||
    wrong expected "each line by one write" kernel "$(head -n 1 parts)" likely "a line that comes in parts can be torn by another writer's"
}

@test "1.5 a log that cannot be opened, an interval that is none: errors [3]" {
  requires strace
  reads="open(2), strtod(3)"
  local bad
  try --log no/such/folder/log
  refused no/such/folder/log "No such file or directory" "open returns -1; err(1, \"%s\", path) says the rest"
  [[ -z $stdout ]] || wrong expected "nothing on stdout: it has not started" program "$stdout" \
    likely "open the log first, and say then that it has started"
  for bad in 0 -1 x 1x "" nan inf 1e9; do
    try --interval "$bad" --log log
    [[ $end == exit* && $end != "exit 0" && -n $stderr && ! -e log ]] ||
      wrong expected "an error on stderr, and no log" program "$(cause "$end"); stderr: ${stderr:-(nothing)}"
  done
  # the log it takes when none is told; nothing comes of it
  traced -e trace=openat,open,creat -P /tmp/homework_service.log -e inject=openat,open,creat:error=EACCES --
  refused /tmp/homework_service.log "Permission denied" "that is its log when none is told"
}

# clock_set DATE: sets the clock until the check is over, alone if several want to.
clock_set() {
  eventually mkdir /run/labs-clock 2>/dev/null
  at_end=(clock_back)
  now
  clock=$((${EPOCHREALTIME/[.,]/} / 1000 - now))
  note ran "date -s '$1'"
  date -s "$1" >/dev/null
}

# clock_back: as it would be if nobody had set it.
clock_back() {
  now
  clock=$((clock + now))
  date -s "@$((clock / 1000)).$(printf %03d $((clock % 1000)))" >/dev/null
  rmdir /run/labs-clock
}

@test "1.6 when somebody sets the clock, the pace stays, the date follows [2]" {
  requires clock
  reads="clock_gettime(2) (CLOCK_MONOTONIC), time(2), strftime(3)"
  local day begin line n now
  pick day 1 9
  start --interval 0.2 --log log
  beats 3
  clock_set "2024-05-0$day 09:07:03"
  begin=$EPOCHSECONDS n=$(wc -l <log)
  beats $((n + 4)) log "it waits for a time of day, and that is years away now: CLOCK_MONOTONIC is set by nobody"
  line=$(tail -n 1 log)
  dated "$line" "$begin" || wrong expected "Service heartbeat: $(LC_ALL=C date '+%a %b %e %I:%M:%S %p %Z %Y')" program "$line" \
    likely "the date is asked for at each beat; a day below 10 has a space before it, no zero: %e"
}

# ---- task 2: signals ------------------------------------------------------------------------------

@test "2.1 SIGTERM and SIGINT end it within a moment, with exit 0 [5]" {
  reads="sigtimedwait(2), signal(7)"
  local signal woken
  RUN_TIMEOUT=6
  for signal in TERM INT; do
    rm -f log
    start --interval 50 --log log
    beats 1
    eventually settled || :
    woken=$(switches)
    [[ $signal == TERM ]] && nap 1.2 || nap 0.2
    woken=$(($(switches) - woken))
    ((woken == 0)) || wrong expected "it sleeps until the next beat or a signal" kernel "it was awake $woken times in a second (ctxt_switches)" \
      likely "one call waits for both: no look every now and then"
    soon "$signal"
    [[ $(tail -c 1 log | od -An -c) == *'\n'* ]] || wrong expected "a whole line at the end of the log" kernel "$(tail -n 1 log)"
  done
}

# switches: how often the program has been put on a CPU and taken off.
switches() { awk '/ctxt_switches/ { n += $2 } END { print n + 0 }' "/proc/$pid/status"; }

# settled: for eventually: it sleeps, and not for a moment only.
settled() {
  local before
  before=$(switches)
  nap 0.05
  in_state S "$pid" && [[ $(switches) == "$before" ]]
}

@test "2.2 a signal that comes while it writes is not lost [3]" {
  requires strace
  reads="sigtimedwait(2), ppoll(2)"
  RUN_TIMEOUT=4 traced -e trace=write,writev -P "$PWD/log" -e inject=write,writev:signal=TERM:when=1 -- --interval 50 --log log
  [[ -e log ]] || wrong expected "a line in the log" kernel "there is no log" stderr "$stderr"
  ended "exit 0" "the signal comes during write, when nothing sleeps: it is the sleep after that which has to know. \
Block the signals, and wait for them in one call with the time"
}

@test "2.3 SIGHUP: the log is opened anew by its name, at once [5]" {
  reads="open(2), rename(2)"
  local fds n
  mkdir dir
  start --interval 0.1 --log dir/log
  beats 2 dir/log
  fds=$(find "/proc/$pid/fd" -type l | wc -l)
  note ran "mv dir/log dir/old; kill -HUP %1"
  for n in 1 2; do
    mv dir/log dir/old
    ((n == 1)) || echo "a line of before" >dir/log # so does logrotate, with `create`
    kill -HUP "$pid" 2>/dev/null || :
    eventually lines "$n" dir/log || alive "SIGHUP ends a process that neither catches nor blocks it" || return
    lines "$n" dir/log || wrong expected "a line in the new file under the log's name" kernel "its log is $(log_fds dir)" \
      likely "a descriptor stays with its file, whatever it is called by now: close it and open the name"
  done
  same "the first line of a log that was there" "a line of before" "$(head -n 1 dir/log)" _ "*=anew, and for appending as before: O_APPEND, no O_TRUNC"
  same "descriptors of the log" 1 "$(log_fds dir | wc -l)" _ "*=close the old one"
  same "all descriptors" "$fds" "$(find "/proc/$pid/fd" -type l | wc -l)" _ "*=close the old one"
  mv dir gone
  n=$(wc -l <gone/log)
  kill -HUP "$pid"
  eventually grep -q "No such file or directory" "$run.err" || wrong expected "stderr: ...: No such file or directory" \
    program "stderr: $(tail -n 1 "$run.err" | grep . || echo "(nothing)")" likely "the log cannot be opened anew: say so, and why"
  beats $((n + 2)) gone/log "when the new one cannot be opened, go on with the old one: close it after that"
  rm -f gone/log
  mv gone dir
  finish TERM
  ended "exit 0"
  start --interval 50 --log log
  beats 1
  mv log old
  kill -HUP "$pid"
  eventually test -e log || wrong expected "a new file at once, with an interval of 50 s too" kernel "its log is $(log_fds "")"
  finish TERM
  same "beats at SIGHUP, with an interval of 50 s" 0 "$(wc -l <log)" _ "*=a signal is no beat: it is not time yet"
  rm log
  start --interval 0.4 --log log
  beats 1
  again_and_again() { kill -HUP "$pid" && lines "$@"; }
  eventually again_and_again 4 || wrong expected "beats each 0.4 s, while SIGHUP comes again and again" kernel "$(wc -l <log) lines in the log after $WAIT_TIMEOUT s" \
    likely "a signal does not start the interval anew: wait until the moment that was set before"
  finish TERM
}

@test "2.4 a full disk: it says so, goes on, and no half line stays [5]" {
  requires mount
  reads="write(2) (ENOSPC; a part), ftruncate(2)"
  local root space
  mkdir full
  pick space 8 40
  # full_with SPACE: starts it where there are two pages: one for the log, with SPACE bytes of room
  full_with() {
    # shellcheck disable=SC2016
    before=("${OWN_MOUNTS[@]}" sh -c 'mount -t tmpfs -o size=8k labs full && cd full &&
      head -c "$1" /dev/zero | tr "\0" x | fold -w 63 >log && echo >>log && head -c 4096 /dev/zero >filler && cd .. && shift && exec "$@"'
      sh $((4032 - $1)))
    as="(log on a full disk)" start --interval 0.1 --log full/log
    root=/proc/$pid/root$PWD/full
    eventually grep -q "No space left on device" "$run.err" || alive "a full disk is no reason to end" || return
    grep -qE "full/log.*No space left|No space left.*full/log" "$run.err" ||
      wrong expected "stderr: full/log: No space left on device" program "stderr: $(head -n 1 "$run.err" | grep . || echo "(nothing)")" \
        kernel "$(wc -c <"$root/log") bytes, no room for more" \
        likely "write(2) says how many bytes it took: fewer than asked, or -1"
  }
  full_with 0
  same "bytes in a log that was full before" 4096 "$(stat -c %s "$root/log" 2>/dev/null || echo none)" _ "0=that is all of it: take back your part of a line alone" \
    "none=a full disk is no reason to end" "*=write has returned -1: there is nothing to take back"
  soon TERM
  full_with "$space"
  rm "$root/filler" 2>/dev/null || alive "a full disk is no reason to end" || return
  (($(grep -c x "$root/log") == 64)) || wrong expected "what was in the log is still there" kernel "$(grep -c x "$root/log") lines of 64" \
    likely "take back your part of a line alone"
  space=$(wc -l <"$root/log")
  beats $((space + 3)) "$root/log" "a full disk is no reason to end: go on, and when there is room again, so do the lines"
  { grep -vxE 'x*|Service heartbeat: .* [0-9]{4}' "$root/log" || grep -E '(x|Service.*)Service' "$root/log"; } >torn || :
  [[ ! -s torn ]] || wrong expected "whole lines alone, when there is room again" kernel "in the log: $(head -n 1 torn)" \
    likely "write took a part of the line: take it back (ftruncate), or write the rest later"
  finish TERM
  ended "exit 0"
}

@test "2.5 valgrind and the compiler have nothing to complain about [2]" {
  requires valgrind
  reads="valgrind(1)"
  listen "@labs-$BASHPID"
  before+=(WATCHDOG_USEC=2000000)
  memcheck --interval 0.5 --log log
  beats 2
  kill -HUP "$pid"
  beats 3
  finish TERM
  ended "exit 0"
  memcheck_is_clean
  no_warning
}

# ---- task 3: the unit -----------------------------------------------------------------------------

@test "3.1 systemd-analyze verify has nothing to say about the unit [4]" {
  requires verify
  reads="systemd-analyze(1), systemd.service(5)"
  local likely=""
  has_unit
  sed "s,$INSTALLED,$PROGRAM," "$UNIT" >"labs-$$-verify.service"
  note ran "systemd-analyze verify ./homework.service"
  run=$PWD/verify
  SYSTEMD_LOG_LEVEL=warning timeout 20 systemd-analyze verify --man=no "./labs-$$-verify.service" >verify.out 2>&1 || likely="it cannot be loaded like that"
  grep -E "labs-$$|homework" verify.out >verify.about || :
  [[ -z $likely && ! -s verify.about ]] || wrong expected "no word about it" kernel "systemd-analyze: $(sed "s/labs-$$-verify/homework/g" verify.about | head -n 2 | paste -sd ' ')" likely "$likely"
  grep -qE "^ExecStart *= *$INSTALLED( |$)" "$UNIT" || wrong expected "ExecStart=$INSTALLED" kernel "$(grep -m 1 ExecStart "$UNIT")"
}

@test "3.2 it is restarted always, after 15 s, as systemd understands it [5]" {
  requires systemd
  reads="systemd.service(5)"
  deploy values --
  note ran "systemctl show homework.service"
  systemctl daemon-reload
  same Restart always "$(prop Restart)" _ "no=is Restart= in [Service], and spelt like that?" "on-*=that is not always: see the table in systemd.service(5)"
  same RestartUSec 15s "$(prop RestartUSec)" _ "100ms=that is the default: is RestartSec= in [Service]?" "*=RestartSec=15"
  same KillMode control-group "$(prop KillMode)" _ "*=the default stops all processes of the service"
  same Description "Homework Service" "$(prop Description)" _
}

@test "3.3 systemd starts it: active, first line in the journal, reload [5]" {
  requires systemd
  reads="systemctl(1), journalctl(1)"
  deploy start TimeoutStartSec=5 -- --interval 0.2 --log "$PWD/log"
  started
  same ActiveState active "$(prop ActiveState)" _ "*=it has ended: does the service stay in the foreground?"
  same "the main process" "$(readlink "$PROGRAM" || echo "$PROGRAM")" "$(readlink "/proc/$pid/exe")" _ "*=ExecStart is the program itself, no shell around it"
  beats 2
  in_journal() { [[ $(journal) == "My custom service has started."* ]]; }
  eventually in_journal || wrong expected "My custom service has started. in the journal" kernel "journal: $(journal | head -n 1)" \
    likely "to the journal stdout is a socket: flush it"
  mv log old
  timeout 10 systemctl reload "$unit" 2>reload.err || wrong expected "systemctl reload succeeds" kernel "$(tail -n 1 reload.err)" likely "ExecReload=/bin/kill -HUP \$MAINPID"
  eventually test -e log || wrong expected "a new log after systemctl reload" kernel "there is none" likely "ExecReload=/bin/kill -HUP \$MAINPID"
  same MainPID "$pid" "$(prop MainPID)" _ "*=reload is no restart"
}

# ---- task 4: restart ------------------------------------------------------------------------------

@test "4.1 killed, it waits as auto-restart, then runs: a gap in the log [6]" {
  requires systemd
  reads="systemd.service(5) (RestartSec)"
  local old seconds gap
  pick seconds 2 3
  deploy again TimeoutStartSec=5 "RestartSec=$seconds" -- --interval 0.2 --log "$PWD/log"
  started
  beats 2
  old=$pid
  note ran "kill $old"
  kill "$old"
  eventually prop_is SubState auto-restart || wrong expected "activating (auto-restart)" kernel "$(prop ActiveState) ($(prop SubState)), Result=$(prop Result)" \
    likely "Restart=always, and SIGTERM has to end it"
  gap=$(wc -l <log)
  back() { [[ $(prop NRestarts) == 1 && $(prop SubState) == running ]]; }
  WAIT_TIMEOUT=10 eventually back || wrong expected "running, NRestarts=1" kernel "$(prop SubState), NRestarts=$(prop NRestarts)"
  pid=$(prop MainPID)
  [[ $pid != "$old" && -e /proc/$pid ]] || wrong expected "a new main process" kernel "MainPID $pid, before $old"
  beats $((gap + 1))
  gap=$((($(prop ActiveEnterTimestampMonotonic) - $(prop ActiveExitTimestampMonotonic)) / 1000))
  ((gap >= seconds * 1000)) || wrong expected "a gap of $seconds s in the log or more (RestartSec=$seconds)" kernel "NRestarts=1, a gap of $gap ms"
  note kernel "MainPID $old, then $pid; NRestarts=1; gap in the log $gap ms"
}

@test "4.2 always restarts after everything, on-failure not after kill [6]" {
  requires systemd
  reads="systemd.service(5) (Restart=, table 1)"
  local cause policy expected all=() keys=(TimeoutStartSec=5 RestartSec=100ms)
  for policy in always on-failure; do
    [[ $policy == always ]] || keys+=("Restart=$policy") # always is the submission's own
    for cause in TERM KILL ABRT; do
      deploy "$policy-$cause" "${keys[@]}" -- --interval 0.2 --log "$PWD/log.$policy-$cause"
      all+=("$unit")
    done
  done
  started "${all[@]}"
  deploy exit-1 TimeoutStartSec=5 RestartSec=100ms -- --log /no/such/folder/log
  systemctl daemon-reload
  systemctl start --no-block "$unit"
  for unit in "${all[@]}"; do
    pid=$(prop MainPID)
    [[ $pid == [1-9]* ]] || wrong expected "$unit runs" kernel "$(prop SubState)"
    cause=${unit%.service}
    kill "-${cause##*-}" "$pid"
  done
  for unit in "${all[@]}"; do
    cause=${unit%.service} policy=${unit#labs-*-} expected=1
    cause=${cause##*-} policy=${policy%-*}
    [[ $policy$cause != on-failureTERM ]] || expected=0
    note ran "kill -$cause \$(systemctl show -P MainPID homework)   # Restart=$policy"
    if ((expected)); then
      eventually prop_is NRestarts 1 || :
    else
      eventually prop_is SubState dead || :
    fi
    same "Restart=$policy and SIG$cause: NRestarts" "$expected" "$(prop NRestarts)" _ "1=its end after SIGTERM is no failure: exit 0" \
      "0=Restart=always in the unit"
  done
  unit=labs-$BASHPID-exit-1.service
  eventually prop_is Result exit-code || :
  restarts() { (($(prop NRestarts) >= 2)); }
  eventually restarts || wrong expected "Restart=always and exit 1: started again and again" kernel "NRestarts=$(prop NRestarts), Result=$(prop Result)" \
    likely "a log that cannot be opened is an error: exit 1"
}

@test "4.3 systemctl stop is no kill: it ends at once, and stays ended [4]" {
  requires systemd
  reads="systemctl(1), systemd.kill(5)"
  local now begin result code status
  deploy stop TimeoutStartSec=5 TimeoutStopSec=4 RestartSec=100ms \
    "ExecStopPost=/bin/sh -c 'echo \$SERVICE_RESULT \$EXIT_CODE \$EXIT_STATUS >\"$PWD/ended\"'" -- --interval 50 --log "$PWD/log"
  started
  beats 1
  note ran "systemctl stop homework.service"
  now
  begin=$now
  systemctl stop "$unit"
  now
  read -r result code status <ended
  same Result success "$result" _ "timeout=SIGTERM did not end it, and after TimeoutStopSec SIGKILL did" "exit-code=exit 0 after SIGTERM" \
    "signal=SIGTERM did not end it"
  same "the end of its main process" "exited 0" "$code $status" _ "killed TERM=SIGTERM has killed it: it has to end by itself, exit 0" \
    "exited *=exit 0 after SIGTERM"
  ((now - begin < 3500)) || wrong expected "systemctl stop takes a moment" kernel "it took $((now - begin)) ms"
  prop_is SubState dead || wrong expected "inactive (dead)" kernel "$(prop ActiveState) ($(prop SubState))"
}

# ---- task 5: enable -------------------------------------------------------------------------------

@test "5.1 enable makes a link of multi-user.target, disable removes it [5]" {
  requires verify
  reads="systemctl(1) (enable), systemd.unit(5) ([Install])"
  local link=root/etc/systemd/system/multi-user.target.wants/homework.service
  has_unit
  mkdir -p root/etc/systemd/system
  cp "$UNIT" root/etc/systemd/system/
  note ran "systemctl enable homework.service"
  systemctl --root="$PWD/root" enable homework.service >enable.out 2>&1 || :
  [[ -L $link ]] || wrong expected "a link multi-user.target.wants/homework.service" \
    kernel "$(cd root/etc/systemd/system && find . -type l | paste -sd ' ' | grep . || echo "no link"); systemctl: $(paste -sd ' ' enable.out)" likely "WantedBy=multi-user.target in [Install]"
  same "links" 1 "$(find root -type l | wc -l)" _ "*=WantedBy= alone"
  same is-enabled enabled "$(systemctl --root="$PWD/root" is-enabled homework.service)" _
  systemctl --root="$PWD/root" disable homework.service >disable.out 2>&1 || :
  same "links after disable" 0 "$(find root -type l | wc -l)" _
}

@test "5.2 enabled, multi-user.target wants it [2]" {
  requires systemd
  reads="systemd.unit(5), systemctl(1) (list-dependencies)"
  deploy enable --
  systemctl daemon-reload
  note ran "systemctl enable homework.service; systemctl show -P Wants multi-user.target"
  systemctl enable --runtime -q "$unit" 2>/dev/null || :
  systemctl daemon-reload
  [[ " $(prop Wants multi-user.target) " == *" $unit "* ]] || wrong expected "$unit among what multi-user.target wants" \
    kernel "it is not; is-enabled: $(systemctl is-enabled "$unit")" likely "WantedBy=multi-user.target in [Install]"
  same is-enabled enabled-runtime "$(systemctl is-enabled "$unit")" _
}

# ---- task 6: notify and watchdog ------------------------------------------------------------------

@test "6.1 READY=1 when the log is open, and not before; STATUS= [4]" {
  reads="sd_notify(3)"
  local name
  for name in "@labs-$BASHPID" "$PWD/socket"; do
    listen "$name"
    rm -f log
    start --interval 50 --log log
    eventually heard READY=1 || wrong expected "READY=1 at the socket $name" program "$(tail -n +2 messages | head -n 1)" stderr "$(head -n 1 "$run.err")" \
      likely "a datagram to NOTIFY_SOCKET; in sun_path an '@' is a zero byte, and the length ends with the name"
    eventually heard 'STATUS=.+' || wrong expected "STATUS= and a word about it" program "$(tail -n +2 messages | paste -sd ' ')"
    finish TERM
    listener_ends
  done
  listen "@labs-$BASHPID.2"
  try --log no/such/folder/log
  same "READY=1 with a log that cannot be opened" 0 _ "$(grep -c '^READY=1' messages)" "*=ready is who can do its work: open the log first"
}

@test "6.2 with nobody to tell, it is silent and works all the same [2]" {
  reads="sd_notify(3) (NOTES)"
  start --interval 0.05 --log log
  beats 3
  finish TERM
  same stderr "" _ "$stderr" "*=without NOTIFY_SOCKET there is no systemd: no error"
  ended "exit 0"
  before=(env "NOTIFY_SOCKET=$PWD/nobody") as="NOTIFY_SOCKET=$PWD/nobody"
  rm -f log
  start --interval 0.05 --log log
  beats 3 log "a message that nobody takes is no reason to end"
  finish TERM
  ended "exit 0"
}

@test "6.3 WATCHDOG=1 twice in WATCHDOG_USEC, whatever the interval [4]" {
  reads="sd_watchdog_enabled(3)"
  local usec took fds
  pick usec 200 400
  listen "@labs-$BASHPID"
  as+=" WATCHDOG_USEC=${usec}000" before+=("WATCHDOG_USEC=${usec}000")
  start --interval 50 --log log
  eventually heard WATCHDOG=1 8 || wrong expected "WATCHDOG=1 again and again" program "$(tail -n +2 messages | paste -sd ' ')" \
    likely "it has to be woken for that too, not for beats alone"
  took=$(awk '$2 == "WATCHDOG=1" { if (last) print int(($1 - last) * 1000); last = $1 }' moments | sort -n | sed -n 4p) # the median
  ((took > usec / 8 && took < usec * 7 / 10)) || near "ms from one WATCHDOG=1 to the next" $((usec / 2)) $((usec / 5)) "$took" _ \
    "$usec=half of it: at the last moment is too late" "0=half of WATCHDOG_USEC, which is in microseconds, and no faster"
  fds=$(find "/proc/$pid/fd" -type l | wc -l)
  eventually heard WATCHDOG=1 14 || :
  fds=$(($(find "/proc/$pid/fd" -type l | wc -l) - fds))
  ((fds < 4)) || wrong expected "no descriptor lost" kernel "$fds more after six messages" likely "close the socket, or keep it for all messages"
  same "beats with an interval of 50 s" 1 "$(wc -l <log)" _ "*=to be woken for the watchdog is no beat"
  finish TERM
  # with beats that come faster
  listener_ends
  listen "@labs-$BASHPID"
  as+=" WATCHDOG_USEC=300000" before+=("WATCHDOG_USEC=300000")
  start --interval 0.05 --log log.fast
  eventually heard WATCHDOG=1 4 || wrong expected "WATCHDOG=1 with an interval of 0.05 s too" program "$(grep -c WATCHDOG messages)" \
    likely "a beat is no reason to wait for longer with it"
  finish TERM
  # meant for another process, or not meant at all
  for usec in "WATCHDOG_PID=1 WATCHDOG_USEC=100000" "X=1"; do
    listener_ends
    listen "@labs-$BASHPID"
    read -ra usec <<<"$usec"
    before+=("${usec[@]}") as+=" ${usec[*]}"
    start --interval 0.1 --log log.other
    beats 4 log.other
    finish TERM
    same "WATCHDOG=1 with ${usec[0]%X=1}${usec[1]-no WATCHDOG_USEC}" 0 _ "$(grep -c WATCHDOG=1 messages)" "*=WATCHDOG_PID says for whom it is; without WATCHDOG_USEC nobody waits for it"
    rm -f log.other
  done
}

@test "6.4 STOPPING=1 at the end, also where that comes at once [2]" {
  requires strace
  reads="sd_notify(3)"
  local signal
  for signal in TERM INT; do
    rm -f log
    listen "@labs-$BASHPID-$signal"
    start --interval 50 --log log
    beats 1
    soon "$signal"
    eventually heard STOPPING=1 || wrong expected "STOPPING=1 after SIG$signal" program "$(tail -n +2 messages | paste -sd ' ')"
    listener_ends
    same "the last message" STOPPING=1 _ "$(tail -n 1 messages)"
  done
  # a SIGTERM that comes with its first message, when systemd takes it for ready
  rm log
  listen "@labs-$BASHPID"
  traced -e trace=sendto,sendmsg,connect -e inject=sendto,sendmsg:signal=TERM:when=1 -- --interval 50 --log log
  ended "exit 0" "the SIGTERM came together with READY=1: who is ready knows what to do with signals"
  eventually heard STOPPING=1 || wrong expected "STOPPING=1 after SIGTERM" program "$(tail -n +2 messages | paste -sd ' ')"
}

@test "6.5 Type=notify: start waits for READY=1, and fails without a log [3]" {
  requires systemd
  reads="systemd.service(5) (Type=)"
  deploy ready TimeoutStartSec=5 -- --interval 50 --log "$PWD/log"
  started
  same Type notify "$(prop Type)" _ "simple=that is the default; systemd then does not wait" "*=Type=notify in [Service]"
  same WatchdogUSec 30s "$(prop WatchdogUSec)" _ "0=WatchdogSec=30 in [Service]" "*=WatchdogSec=30"
  [[ -n $(prop StatusText) ]] || wrong expected "a Status: in systemctl status" kernel "StatusText is empty" likely "STATUS=..., sent by the main process"
  deploy never TimeoutStartSec=5 Restart=no -- --log /no/such/folder/log
  systemctl daemon-reload
  note ran "systemctl start homework.service, with a log that cannot be opened"
  ! timeout 10 systemctl start "$unit" 2>/dev/null || wrong expected "systemctl start fails" kernel "it succeeds; Result=$(prop Result)" likely "READY=1 after the log is open; exit 1 when it cannot be"
  same Result exit-code "$(prop Result)" _ "protocol=exit 1, not 0, when the log cannot be opened" "timeout=it has to end when the log cannot be opened"
}

@test "6.6 who hangs is killed by the watchdog and started again [3]" {
  requires systemd
  reads="systemd.service(5) (WatchdogSec)"
  local old
  deploy watchdog TimeoutStartSec=5 WatchdogSec=3 RestartSec=1 -- --interval 50 --log "$PWD/log"
  started
  for _ in 1 2; do
    old=$(prop WatchdogTimestampMonotonic)
    eventually heard_again || wrong expected "WATCHDOG=1 heard again" kernel "WatchdogTimestamp stays the same; Result=$(prop Result), NRestarts=$(prop NRestarts)" \
      likely "WATCHDOG=1 does not come: the watchdog takes it for hung"
  done
  same "NRestarts, while it works" 0 "$(prop NRestarts)" _ "*=WATCHDOG=1 does not come in time"
  note ran "kill -STOP $pid"
  kill -STOP "$pid"
  eventually prop_is Result watchdog || wrong expected "Result=watchdog" kernel "$(prop SubState), Result=$(prop Result)" likely "Type=notify and WatchdogSec="
  back() { [[ $(prop NRestarts) == 1 && $(prop SubState) == running ]]; }
  WAIT_TIMEOUT=10 eventually back || wrong expected "running again, NRestarts=1" kernel "$(prop SubState), NRestarts=$(prop NRestarts)"
}

# heard_again: for eventually: systemd has got a WATCHDOG=1 since $old.
heard_again() { [[ $(prop WatchdogTimestampMonotonic) != "$old" && $(prop NRestarts) == 0 ]]; }

# ---- task 7: blame --------------------------------------------------------------------------------

@test "7.1 what blame shows of a restarted service, and what is in it [6]" {
  requires blame
  reads="systemd-analyze(1), systemctl(1)"
  local key value ms blamed difference tenths
  local -A answer=()
  note ran "cat blame.txt"
  [[ -e $ANSWERS ]] || wrong expected "$LAB/${ANSWERS##*/}" kernel "there is no such file"
  while read -r key value _; do
    [[ ! $value =~ ^[A-Za-z]+$ ]] || answer[${key%:}]=$value
  done < <(grep -E '^(from|until|includes):' "$ANSWERS")
  [[ -n ${answer[from]-} && -n ${answer[until]-} && -n ${answer[includes]-} ]] ||
    wrong expected "lines from: NAME, until: NAME, includes: NAME, names of properties" program "$(grep -v '^#' "$ANSWERS" | paste -sd ' ' | grep . || echo "(none)")"
  pick tenths 15 29
  deploy blame TimeoutStartSec=5 "RestartSec=${tenths}00ms" -- --interval 50 --log "$PWD/log"
  started
  kill "$pid"
  back() { [[ $(prop NRestarts) == 1 && $(prop SubState) == running ]]; }
  WAIT_TIMEOUT=10 eventually back || wrong expected "running, NRestarts=1" kernel "$(prop SubState), NRestarts=$(prop NRestarts)"
  note ran "systemctl kill homework.service; systemd-analyze blame"
  blamed=$(systemd-analyze blame --no-pager | awk -v unit="$unit" '$NF == unit { print $1 }')
  [[ $blamed =~ ^([0-9]+)\.([0-9]{3})s$ ]] || wrong expected "a time for $unit in systemd-analyze blame" kernel "${blamed:-it is not there}"
  ms=$((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]}))
  note kernel "systemd-analyze blame: $blamed with RestartSec=${tenths}00ms"
  systemctl reload "$unit" 2>/dev/null || : # which is no start
  for key in from until; do
    value=${answer[$key]%Monotonic}Monotonic
    value=$(prop "$value")
    [[ $value =~ ^[1-9][0-9]*$ ]] || wrong expected "$key: a moment that systemctl show tells" program "${answer[$key]}: $(prop "${answer[$key]}")" \
      likely "names like ...TimestampMonotonic"
    printf -v "$key" %s "$value"
  done
  difference=$(((until - from) / 1000))
  key="blame begins when the service leaves 'inactive', and that it does when it begins to wait for its restart"
  near "ms from ${answer[from]} until ${answer[until]}" "$ms" 1 "$difference" _ "-$ms=the other way round" \
    "$((difference >= 0 && difference < tenths * 100 ? difference : -1))=$key"
  value=$(prop "${answer[includes]/RestartSec/RestartUSec}")
  [[ ${answer[includes]} != *Next ]] || value="what the next one will be"
  same "${answer[includes]}" "$(prop RestartUSec)" "$value" _ "*=which part of it did you set in the unit?"
}
