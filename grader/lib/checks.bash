# shellcheck shell=bash
# The verbs that checks are written in. A check launches the program, waits for a state that the
# kernel shows, and says with `same` or `shape` what has to be true; the verbs explain what was not.
#
# From grade:  GRADER  this grader            BIN      supervise, compiled
#              LAB     lab02-shm              LAB_DIR  its expected/
#              PROGRAM the program under test SEED     what varies follows from it
#              BUILD_LOG the compiler's words PRIVATE_IPC  yes: nobody else is in our IPC namespace

# shellcheck source=grader/lib/capabilities.bash
source "$GRADER/lib/capabilities.bash"
# shellcheck source=grader/lib/ipc.bash
source "$GRADER/lib/ipc.bash"

LIMIT=6           # seconds that one run may last
FILE_LIMIT=1024   # KiB that it may print
declare -gA said  # what the program said: the named values of the last shape
declare -ga notes # what the check has to tell, "key text"
declare -ga pids  # of the programs that were launched
declare -ga required=()
declare -ga at_end=() # what has to be called when the check is over, whatever became of it
runs=0
# shellcheck disable=SC2034 # not every lab looks at both
stdout="" stderr="" # of the run that finished last

setup() {
  [[ -n ${TRACE-} ]] || trap - DEBUG # dearer than the checks; TRACE=1 gives line numbers instead
  cd "$BATS_TEST_TMPDIR" || return
  local number=${BATS_TEST_DESCRIPTION%% *}
  RANDOM=$(((SEED + 10#${number//./}) % 32768))
  exec {nap}<> <(:) # `read -t` on it sleeps without a process
  reads=""
  requires "${required[@]}"
  ipc_remember
}

teardown() {
  local run note call
  for run in "${!supervisor[@]}"; do
    kill "${supervisor[$run]}" 2>/dev/null && wait "${supervisor[$run]}" 2>/dev/null
  done
  ipc_clear
  for call in "${at_end[@]}"; do
    "$call"
  done
  for note in "${notes[@]}"; do
    echo "#: $note"
  done >&3
}

# ---- running -------------------------------------------------------------------------------------

# launch COMMAND...: runs it in the background. Sets run, the name to finish it by, and pid.
# What the student is shown, to be pasted, is $as, the program and its arguments.
declare -gA supervisor pid_of # by run
launch() {
  local word line="" tries
  for word; do
    if [[ $word == "$PROGRAM" ]]; then # once more it is an argument
      [[ $line == *"./${PROGRAM##*/}"* ]] && line+=" ./${PROGRAM##*/}" || line="${as:+$as }./${PROGRAM##*/}"
      continue
    fi
    [[ $word =~ ^[a-zA-Z0-9_./:=+-]+$ ]] || word=${word@Q}
    [[ -z $line ]] || line+=" $word"
  done
  [[ -z $line ]] || note ran "${line//"$BATS_TEST_TMPDIR"/\$PWD}${background-}"
  run=$BATS_TEST_TMPDIR/run$((++runs))
  : >"$run.status"
  "$BIN/supervise" "$run.status" "$LIMIT" "$FILE_LIMIT" "$@" </dev/null >"$run.out" 2>"$run.err" 3>&- &
  supervisor[$run]=$!
  pid=0
  for ((tries = 0; tries < 5000; tries++)); do
    read -r _ pid <"$run.status" && break
    nap 0.001
  done
  pids+=("$pid")
  pid_of[$run]=$pid
}

# start ARGUMENT...: launches the program under test, and what is to stand before it.
declare -ga before=()
start() { background=" &" launch "${before[@]}" "$PROGRAM" "$@"; }

# printed N: waits until the last run has printed N lines, or has ended, or some seconds are over.
printed() {
  local -a lines
  local tries
  for ((tries = 0; tries < 400; tries++)); do
    mapfile -t lines <"$run.out"
    ((${#lines[@]} < $1)) && kill -0 "${supervisor[$run]}" 2>/dev/null || return 0
    nap
  done
}

# finish [RUN] [SIGNAL]: sends the signal if any, and waits for the end of the run.
# Sets end ("exit 0", "signal 15", "timeout"), ms, left, unreaped, stdout and stderr.
finish() {
  [[ -n ${1:-} && -n ${supervisor[$1]-} ]] && run=$1 && shift
  local key value
  [[ -z ${1:-} ]] || kill "-$1" "${pid_of[$run]}" 2>/dev/null || :
  wait "${supervisor[$run]}" || :
  end="without a verdict" ms=0 left="?" unreaped="?"
  unset "supervisor[$run]"
  while read -r key value; do
    # shellcheck disable=SC2034 # ms is for the checks
    case $key in end) end=$value ;; ms) ms=$value ;; left) left=$value ;; unreaped) unreaped=$value ;; esac
  done <"$run.status"
  contents stdout "$run.out"
  contents stderr "$run.err"
}

# contents VAR FILE: what is in it without the final newline; a NUL byte becomes \0, not nothing.
contents() {
  local -a _parts
  local _text
  mapfile -d "" -t _parts <"$2"
  printf -v _text '%s\\0' "${_parts[@]}"
  _text=${_text%'\0'}
  printf -v "$1" %s "${_text%$'\n'}"
}

# try ARGUMENT...: runs the program under test to its end.
try() {
  launch "${before[@]}" "$PROGRAM" "$@"
  finish
}

# trace STRACE-OPTION... -- ARGUMENT...: launches the program under test under strace -f. The log is
# strace.log. The check must have required strace.
trace() {
  [[ -e $BATS_FILE_TMPDIR/can_strace ]] || { echo "traced, but not: requires strace" && return 1; }
  local -a options=()
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  local log=$BATS_TEST_TMPDIR/strace.log
  rm -f "$log"
  as="${as:+$as }strace -f ${options[*]}" launch "${before[@]}" strace -f -o "$log" "${options[@]}" "$PROGRAM" "${@:2}"
}

# begun: there is something in strace.log. Sets main, the pid of the program.
begun() {
  main=0
  { read -r main _ <"$BATS_TEST_TMPDIR/strace.log"; } 2>/dev/null || return
  pids+=("$main")
}

# traced STRACE-OPTION... -- ARGUMENT...: the same, and waits for its end.
traced() {
  trace "$@"
  finish
  begun || :
}

nap() { read -rt "${1:-0.005}" -u "$nap" || :; }

# now: sets now, in ms of a clock that nobody sets (CLOCK_BOOTTIME).
now() {
  read -r now _ </proc/uptime
  now=$((10#${now/./} * 10))
}

# eventually COMMAND...: waits until it succeeds, PATIENCE seconds at most.
PATIENCE=${IN_LAB_VM:+6}
PATIENCE=${PATIENCE:-3}
eventually() {
  local now until
  now
  until=$((now + PATIENCE * 1000))
  until "$@"; do
    now
    ((now < until)) || return
    nap
  done
}

# in_state STATE PID: R, S, T ... as in proc(5).
in_state() {
  local line=""
  { read -r line <"/proc/$2/stat"; } 2>/dev/null
  [[ ${line##*) } == "$1"* ]]
}

# pick VAR MIN MAX, one_of VAR VALUE...: what varies from seed to seed.
pick() { printf -v "$1" %d $(($2 + (RANDOM * 32768 + RANDOM) % ($3 - $2 + 1))); }
one_of() {
  local -a values=("${@:2}")
  printf -v "$1" %s "${values[RANDOM % ${#values[@]}]}"
}

# all_require WORD...: every check of the file requires them.
all_require() { required=("$@"); }

# requires WORD...: skips the check where the machine lacks one of them (capabilities.bash). The lab VM
# lacks nothing: there it is an error.
requires() {
  local word
  for word; do
    [[ -n ${REMEDY[$word]:-} ]] || { echo "requires $word: no such word" && return 1; }
    [[ -e $BATS_FILE_TMPDIR/can_$word ]] && continue
    if ! "can_$word"; then
      [[ -z ${IN_LAB_VM-} ]] || { echo "requires $word: the lab VM lacks it" && return 1; }
      skip "needs ${REMEDY[$word]}"
    fi
    : >"$BATS_FILE_TMPDIR/can_$word"
  done
}

# ---- judging -------------------------------------------------------------------------------------

# note KEY TEXT: one line of evidence. What the program said is data: control bytes become '?'.
note() {
  local text=${2//[^[:print:]]/?}
  ((${#text} <= 300)) || text=${text:0:300}...
  notes+=("$1 $text")
}

# wrong KEY TEXT [KEY TEXT]...: fails the check, with these notes and where to read on.
wrong() {
  local number=${BATS_TEST_DESCRIPTION%% *}
  while (($# > 1)); do
    [[ -z $2 ]] || note "$1" "$2"
    shift 2
  done
  note read "${reads:+$reads; }task ${number%.*} in $LAB/README.md"
  note again "SEED=$SEED make ${LAB%%-*} TASK=$number"
  return 1
}

# same WHAT EXPECTED KERNEL PROGRAM [VALUE=HINT]...: what the kernel says is as expected, and the
# program says so too. '_' stands for a side that is not asked. A hint is shown when the kernel, or
# else the program, has that value (a pattern).
same() {
  local what=$1 expected=$2 kernel=$3 program=$4 hint likely="" odd
  shift 4
  [[ $kernel == _ || $kernel == "$expected" ]] && odd=$program || odd=$kernel
  if [[ $odd == _ || $odd == "$expected" ]]; then
    [[ $kernel == _ ]] || note kernel "$what $kernel"
    return 0
  fi
  for hint; do
    # shellcheck disable=SC2053
    [[ -z $likely && $odd == ${hint%%=*} ]] && likely=${hint#*=}
  done
  [[ $kernel == _ ]] && kernel="" || kernel="$what $kernel"
  [[ $program == _ ]] && program="" || program="$what $program"
  wrong expected "$what ${expected:-(none)}" kernel "$kernel" program "$program" likely "$likely"
}

# within A B TOLERANCE: two numbers, and they differ by no more than that.
within() { [[ $1 =~ ^-?[0-9]{1,18}$ ]] && (($1 - $2 <= $3 && $2 - $1 <= $3)); }

# near WHAT EXPECTED TOLERANCE KERNEL PROGRAM [NUMBER=HINT]...: `same` for numbers that may differ by
# TOLERANCE. Shown is the hint whose number is nearest to what the kernel, or else the program, has.
near() {
  local what=$1 expected=$2 tolerance=$3 kernel=$4 program=$5 hint likely="" odd far best=-1
  shift 5
  [[ $kernel == _ ]] || within "$kernel" "$expected" "$tolerance" && odd=$program || odd=$kernel
  if [[ $odd == _ ]] || within "$odd" "$expected" "$tolerance"; then
    [[ $kernel == _ ]] || note kernel "$what $kernel"
    return 0
  fi
  for hint; do
    [[ $odd =~ ^-?[0-9]+$ ]] && within "$odd" "${hint%%=*}" $((tolerance + ${odd#-} / 50)) || continue
    far=$((odd - ${hint%%=*}))
    ((best >= 0 && ${far#-} >= best)) || likely=${hint#*=} best=${far#-}
  done
  [[ $kernel == _ ]] && kernel="" || kernel="$what $kernel"
  [[ $program == _ ]] && program="" || program="$what $program"
  ((tolerance == 0)) || expected+=", give or take $tolerance"
  wrong expected "$what $expected" kernel "$kernel" program "$program" likely "$likely"
}

# shape FILE [PATTERN=HINT]...: the run has printed the lines of expected/FILE, where <int:NAME>,
# <hex:NAME>, <oct:NAME>, <num:NAME>, <word:NAME>, <text:NAME> stand for what varies; keeps it in said[NAME].
# A file that begins with `... 4 lines` tells those that follow after four others.
shape() {
  local -A types=([int]='-?[0-9]+' [hex]='0x[0-9a-f]+' [oct]='[0-7]+' [num]='[0-9]+(\.[0-9]+)?' [word]='[^ ]+' [text]='.+')
  local -a want got
  local i skipped=0 rest type tag literal line text hint likely=""
  mapfile -t want <"$LAB_DIR/expected/$1"
  contents text "$run.out"
  shift
  if [[ -n $text ]]; then
    mapfile -t got <<<"$text"
  elif [[ -n ${supervisor[$run]-} ]]; then
    likely="does it still hold its output in a buffer? setvbuf(3) with _IOLBF, or fflush(3)"
  fi
  if [[ ${want[0]} =~ ^\.\.\.\ ([0-9]+)\ lines$ ]]; then
    skipped=${BASH_REMATCH[1]}
    want=("${want[@]:1}")
    got=("${got[@]:skipped}")
  fi
  said=()
  for ((i = 0; i < ${#want[@]} || i < ${#got[@]}; i++)); do
    rest=${want[i]-} line=${got[i]-}
    while [[ $rest =~ ^(([^<]|\<[^a-z])*)\<([a-z]+):([a-z_]+)\>(.*)$ ]]; do
      literal=${BASH_REMATCH[1]} type=${types[${BASH_REMATCH[3]}]} tag=${BASH_REMATCH[4]} rest=${BASH_REMATCH[5]}
      [[ $line == "$literal"* ]] || break
      line=${line#"$literal"}
      [[ $line =~ ^(${type:?unknown type}) ]] || break
      said[$tag]=${BASH_REMATCH[1]}
      line=${line#"${said[$tag]}"}
    done
    [[ $line == "$rest" && -n ${want[i]+set} && -n ${got[i]+set} ]] && continue
    for hint; do
      # shellcheck disable=SC2053
      [[ -z $likely && ${got[i]-} == ${hint%%=*} ]] && likely=${hint#*=}
    done
    text=${want[i]-(no more lines)}
    while [[ $text =~ (.*\<[a-z]+):[a-z_]+(\>.*) ]]; do
      text=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
    done
    wrong expected "line $((skipped + i + 1)): $text" \
      program "line $((skipped + i + 1)): ${got[i]-(nothing)}" \
      stderr "$(head -n 1 "$run.err")" likely "$likely" || return
  done
}

# ended [CAUSE] [HINT]: the finished run ended so ("exit 0") and left no process behind.
ended() {
  local hint=${2:-}
  [[ $end == timeout ]] && hint="it did not end within $LIMIT s and was killed${hint:+; $hint}"
  [[ $end == "${1:-exit 0}" ]] ||
    wrong expected "${1:-exit 0}" program "$(cause "$end")" stderr "$stderr" likely "$hint" || return
  [[ $left == 0 ]] || wrong expected "no process left" kernel "$left still running after the end" \
    likely "a child is neither waited for nor ended" || return
  [[ $unreaped == 0 ]] || wrong expected "every child waited for" kernel "$unreaped zombies at the end" \
    likely "wait(2) was not called for each child"
}

# cause END: the same in words a student knows.
cause() {
  local -a word
  read -ra word <<<"$1"
  [[ ${word[0]} == signal ]] && echo "killed by SIG$(kill -l "${word[1]}")" || echo "$1"
}

# refused CALL REASON [HINT]: the finished run failed as it should: exit 1 (or $code), and one line on
# stderr that names the call and ends with what the kernel said.
refused() {
  local hint=${3:-"check what $1 returns; perror(\"$1\") says the rest"}
  [[ $stderr != *"$1"*": "$2 ]] || hint="the exit status has to be ${code:-1}"
  [[ $stderr != *$'\n'* ]] || hint="one line is enough, with the one reason"
  if [[ $end != "exit ${code:-1}" || $stderr == *$'\n'* || $stderr != *"$1"*": "$2 ]]; then
    wrong expected "exit ${code:-1}, and one line on stderr: $1: $2" program "$(cause "$end"); stderr: ${stderr:-(nothing)}" \
      likely "$hint"
  fi
}

# no_memory_error ARGUMENT...: runs the program under valgrind to its end; valgrind finds nothing.
no_memory_error() {
  memcheck "$@"
  finish
  memcheck_is_clean
}

# memcheck ARGUMENT...: launches the program under valgrind, which takes its time: sets LIMIT and PATIENCE.
memcheck() {
  LIMIT=${IN_LAB_VM:+90}
  LIMIT=${LIMIT:-30} PATIENCE=$LIMIT
  as="${as:+$as }valgrind --leak-check=full" launch "${before[@]}" valgrind --leak-check=full --read-inline-info=no \
    --vgdb=no --run-libc-freeres=no --xml=yes --xml-file="$BATS_TEST_TMPDIR/memcheck.%p.xml" "$PROGRAM" "$@"
}

# memcheck_is_clean: what ran under valgrind, and has ended, made no error.
memcheck_is_clean() {
  local error
  error=$(sed -n '/<error>/,/<\/error>/{s/.*<\(what\|text\|fn\|file\|line\)>\(.*\)<.*/\2/p;}' \
    "$BATS_TEST_TMPDIR"/memcheck.*.xml | head -n 4 | paste -sd ' ')
  [[ -z $error ]] || wrong expected "no error under valgrind" kernel "valgrind: $error"
}

# no_warning: the compiler had none.
no_warning() {
  local warning
  warning=$(grep -m 1 'warning:' "$BUILD_LOG") || return 0
  wrong expected "no warning from the compiler" kernel "cc: $warning"
}
