# shellcheck shell=bash
# The verbs that checks are written in: run the program, wait until the kernel shows a state, judge.
# This file has those that run and wait; judge.bash and sweeps.bash have those that judge.
#
# From run:  GRADER  this grader          SEED       what varies follows from it
#            SLOW    how slow this machine is, in percent of the one where time limits were chosen
#            CONTAINED  yes: no other process uses our IPC objects, /tmp and /dev/shm

# shellcheck source=grader/lib/machine.bash
source "$GRADER/lib/machine.bash"
# shellcheck source=grader/lib/ipc.bash
source "$GRADER/lib/ipc.bash"
# shellcheck source=grader/lib/judge.bash
source "$GRADER/lib/judge.bash"
# shellcheck source=grader/lib/sweeps.bash
source "$GRADER/lib/sweeps.bash"

LAB_DIR=$BATS_TEST_DIRNAME # the lab's folder in the kit
read -r LAB <"$LAB_DIR/lab"
RUN_TIMEOUT=6                           # seconds that one run may last, on a machine that is not slow
WAIT_TIMEOUT=3                          # seconds to wait for a state, likewise
OUTPUT_LIMIT=1024                       # KiB that a run may print
printf -v between 0.%03d $((SLOW / 20)) # seconds between two looks: 5 ms on a machine that is not slow
printf -v moment 0.%03d $((SLOW / 100)) # until a process has begun, likewise
MAY_HOLD=""                             # files (a pattern) that a program may have open while it waits
PROGRAMS=$(cd -P "$LAB_DIR/programs" && pwd)
for source in "$PROGRAMS"/*.{c,why}; do [[ ! -e $source ]] || break; done
PROGRAM=${source%.*} # the one that runs where no program is named; labs with several name it
BUILD_LOG=$PROGRAMS/build.log

declare -gA said=()                           # what the program said: the named values of the last shape
declare -ga notes=()                          # what the check has to tell, "key text"
declare -ga pids=()                           # of the programs that were launched
declare -gA has=()                            # what this check has required
declare -ga at_end=()                         # what has to be called when the check is over
declare -gA supervisor=() pid_of=() ran_at=() # by run
verdict="" runs=0
# shellcheck disable=SC2034 # not every lab looks at both
stdout="" stderr="" # of the run that finished last

# bats calls this before each check; a lab's own preparations go into `prepare`.
setup() {
  local now line
  set +T # bats' DEBUG trap costs more than the checks; what is left of it tells the line of a broken one
  check=${BATS_TEST_DESCRIPTION%% *}
  trap '[[ ${FUNCNAME[0]-} != "check_${check/./_}" || $LINENO == 1 ]] || broken_at=$LINENO' DEBUG
  declare -ft "$BATS_TEST_NAME" "check_${check/./_}"
  now # not the time of day: a check may set that
  began=$now
  trap signalled TERM HUP INT
  [[ -e $LAB_DIR/began ]] || cp "${BATS_TEST_SOURCE:-/dev/null}" "$LAB_DIR/began" || :
  echo "$check $BASHPID" >"$LAB_DIR/running"
  cd "$BATS_TEST_TMPDIR" || return
  RANDOM=$(((SEED + 10#${check//./}) % 32768))
  exec {nap}<> <(:) # `read -t` on it sleeps without a process
  reads=""
  ipc_remember # before anything that may skip: what is cleared at the end is what came after
  files_remember
  [[ ! -e $LAB_DIR/hung ]] || RUN_TIMEOUT=3 # this submission has let us wait already
  [[ -z ${FIRST-} || ! -e $LAB_DIR/failed ]] || skip "another check has failed"
  its_line
  [[ ! $line =~ \"requires\":\[([^]]*)\] ]] || requires ${BASH_REMATCH[1]//[\",]/ }
  ! declare -F prepare >/dev/null || prepare
}

# signalled: where no process but the program is here to signal the check itself, that is a verdict. Elsewhere the run
# was interrupted: only what clears up is done. (bats alone would go on with the check.)
signalled() {
  trap "" TERM HUP INT
  [[ $CONTAINED == yes ]] || exit 130
  wrong expected "signals for its own children only" kernel "every process of this check got a signal" \
    likely "kill(-1, ...) is sent to every process: did a call return the pid -1?" || exit 1
}

# bats calls this after each check, whatever became of it: it clears up and writes the record.
teardown() {
  local run call
  [[ $CONTAINED == yes ]] || trap "" TERM HUP INT # an interrupted run clears up to the end
  for run in "${!supervisor[@]}"; do
    kill -USR1 "${supervisor[$run]}" 2>/dev/null && wait "${supervisor[$run]}" 2>/dev/null
  done
  ipc_clear
  files_clear
  for call in "${at_end[@]}"; do
    "$call"
  done
  if [[ -n $BATS_TEST_SKIPPED ]]; then
    [[ $verdict == broken ]] || verdict=skipped
    note reason "$BATS_TEST_SKIPPED"
  elif [[ -n $BATS_TEST_COMPLETED ]]; then
    verdict=passed
  elif [[ $verdict != failed ]]; then
    verdict=broken
    note broken "$LAB/checks.bats, line ${broken_at-?}${why_broken+: $why_broken}"
  fi
  [[ $verdict == passed || $verdict == skipped ]] || : >"$LAB_DIR/failed"
  record
  rm -f "$LAB_DIR/running"
}

# record: writes the verdict and its evidence, a line of JSON, behind what `list` says of the check.
record() {
  local line text evidence="" points=0 now ms
  its_line
  [[ $line =~ \"max\":([0-9]+) && $verdict == passed ]] && points=${BASH_REMATCH[1]}
  for text in "${notes[@]}"; do
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    evidence+=",{\"key\":\"${text%% *}\",\"text\":\"${text#* }\"}"
  done
  now
  ms=$((now - began))
  printf '%s,"points":%d,"verdict":"%s","seconds":%d.%03d,"seed":%d,"slow":%d.%02d,"where":"%s","evidence":[%s]}\n' \
    "${line%\}}" "$points" "$verdict" $((ms / 1000)) $((ms % 1000)) "$SEED" $((SLOW / 100)) $((SLOW % 100)) \
    "${IN_LAB_VM:+in the lab VM}" "${evidence#,}" >>"$LAB_DIR/records"
}

# broken WHY: ends the check; it is the check that is wrong, not the program.
broken() {
  why_broken=$*
  return 1
}

# requires WORD...: skips the check where the machine lacks one of them (machine.bash). The lab VM lacks
# nothing: there it is an error.
requires() {
  local word
  for word; do
    [[ -n ${REMEDY[$word]:-} ]] || broken "requires $word: no such word" || return
    if [[ ! -e $BATS_FILE_TMPDIR/can_$word ]]; then
      if ! "can_$word"; then
        [[ -z ${IN_LAB_VM-} ]] || broken "requires $word: the lab VM lacks it" || return
        skip "needs ${REMEDY[$word]}"
      fi
      : >"$BATS_FILE_TMPDIR/can_$word"
    fi
    has[$word]=yes
  done
}

# all_require WORD...: every check of the file requires them; setup has asked, by what `list` says.
all_require() { :; }

# its_line: sets line to what `list` says of this check.
its_line() { while IFS= read -r line && [[ $line != *"\"number\":\"$check\""* ]]; do :; done <"$LAB_DIR/checks.jsonl"; }

# ---- running -------------------------------------------------------------------------------------

# named WORD...: sets command to the words, where ./NAME is a program of the submission; the lab's one
# program stands first where the first word is none.
named() {
  local word
  command=()
  [[ ${1-} == ./* ]] || command=("$PROGRAM")
  for word; do
    [[ $word != ./* || ! -e $PROGRAMS/${word#./}.c && ! -e $PROGRAMS/${word#./}.why ]] || word=$PROGRAMS/${word#./}
    command+=("$word")
  done
  [[ ! -e ${command[0]}.why ]] || wrong expected "the program ./${command[0]##*/}" kernel "$(<"${command[0]}.why")"
}

