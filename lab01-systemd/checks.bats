#!/usr/bin/env bats
# The checks of lab01, task by task; each title is a promise of README.md, with its points.
# The verbs (start, becomes, same, signals_from ...) are in grader/lib/, those about units in systemd.bash.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"
# shellcheck source=grader/lib/systemd.bash
source "$GRADER/lib/systemd.bash"

MAY_HOLD="*/@(log|old)"     # a service keeps its log open
STOP_SIGNALS=(TERM INT)     # SIGHUP does not
ENDLESS=yes                 # it waits for one of them
LOG=log                     # of the run that goes on
OURS=${BATS_RUN_TMPDIR##*-} # in the name of a socket: those without a file are the whole machine's
UNIT=$PROGRAMS/homework.service
ANSWERS=$PROGRAMS/blame.txt
day=0 hour=0 interval=0 space=0 wait=0    # drawn, by pick and one_of
INSTALLED=/usr/local/bin/homework_service # as ExecStart has it

# serve ARGUMENT...: starts the service with a new log, and waits for its first beat.
serve() {
  rm -rf log old
  LOG=log served=$EPOCHSECONDS
  start "$@" --log log && beats 1
}

# has_beats N: for eventually: the log has N whole lines. Sets lines.
has_beats() {
  mapfile lines 2>/dev/null <"$LOG"
  ((${#lines[@]} >= $1)) && [[ ${lines[$1 - 1]} == *$'\n' ]]
}

# beats N [HINT]: waits for N lines in the log.
beats() {
  local likely="the first beat comes at the start, and each is in the log at once: write(2)" lines=()
  ! eventually has_beats "$1" || return 0
  [[ -z ${lines[*]-} || ${lines[-1]} == *$'\n' ]] || likely="a line ends with \\n"
  ! over || likely="the process that was started does the work, until a signal ends it"
  wrong expected "line $1 in the log" kernel "${#lines[@]} lines" likely "${2:-$likely}"
}

# beats_under N SIGNAL...: N beats come while these signals come again and again.
beats_under() {
  local number=$1 lines each
  shift
  again_and_again() {
    for each; do kill "-$each" "$pid"; done
    has_beats "$number"
  }
  eventually again_and_again "$@" || wrong expected "beat $number, while SIG$1 comes again and again" \
    kernel "${#lines[@]} lines in $LOG" stderr "$(tail -n 1 "$run.err")" \
    likely "wait until the moment that was due; without a new log, keep the old one"
}

# lines_are N HINT: that many lines are in the log, now that the program sleeps.
lines_are() {
  eventually sleeps "$pid" || :
  same "lines in the log" "$1" "$(wc -l <"$LOG")" _ "*=$2"
}

# holds NAME: the program has its log open, once, and the name of that is NAME now.
holds() {
  open_logs() {
    local fd name
    value=""
    for fd in "/proc/$pid/fd"/*; do
      name=$(readlink "$fd") && [[ $name == "$PWD"/@(log|old)* ]] || continue
      value+="${value:+ }${name##*/}"
      grep -q '^flags.*[2367]...$' "/proc/$pid/fdinfo/${fd##*/}" || value+=" without O_APPEND"
    done
  }
  becomes "the open log" "$1" open_logs -- "*APPEND=two writers would overwrite each other" \
    "old=a descriptor stays with its file: open the name again" \
    "*old*=close the old one, when there is a new one" "log log=close the old one" \
    "=the process that was started does the work, until SIGTERM or SIGINT ends it"
}

# stops SIGNAL: it ends the program at once, with exit 0. All lines are whole.
stops() {
  local likely="the signal has to wake it: sigtimedwait(2), or ppoll(2) and a handler"
  over || holds "$LOG" || return
  finish "$1"
  [[ $end != signal* ]] || likely="block SIG$1, or catch it, and end by yourself"
  [[ $end != exit* ]] || likely="a signal that asks it to end is no failure: exit status 0"
  ended "exit 0" "$likely" && lines_are_whole
}

# lines_are_whole: of beats, of others, and no NUL bytes.
lines_are_whole() {
  local torn date='[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [AP]M [^ ]+ [0-9]{4}'
  torn=$(tr '\0' '?' <"$LOG" | grep -m 1 -vxE "Service heartbeat: $date|x*|a line of before") || :
  same "torn lines in the log:" "" "$torn" _ \
    "*=what write(2) took of a line: take it back (ftruncate), or write the rest later; O_APPEND"
}

# warned REASON: the program that goes on says so on stderr.
warned() {
  eventually grep -q "log.*: $1\$" "$run.err" || wrong expected "stderr: log: $1" \
    stderr "$(head -n 1 "$run.err")" likely "a part of a line sets no errno: write the rest; that says why"
}

# conclude: what runs under valgrind or with sanitizers beats, sleeps, and gets SIGHUP and SIGTERM.
conclude() {
  local lines
  eventually has_beats 1 || :
  eventually sleeps "$pid" || :
  kill -HUP "$pid" 2>/dev/null || :
  kill -TERM "$pid" 2>/dev/null || :
  finish
}

# kill_traced: ends what goes on under strace.
kill_traced() {
  begun && kill -KILL "$main"
  finish
}

# ---- task 1: a heartbeat --------------------------------------------------------------------------

@test "1.1 says on stdout that it has started, at once, and beats [4]" {
  serve --interval 1000
  printed 1
  shape stdout.txt
  lines_are 1 "one beat at the start, and the next an interval later"
  same "permissions of the log's owner" rw "$(stat -c %A log | cut -c2-3)" _ "*=third argument of open(2)"
}

# zone_of DATE: makes a file for TZ, in which it is that date now.
zone_of() {
  local hex
  printf -v hex %08x $((($(date -u -d "$1" +%s) - EPOCHSECONDS) & 0xffffffff))
  {
    printf 'TZif' && printf '\0%.0s' {1..35}
    printf '\1\0\0\0\4%b\0\0LAB\0' "\\x${hex:0:2}\\x${hex:2:2}\\x${hex:4:2}\\x${hex:6:2}"
  } >zone
}

# dated LINE ZONE: it is a beat's, with a date since `served`.
dated() {
  local second expected
  for ((second = served; second <= served + 99; second++)); do # another check may set the clock meanwhile
    expected="Service heartbeat: $(TZ=$2 date -d "@$second" "+%a %b %e %I:%M:%S %p %Z %Y")"
    [[ $1 != "$expected" ]] || return 0
  done
  wrong expected "$expected" program "$1" \
    likely "time(2) at each beat, localtime(3), and strftime(3) with %a %b %e %I:%M:%S %p %Z %Y"
}

@test "1.2 a line has the date as date(1) prints it, in local time [4]" {
  pick day 1 9
  one_of hour 0 12
  zone_of "2031-$day-$day 1$day:07"
  for zone in "<LAB-0530>$((10#$(date -u +%H) - hour))" ":$PWD/zone"; do
    with env "TZ=$zone" -- serve --interval 1000
    dated "$(<log)" "$zone"
  done
}

WAITS="?rt_sigtimedwait,?clock_nanosleep,?nanosleep,?ppoll,?poll,?pselect6,?select,?epoll_wait,?epoll_pwait"

# gap MS: with this interval, sets apart to the ms between two beats, of six that pair which is nearest to it
# (a busy machine makes some late), and waits to the calls between them that wait.
gap() {
  rm -f log
  trace -ttt -e trace="write,?writev,?pwrite64,$WAITS" -- --interval "$(seconds "$1")" --log log
  beats 6 || return
  kill_traced
  read -r apart waits < <(awk -v wanted="$1" '
    function far(ms) { return ms < wanted ? wanted - ms : ms - wanted }
    $3 !~ /^p?write/ { ++n; next }
    !/heartbeat/ { next }
    last && (!best || far($2 * 1e3 - last) < far(best)) { best = $2 * 1e3 - last; waits = n }
    { last = $2 * 1e3; n = 0 }
    END { printf "%d %d\n", best, waits }' strace.log)
}

# pace MS: with this interval, and each write and wait 0.4 of it longer, sets took to the ms from beat 2 to 5,
# or to a later one, less the intervals between: a busy machine makes a beat late, not all that follow.
pace() {
  local now begin first="" beat slower=delay_exit=$((400 * $1)) RUN_TIMEOUT=60 WAIT_TIMEOUT=$((3 + $1 / 200))
  rm -f log
  trace -e "inject=?write,?writev,?pwrite64:$slower" -e "inject=$WAITS:$slower" -- \
    --interval "$(seconds "$1")" --log log
  beats 2 || return
  now && begin=$now
  for beat in 5 6 7 8; do
    beats "$beat" || return
    now && took=$((now - begin - (beat - 5) * $1)) first=${first:-$took}
    ! within "$took" $((3 * $1)) $(($1 / 2)) || break
  done
  within "$took" $((3 * $1)) $(($1 / 2)) || took=$first
  kill_traced
}

@test "1.3 a beat each interval, also when writing takes long: no drift [4]" {
  pick each 265 299
  for _ in 1 2 3 4; do
    gap "$each" || return
    ! within "$apart" "$each" 60 || break
  done
  near "ms from a beat to the next" "$each" 60 "$apart" _ "0=seconds have a fraction: tv_nsec"
  ((waits < 30)) ||
    wrong expected "one wait for a beat" kernel "$waits" likely "the rest of a second is in tv_nsec"
  for each in "$each" $((4 * each)); do # a machine too busy for the one is not too busy for the other
    pace "$each" || return
    ! within "$took" $((3 * each)) $((each / 2)) || break
  done
  near "ms for 3 intervals of $each ms, when each write and wait takes $((2 * each / 5)) ms more" \
    $((3 * each)) $((each / 2)) "$took" _ \
    "$((27 * each / 5))=the next beat is an interval after the last was due: wait for what is left" \
    "$((21 * each / 5))=an interval after the last was due, not after it came"
  (($(sort -u log | wc -l) > 1)) || wrong expected "another date a second later" program "$(tail -n 1 log)"
}

@test "1.4 appends each line by one write, and keeps what is there [3]" {
  echo "a line of before" >log
  trace -s 99 -e trace=write,writev,pwrite64 -P "$PWD/log" -- --interval 0.05 --log log
  beats 3
  same "the first line of the log" "a line of before" "$(head -n 1 log)" _ "*=O_APPEND, and no O_TRUNC"
  : >log # so does logrotate, with copytruncate
  beats 3
  begun && pid=$main holds log
  kill_traced
  same "odd calls" "" "$(grep -m 1 -vE 'heartbeat: .*\\n"|^[0-9]+ +[-+]' strace.log)" _ \
    "*=the lines of two writers would mix: O_APPEND, and one write"
  lines_are_whole
}

@test "1.5 a log that cannot be opened: says so, ends with 1 [3]" {
  for each in "no/such/log: No such file or directory" ".: Is a directory"; do
    try --log "${each%%: *}"
    refused "${each%%: *}" "${each#*: }" "open returns -1; err(1, \"%s\", path) says the rest"
    same stdout "" _ "$stdout" "*=it has not started: open the log first"
  done
  one_of error "${!ERROR[@]}"
  traced -e trace=openat,open,creat -P /tmp/homework_service.log -e "inject=openat,open,creat:error=$error" --
  refused /tmp/homework_service.log "${ERROR[$error]}" "that is its log without --log"
}

# ---- task 2: signals and errors -------------------------------------------------------------------

@test "2.1 sleeps; SIGTERM and SIGINT end it at once, with exit 0 [4]" {
  pick interval 4300 9999 # microseconds do not fit into an int
  for signal in TERM INT; do
    serve --interval "$interval"
    suspend
    stays_asleep "$([[ $signal == TERM ]] && echo 1.1 || echo 0.1)"
    lines_are 1 "the interval is longer than that"
    stops "$signal"
  done
  serve --interval "$(seconds $((300 + SLOW / 2)))"
  beats_under 3 STOP CONT
  stops TERM
}

@test "2.2 a signal at any call after the start is not lost [4]" {
  RUN_TIMEOUT=3 signals_from write "exit 0" ./homework_service --interval 1000 --log log
}

@test "2.3 SIGHUP: opens the log by its name again, at once [4]" {
  serve --interval 1000
  for text in "" "a line of before"; do
    mv log old
    [[ -z $text ]] || echo "$text" >log
    send HUP
    holds log
  done
  lines_are 1 "SIGHUP is no beat, and what is in the new log stays"
  stops TERM
}

@test "2.4 SIGHUP, and no new log: says why, goes on with the old one [3]" {
  serve --interval "$(seconds $((300 + SLOW / 2)))"
  mv log old && mkdir log && LOG=old
  beats_under 3 HUP
  warned "Is a directory"
  rmdir log && LOG=log
  beats_under 2 HUP
  stops TERM
}

# fill SPACE: appends a line to the log, so that SPACE bytes are free below 4096. Sets filled, its length.
fill() {
  kill -STOP "$pid"
  eventually in_state T "$pid"
  filled=$((4095 - $1 - $(stat -c %s log)))
  printf "%${filled}s\n" | tr ' ' x >>log
  kill -CONT "$pid"
}

# no_room SPACE: for a while that many bytes of a line have room, no more.
no_room() {
  rm -f log
  with env --ignore-signal=XFSZ prlimit --fsize=4096:unlimited -- serve --interval 0.1
  fill "$1"
  warned "File too large"
  prlimit --pid "$pid" --fsize=unlimited || :
  beats $(($(wc -l <log) + 2)) "no room is no reason to end: try again at the next beat"
  stops TERM
  same "bytes of others" "$filled" "$(tr -cd x <log | wc -c)" _ "*=take back your part of a line, no more"
}

# room_again SPACE: so many bytes of a line have room; there is more when strace lets it write again.
room_again() {
  printf '%03000d\n' 0 | tr 0 x >log
  with env --ignore-signal=XFSZ prlimit "--fsize=$((3001 + $1)):unlimited" -- \
    trace -P "$PWD/log" -e inject=write:delay_enter=400000:when=2 -- --interval 0.1 --log log
  is_full() { (($(stat -c %s log) == 3001 + $1)); }
  eventually is_full "$1" || :
  begun && prlimit --pid "$main" --fsize=unlimited || :
  beats 4 "no room is no reason to end: try again at the next beat"
  kill_traced
  lines_are_whole
}

@test "2.5 no room in the log: says why, goes on, keeps lines whole [5]" {
  pick space 8 40
  no_room 1
  no_room "$space"
  room_again "$space"
  rm log
  one_of error EPERM ENOMEM ENFILE
  traced -P "$PWD/log" -e trace=write -e "inject=write:error=$error:signal=TERM:when=2" -- \
    --interval 0.05 --log log
  fails 0 "log...: ${ERROR[$error]}" "the reason is in errno, until the next call"
  lines_are_whole
}

@test "2.6 sanitizers, valgrind and the compiler find nothing [2]" {
  sanitized ./homework_service --interval 1000000 --log log
  rm -f log
  no_memory_error --interval 1000 --log log
  ended "exit 0"
  has_beats 1 || wrong expected "a line in the log, under valgrind" kernel "none"
  no_warning
}

# ---- task 3: the unit -----------------------------------------------------------------------------

@test "3.1 systemd-analyze verify has nothing to say about the unit [4]" {
  requires verify
  has_unit
  sed "s,$INSTALLED,$PROGRAM," "$UNIT" >homework.service
  note ran "systemd-analyze verify ./homework.service"
  SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no ./homework.service >said 2>&1 || :
  same "what it says" "" "$(grep -m 1 homework said)" _
  same ExecStart "$INSTALLED" "$(sed -nE 's,^ExecStart *= *,,; t defaults; d; : defaults
    s, --interval 15,,; s, --log /tmp/homework_service.log,,; p' "$UNIT")" _ \
    "*=the program alone: an absolute path, no shell around it; its own defaults"
}

# without_log NAME KEY=VALUE...: deploys the unit, to be started with a log that cannot be opened.
without_log() {
  deploy "$@" -- --log /no/such/folder/log || return
  note ran "$SYSTEMCTL start homework.service   # with --log /no/such/folder/log"
  ask LoadState
  same LoadState loaded "${prop[LoadState]}" _ "*=systemd-analyze verify says what is wrong with the unit"
}

# understood FILE: systemd understands the unit as expected/FILE says.
understood() {
  local name value why="*=systemd ignores a key, section or word that it does not know"
  note ran "$SYSTEMCTL show homework.service"
  ask "$(cut -d= -f1 "$LAB_DIR/expected/$1" | tr '\n' ' ')"
  while IFS="=" read -r name value; do
    same "$name" "$value" "${prop[$name]-}" _ "$why" || return
  done <"$LAB_DIR/expected/$1"
}

@test "3.2 restarted always, after 15 s, as systemd understands it [4]" {
  deploy values --
  understood unit.txt
}

@test "3.3 systemd starts it; its line is in the journal; reload works [6]" {
  requires journal
  serves start RestartSec=1
  same "the main process" "$PROGRAM" "$(readlink "/proc/$pid/exe")" _ "*=no shell around it"
  becomes "the journal" "My custom service has started." journal -- "=stdout is no terminal there: fflush(3)"
  mv log old
  systemctl reload "$unit" 2>/dev/null || wrong expected "systemctl reload succeeds" likely "ExecReload="
  holds log
  property MainPID
  same MainPID "$pid" "$value" _ "*=reload is no restart"
}

# ---- task 4: restart ------------------------------------------------------------------------------

@test "4.1 killed, it is started again after RestartSec [5]" {
  pick wait 600 1400
  serves again "RestartSec=${wait}ms"
  kill_main TERM
  beats 2 "Restart=always, and SIGTERM has to end it"
  becomes NRestarts 1 property NRestarts
  ask ActiveExitTimestampMonotonic ActiveEnterTimestampMonotonic
  gap=$(((${prop[ActiveEnterTimestampMonotonic]} - ${prop[ActiveExitTimestampMonotonic]}) / 1000))
  ((gap >= wait)) || wrong expected "$wait ms or more until it is active again" kernel "$gap ms"
}

@test "4.2 exit 1 and SIGKILL are failures, SIGTERM is none [6]" {
  without_log exit-1 RestartSec=100ms
  systemctl start --no-block "$unit"
  ended_as "exit-code exited 1" 2
  systemctl stop --no-block "$unit" # a loop takes its time from others
  serves killed Restart=on-failure RestartSec=100ms
  kill_main KILL
  beats 2 "Restart=on-failure starts it again after SIGKILL"
  kill_main TERM
  ended_as "success exited 0"
  becomes SubState dead property SubState
}

@test "4.3 systemctl stop is no kill: it ends, and stays ended [3]" {
  serves stop RestartSec=100ms
  note ran "$SYSTEMCTL stop homework.service"
  systemctl stop "$unit"
  ended_as "success exited 0"
  becomes SubState dead property SubState
}

@test "4.4 when the clock is set, the pace stays, the date follows [2]" {
  requires clock
  serve --interval 0.2
  note ran "date -s '2024-05-06 07:08:09'"
  date -s "2024-05-06 07:08:09" >/dev/null && served=$EPOCHSECONDS
  beats $(($(wc -l <log) + 3)) "it waits for a time of day; CLOCK_MONOTONIC cannot be set"
  dated "$(tail -n 1 log)" :/etc/localtime
}

# ---- task 5: enable -------------------------------------------------------------------------------

# links_after VERB: the links that there are after `systemctl VERB homework.service`, in a folder.
links_after() {
  command systemctl --root="$PWD" "$1" homework.service >out 2>&1 || :
  find etc -type l -printf '%P '
}

@test "5.1 enable makes a link of multi-user.target, disable removes it [6]" {
  requires verify
  has_unit
  mkdir -p etc/systemd/system
  cp "$UNIT" etc/systemd/system/
  note ran "systemctl enable homework.service"
  same "the links" "systemd/system/multi-user.target.wants/homework.service " "$(links_after enable)" _ \
    "*=WantedBy=multi-user.target in [Install], no more"
  same "the links after disable" "" "$(links_after disable)" _
}

# ---- task 6: notify and watchdog ------------------------------------------------------------------

# served_to VARIABLE=VALUE... -- ARGUMENT...: serves with these variables; what it says comes into messages.
served_to() {
  local variables=("NOTIFY_SOCKET=@labs-$OURS-$runs") # one that ran before may still be there
  listen "@labs-$OURS-$runs"
  while [[ $1 != -- ]]; do
    variables+=("$1")
    shift
  done
  as="strace -e trace=sendto,sendmsg" with env "${variables[@]}" -- serve "${@:2}"
}

@test "6.1 READY=1 when the log is open, STATUS=, at the end STOPPING=1 [5]" {
  for name in "@labs-$OURS" "$PWD/socket"; do
    listen "$name"
    with env "NOTIFY_SOCKET=$name" -- try --log no/such/log
    with env "NOTIFY_SOCKET=$name" -- serve --interval 1000
    hears READY=1 1 "in sun_path a 0 byte stands for the '@', and the length ends with the name"
    hears 'STATUS=.+' 1 "a word about it, for systemctl status"
    same "READY=1, once without a log" 1 _ "$(grep -c READY=1 messages)" "*=say so when the log is open"
    [[ $name == @* ]] && stops TERM || stops INT
    hears STOPPING=1 1 "when it ends, whatever the signal"
    same "the last message" STOPPING=1 _ "$(tail -n 1 messages)"
    same stderr "" _ "$stderr"
  done
}

@test "6.2 no socket, no listener, a call that fails: it goes on [4]" {
  serve --interval 0.05
  beats 3
  stops TERM
  same stderr "" _ "$stderr" "*=without NOTIFY_SOCKET there is no systemd: no error"
  with env NOTIFY_SOCKET=@nobody WATCHDOG_USEC=20000 -- serve --interval 0.1
  beats 5 "a message that is not taken is no reason to end"
  sockets() { value=$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l); }
  becomes "open sockets" "[01]" sockets -- "*=close it after a message that fails too, or keep one for all"
  stops TERM
  rm log
  with env NOTIFY_SOCKET=@nobody -- survives_at "socket|connect|sendto|sendmsg" TERM "exit 0" \
    ./homework_service --interval 1000 --log log
  # with 108 bytes no room is left for the final 0
  for name in "$(printf %0107d 0)" "$(printf %0150d 0)"; do
    rm -f log
    with env "NOTIFY_SOCKET=/$name" -- sanitized ./homework_service --interval 1000 --log log
  done
}

@test "6.3 WATCHDOG=1 twice in WATCHDOG_USEC, whatever the interval [3]" {
  local n=0 likely="half of WATCHDOG_USEC, in microseconds, also if it wakes up for that alone"
  pick first 100 150
  # shellcheck disable=SC2016
  with sh -c 'WATCHDOG_PID=$$ exec "$@"' sh -- served_to "WATCHDOG_USEC=${first}000" -- --interval 1000
  hears WATCHDOG=1 4 "$likely; and WATCHDOG_PID is its own"
  lines_are 1 "to wake up for the watchdog is no beat"
  for usec in "$first" $((4 * first)); do # as in 1.3
    ((n >= 9)) || pings "$usec" || return
  done
  ((n >= 9 && n <= 30)) ||
    wrong expected "WATCHDOG=1 some 12 times in 6 * WATCHDOG_USEC" program "$n times" likely "$likely"
}

# pings MS: sets n: how often it says WATCHDOG=1 while it beats 20 times, in 6 * MS, with that WATCHDOG_USEC.
pings() {
  local lines RUN_TIMEOUT=30 WAIT_TIMEOUT=$((3 + $1 / 80))
  served_to "WATCHDOG_USEC=${1}000" -- --interval "$(seconds $((3 * $1 / 10)))"
  beats 20 || return
  n=$(grep -c WATCHDOG=1 messages) || :
  has_beats 20 && n=$((n * 20 / ${#lines[@]}))
}

# full_pipe: the log is a pipe that is full: write(2) blocks.
full_pipe() {
  rm log && mkfifo log
  exec 8<>log
  dd if=/dev/zero of=log bs=4096 oflag=nonblock 2>/dev/null || :
}

# at_most N HINT VARIABLE=VALUE...: with these variables it says WATCHDOG=1 at most N times in four beats.
at_most() {
  served_to "${@:3}" -- --interval 0.1
  beats 4
  stops TERM
  hears STOPPING=1
  n=$(grep -c WATCHDOG=1 messages) || :
  ((n <= $1)) || wrong expected "WATCHDOG=1 no more than $1 times" program "$n times" likely "$2"
}

@test "6.4 no WATCHDOG=1 for another process, or while write hangs [3]" {
  at_most 0 "none without WATCHDOG_USEC"
  at_most 0 "of another process is not its business" WATCHDOG_PID=1 WATCHDOG_USEC=20000
  at_most 1 "an int cannot hold all times" "WATCHDOG_USEC=3$((RANDOM % 9))00000000"
  full_pipe
  listen "@labs-$OURS"
  with env "NOTIFY_SOCKET=@labs-$OURS" WATCHDOG_USEC=50000 -- start --log log
  hears READY=1
  eventually sleeps "$pid" || :
  n=$(grep -c WATCHDOG=1 messages) || :
  nap 0.3
  same "WATCHDOG=1 while it hangs" "$n" _ "$(grep -c WATCHDOG=1 messages)" "*=say it where you wait for beats"
}

@test "6.5 start waits for READY=1; a service that hangs is restarted [3]" {
  without_log never Restart=no
  ! systemctl start "$unit" 2>/dev/null || wrong expected "systemctl start fails" kernel "it succeeds" \
    likely "READY=1 comes after the log is open"
  ended_as "exit-code exited 1"
  serves ready RestartSec=100ms
  understood notify.txt
  serves hangs RestartSec=100ms "WatchdogSec=$((2 + SLOW / 1000))"
  kill_main STOP
  becomes "the end of its main process" "watchdog *" ends_as -- "=Type=notify and WatchdogSec="
  beats 2
}

# ---- task 7: blame --------------------------------------------------------------------------------

# answer KEY [SUFFIX]: sets name to the property that the student has named, value to what systemd says of it.
answer() {
  name=$(sed -nE "s/^$1: *([A-Za-z]+) *$/\1/p" "$ANSWERS")
  [[ -n $name ]] || wrong expected "a line $1: PROPERTY" program "$(grep "^$1:" "$ANSWERS")" || return
  name=${name%"${2-}"}${2-}
  property "$name"
  [[ -z ${2-} || $value =~ ^[1-9][0-9]*$ ]] || wrong expected "$1: a moment, ...$2" kernel "$name=$value"
}

# blamed: an observer: the ms that systemd-analyze blame has for the unit.
blamed() {
  value=$(systemd-analyze "${MANAGER[@]}" blame --no-pager |
    awk -v unit="$unit" '$NF == unit { print $1 * ($1 ~ /ms/ ? 1 : 1000) }')
}

@test "7.1 what blame shows of a restarted service, and what is in it [6]" {
  requires blame
  [[ -e $ANSWERS ]] || wrong expected "$LAB/${ANSWERS##*/}" kernel "there is no such file"
  pick wait 600 1400
  serves blame "RestartSec=${wait}ms"
  kill_main TERM
  beats 2
  systemctl reload "$unit" 2>/dev/null || : # which is no start
  note ran "systemd-analyze${MANAGER:+ --user} blame" && blamed && blame=$value
  answer from TimestampMonotonic && from=$value
  answer until TimestampMonotonic
  near "ms of blame, between the two moments" "$blame" 1 $(((value - from) / 1000)) _ \
    "-$blame=the other way round" "$((blame - wait))=it begins when the service begins to wait for a restart"
  answer includes
  [[ $name == RestartUSec ]] || wrong expected "the property that you have set in the unit" program "$name" \
    likely "which part of it did you set in the unit?"
}