# typed WORD...: sets line to the words as they are typed in a shell.
typed() {
  local word zeros i
  line=""
  for word; do
    if ((${#word} > 1000)); then # a text of a check: something, and then zeros only
      printf -v zeros "%0${#word}d" 0
      for ((i = 0; i < 50; i++)); do [[ ${word:i} != "${zeros:i}" ]] || break; done
      word="\"${word:0:i}\$(printf %0$((${#word} - i))d 0)\""
    elif [[ ! $word =~ ^[a-zA-Z0-9_./:=+,-]+$ ]]; then
      word=${word@Q}
    fi
    line+=${line:+ }$word
  done
}

# launch COMMAND...: runs it in the background. Sets run, the name to finish it by, and pid.
# What the student is shown, to be pasted in the lab's folder, is $as and the program's own words.
launch() {
  local line tries i
  for ((i = 1; i < $#; i++)); do # what stands before the program is in $as already
    [[ ${!i} != "$PROGRAMS"/* ]] || break
  done
  typed "${@:i}"
  line=${as:+$as }${line//"$PROGRAMS"/.}
  run=$BATS_TEST_TMPDIR/run$((++runs))
  ran_at[$run]=${#notes[@]}
  [[ -n ${quiet-} ]] || note ran "${line//"$BATS_TEST_TMPDIR"/\$PWD}${background-}"
  : >"$run.status"
  "$GRADER/lib/supervise" "$run.status" $((RUN_TIMEOUT * SLOW / 100)) "$OUTPUT_LIMIT" "$@" \
    </dev/null >"$run.out" 2>"$run.err" 3>&- &
  supervisor[$run]=$!
  pid=0 trace_of="" open=""
  for ((tries = 0; tries < 5000; tries++)); do
    read -r _ pid <"$run.status" && break
    nap "$moment"
  done
  pids+=("$pid")
  pid_of[$run]=$pid
}

# start [./NAME] ARGUMENT...: launches a program under test in the background, behind what `with` says.
declare -ga before=()
start() {
  local command
  named "$@" || return
  background=" &" launch "${before[@]}" "${command[@]}"
}

# try [./NAME] ARGUMENT...: runs it to its end.
try() {
  local command
  named "$@" || return
  launch "${before[@]}" "${command[@]}"
  finish
}

# with WORD... -- VERB...: the verb's run is started by these words: `with prlimit --nofile=5 -- try ./p`.
with() {
  local -a words=()
  local line
  while [[ $1 != -- ]]; do
    words+=("$1")
    shift
  done
  typed "${words[@]}"
  local -a before=("${before[@]}" "${words[@]}")
  as="${as:+$as }$line" "${@:2}"
}

# inheriting VERB...: the verb's run begins with a child that it has not made, and that has ended with 77.
inheriting() { INHERITS=yes as="${as:+$as }bash -c '(exit 77) & exec \"\$@\"' bash" "$@"; }

# believing BYTES VERB...: the verb's run believes that a page has so many bytes (pages.c).
believing() {
  [[ -n ${has[pages]-} ]] || broken "believing, and not: requires pages" || return
  local PROGRAMS=$PROGRAMS
  local -a before=("${before[@]}" env "LD_PRELOAD=$GRADER/lib/pages.so" "PAGESIZE=$1")
  [[ ! -d $PROGRAMS/dynamic ]] || PROGRAMS=$PROGRAMS/dynamic
  as="${as:+$as }PAGESIZE=$1" "${@:2}"
}

# kill -SIGNAL PID...: to processes that have been found, only: with 0, or nothing, it would be this grader's own.
kill() {
  [[ $1 == -l || " ${*:2} " =~ ^(" "[1-9][0-9]*)+" "$ ]] && builtin kill "$@"
}

# send SIGNAL [RUN]: to the program of this run; the student sees it with what was run.
send() {
  local of=${2:-$run}
  run=$of also_ran " sleep 1; kill -$1 \$!;"
  kill "-$1" "${pid_of[$of]}" 2>/dev/null || :
}

# also_ran TEXT: what is typed behind the last run.
also_ran() {
  local at=${ran_at[$run]}
  [[ ${notes[at]-} != "ran "* ]] || notes[at]+=$1
}

# suspend: stops the program and lets it go on, and then with its children, as Ctrl-Z and fg do: a SIGCHLD of theirs
# can hide what the stop alone does.
suspend() {
  local -a children=()
  waits() { ! in_state R "$1"; }
  for _ in alone together; do
    send TSTP
    kill -TSTP "${children[@]}" 2>/dev/null || :
    eventually in_state T "$pid" || :
    send CONT
    kill -CONT "${children[@]}" 2>/dev/null || :
    eventually waits "$pid" || : # until it waits again, another stop would be the same one
    children_of "$pid"
  done
}

# pending SIGNAL...: these are all there when the program looks next.
pending() {
  local each
  files_open
  for each in STOP "$@" CONT; do
    send "$each"
  done
}

# finish [RUN] [SIGNAL]: sends the signal if any, and waits for the end of the run.
# Sets end ("exit 0", "signal 15", "timeout"), ms, left, unreaped, hit, open, stdout and stderr.
finish() {
  [[ -n ${1:-} && -n ${supervisor[$1]-} ]] && run=$1 && shift
  local key value
  if [[ -n ${1:-} ]]; then
    files_open
    send "$1"
  fi
  end="without a verdict" ms=0 left="?" unreaped="?" hit=0
  if wait "${supervisor[$run]}"; then
    while read -r key value; do
      # shellcheck disable=SC2034 # ms is for the checks
      case $key in end) end=$value ;; ms) ms=$value ;; left) left=$value ;; unreaped) unreaped=$value ;; hit) hit=$value ;; esac
    done <"$run.status"
  else
    end="killed supervise, its parent" # the program had no business with it
  fi
  unset "supervisor[$run]"
  [[ $end != timeout ]] || : >"$LAB_DIR/hung"
  [[ $end != timeout || -z $trace_of ]] || end_by_trace
  [[ -z $trace_of || ! -e $trace_of ]] || whole_lines
  contents stderr "$run.err"
  contents stdout "$run.out"
}

# end_by_trace: strace waits for every process; when the program has ended and a child has not, that is it.
end_by_trace() {
  local line
  begun || return 0
  line=$(grep -m 1 -E "^$main +\+\+\+ (exited with|killed by) " "$trace_of") || return 0
  [[ $line =~ with\ ([0-9]+) ]] && end="exit ${BASH_REMATCH[1]}"
  [[ $line =~ by\ SIG([A-Z0-9]+) ]] && end="signal $(kill -l "${BASH_REMATCH[1]}")"
  left=1
}

# whole_lines: a call that strace has in two lines, for another process made one meanwhile, becomes one line.
whole_lines() {
  awk '/ <unfinished \.\.\.>$/ { sub(/ *<unfinished \.\.\.>$/, ""); begun[$1] = $0; next }
    / resumed>/ && $1 in begun { rest = $0; sub(/^.* resumed>/, "", rest); print begun[$1] rest; delete begun[$1]; next }
    { print }
    END { for (pid in begun) print begun[pid] " <unfinished ...>" }' "$trace_of" >"$trace_of.whole" &&
    mv "$trace_of.whole" "$trace_of"
}

# files_open: sets open to a file that the program keeps open while it waits: no terminal, pipe, socket or memfd.
files_open() {
  local fd
  none_open() {
    open=""
    for fd in "/proc/$pid/fd"/*; do
      [[ ${fd##*/} -le 2 ]] && continue
      fd=$(readlink "$fd") || continue
      # shellcheck disable=SC2053 # a pattern
      [[ $fd != /* || $fd == /dev/* || $fd == /memfd:* || $fd == $MAY_HOLD ]] || open=$fd
    done
    [[ -z $open ]]
  }
  [[ -n $open ]] || eventually none_open || :
}

# contents VAR FILE: what is in it without the final newline; a NUL byte becomes \0, not nothing. Sets unended to yes
# if there is no final newline.
contents() {
  local -a _parts
  local _text
  mapfile -d "" -t _parts <"$2"
  printf -v _text '%s\\0' "${_parts[@]}"
  _text=${_text%'\0'} unended=""
  # shellcheck disable=SC2034 # for the checks
  [[ -z $_text || ${_text: -1} == $'\n' ]] || unended=yes
  printf -v "$1" %s "${_text%$'\n'}"
}

# trace STRACE-OPTION... -- [./NAME] ARGUMENT...: launches the program under strace -f; the log is
# strace.log. traced: the same, to its end.
trace() {
  [[ -n ${has[strace]-} ]] || broken "it traces, and does not say: requires strace" || return
  local -a options=() command
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  named "${@:2}" || return
  local log=$BATS_TEST_TMPDIR/strace.log
  rm -f "$log"
  as="${as:+$as }strace -f ${options[*]}" \
    launch "${before[@]}" strace -f -o "$log" "${options[@]}" "${command[@]}"
  trace_of=$log
}

traced() {
  trace "$@" || return
  finish
  begun || :
}

# begun: there is something in strace.log. Sets main, the pid of the program.
begun() {
  main=0
  { read -r main _ <"$BATS_TEST_TMPDIR/strace.log"; } 2>/dev/null || return
  pids+=("$main")
}

# memcheck [./NAME] ARGUMENT...: launches the program under valgrind, which takes its time.
memcheck() {
  local -a command
  local PROGRAMS=$PROGRAMS PROGRAM=$PROGRAM
  [[ ! -d $PROGRAMS/dynamic ]] || PROGRAM=$PROGRAMS/dynamic/${PROGRAM##*/} PROGRAMS=$PROGRAMS/dynamic
  named "$@" || return
  RUN_TIMEOUT=30 WAIT_TIMEOUT=30
  as="${as:+$as }valgrind --leak-check=full" launch "${before[@]}" valgrind --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite --read-inline-info=no \
    --vgdb=no --run-libc-freeres=no --xml=yes --xml-file="$BATS_TEST_TMPDIR/memcheck.%p.xml" "${command[@]}"
}

# ---- waiting -------------------------------------------------------------------------------------

# nap [SECONDS]: without a number, between two looks: longer on a slow machine, where a look takes longer, too.
nap() { read -rt "${1:-$between}" -u "$nap" || :; }

# now: sets now, in ms of the monotonic clock (CLOCK_BOOTTIME).
now() {
  read -r now _ </proc/uptime
  now=$((10#${now/./} * 10))
}

# eventually COMMAND...: waits until it succeeds, WAIT_TIMEOUT seconds at most; not much longer when the program
# has ended by itself meanwhile.
eventually() {
  local now until ending=""
  now
  until=$((now + WAIT_TIMEOUT * 10 * SLOW))
  until "$@"; do
    now
    ((now < until)) || return
    [[ -n $ending ]] || ! over || ending=yes until=$((now + 2 * SLOW))
    nap
  done
}

# over: the run that goes on in the background has ended by itself.
over() {
  local -a lines=()
  [[ -n ${run-} && -n ${supervisor[$run]-} ]] && mapfile -t lines <"$run.status" && ((${#lines[@]} > 1))
}

# printed N: waits until the last run has printed N lines, or has ended, or the time is over.
printed() {
  local -a lines
  has_lines() {
    mapfile -t lines <"$run.out"
    ((${#lines[@]} >= $1))
  }
  eventually has_lines "$1" || :
}

# in_state STATE PID: R, S, T ... as in proc(5).
in_state() {
  local line=""
  { read -r line <"/proc/$2/stat"; } 2>/dev/null
  [[ ${line##*) } == "$1"* ]]
}

# children_of PID: sets children to the pids of its children.
children_of() {
  children=()
  read -ra children 2>/dev/null <"/proc/$1/task/$1/children" || : # the line has no end
}

# sleeps PID: it neither runs nor looks around: found asleep again and again.
sleeps() {
  local i
  for ((i = 0; i < 5; i++)); do
    in_state S "$1" || return
    nap
  done
}

# stays_asleep SECONDS: the program sleeps, and is not put on a CPU for that long.
stays_asleep() {
  local was
  awake() {
    local key is
    value=""
    while read -r key is; do
      [[ $key != State: && $key != *ctxt_switches: ]] || value+="$key $is "
    done <"/proc/$pid/status"
  }
  becomes state '*sleeping*' awake -- "*running*=it looks again and again" \
    "*=a wait that SIGCONT interrupts goes on: Ctrl-Z and fg do not end it"
  was=$value
  nap "$1"
  awake
  same "state while it waits" "$was" "$value" _ "*running*=it looks again and again" \
    "*=one call waits for all there is to wait for: no look in between, no sleep of its own"
}

# seconds MS: that many milliseconds, in seconds, as an option or nap takes them.
seconds() { printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }

# ---- drawing -------------------------------------------------------------------------------------

# pick VAR MIN MAX, one_of VAR VALUE...: what varies from seed to seed.
pick() { printf -v "$1" %d $(($2 + (RANDOM * 32768 + RANDOM) % ($3 - $2 + 1))); }
one_of() {
  local -a values=("${@:2}")
  printf -v "$1" %s "${values[RANDOM % ${#values[@]}]}"
}
