# shellcheck shell=bash
# The verbs that judge: what has to be true, and what the student reads when it is not.

# note KEY TEXT: one line of evidence. What the program said is data: control bytes become '?'.
note() {
  local text=${2//[^[:print:]]/?}
  ((${#text} <= 1000)) || text=${text:0:1000}...
  notes+=("$1 $text")
}

# cause END: how a run ended, in words that a student knows.
cause() {
  local -a word
  read -ra word <<<"$1"
  case ${word[0]} in
  signal) echo "killed by SIG$(kill -l "${word[1]}")" ;;
  timeout) echo "did not end within $((RUN_TIMEOUT * SLOW / 100)) s, and was killed" ;;
  processes) echo "started more than 500 processes, and was killed" ;;
  output) echo "printed more than $OUTPUT_LIMIT KiB, and was killed" ;;
  *) echo "$1" ;;
  esac
}

# wrong KEY TEXT [KEY TEXT]...: fails the check, with these notes, how the program ended if it has, and where
# to read on. A crash is the cause of whatever else is wrong: no other hint then, unless the check knows of it.
wrong() {
  local ended="" crash="" say="" key value line
  for key in "${!notes[@]}"; do
    [[ ${notes[key]} != "kernel "* ]] || unset "notes[key]" # those were as expected
  done
  if over; then
    while read -r key value; do
      [[ $key != end ]] || ended="$(cause "$value"), while the check waited for it"
    done <"$run.status"
    [[ " $* " == *" stderr "* ]] || IFS= read -r say <"$run.err" || :
  elif [[ -n ${run-} && -z ${supervisor[$run]-} && $end != exit* ]]; then
    ended=$(cause "$end")
  fi
  [[ ! $ended =~ SIG(SEGV|ABRT|BUS|FPE|ILL|SYS) || $* == *"killed by"* ]] || crash=yes
  while (($# > 1)); do
    [[ -z $2 || -n $crash && $1 == likely ]] || note "$1" "$2"
    shift 2
  done
  [[ -z $ended ]] || note ended "$ended"
  [[ -z $say ]] || note stderr "$say"
  [[ -z $crash ]] || note likely "it crashed: gdb or valgrind shows the line"
  its_line
  [[ -n $reads || ! $line =~ \"read\":\"([^\"]*)\" ]] || reads=${BASH_REMATCH[1]}
  note read "${reads:+$reads; }task ${check%.*} in $LAB/README.md"
  note again "SEED=$SEED make ${LAB%%-*} TASK=$check"
  verdict=failed
  return 1
}

# hint VALUE [PATTERN=HINT]...: sets likely to the first hint whose pattern the value matches.
hint() {
  local value=$1 each
  likely=""
  for each in "${@:2}"; do
    # shellcheck disable=SC2053 # a pattern
    [[ -n $likely || $value != ${each%%=*} ]] || likely=${each#*=}
  done
}

# same WHAT EXPECTED KERNEL PROGRAM [PATTERN=HINT]...: what the kernel says is as expected, and the program
# says so too. '_' stands for a side that is not asked. The hint is for what the kernel, or else the
# program, says.
same() {
  local what=$1 expected=$2 kernel=$3 program=$4 likely odd i=0 step
  [[ $kernel == _ || $kernel == "$expected" ]] && odd=$program || odd=$kernel
  if [[ $odd == _ || $odd == "$expected" ]]; then
    ((${#kernel} <= 150)) || kernel="of ${#kernel} characters"
    [[ $kernel == _ ]] || note kernel "$what $kernel"
    return 0
  fi
  hint "$odd" "${@:5}"
  if ((${#expected} > 150 && ${#odd} > 150)); then
    for ((step = 1 << 20; step > 0; step /= 2)); do
      [[ ${expected:i:step} != "${odd:i:step}" ]] || ((i += step))
    done
    expected="${#expected} characters; from character $((i + 1)) on: ${expected:i:40}"
    odd="${#odd} characters; from there on: ${odd:i:40}"
    [[ $kernel == _ ]] && program=$odd || kernel=$odd
  fi
  [[ $kernel == _ ]] && kernel="" || kernel="$what $kernel"
  [[ $program == _ ]] && program="" || program="$what $program"
  wrong expected "$what ${expected:-(none)}" kernel "$kernel" program "$program" likely "$likely"
}

# called PATTERN WHAT: the run that was traced has made a call like this; the student reads WHAT.
called() {
  grep -qE -- "$1" "$BATS_TEST_TMPDIR/strace.log" || wrong expected "$2" kernel "no such call (strace)"
}

# becomes WHAT EXPECTED OBSERVER ARGUMENT... [-- PATTERN=HINT...]: the observer sets value to what the kernel
# says; waits until that is as expected.
becomes() {
  local what=$1 expected=$2 observer=()
  value=""
  shift 2
  while (($# > 0)) && [[ $1 != -- ]]; do
    observer+=("$1")
    shift
  done
  local last=""
  is() {
    "${observer[@]}"
    last=${value:-$last}
    # shellcheck disable=SC2053 # a pattern
    [[ $value == $expected ]]
  }
  if eventually is; then
    note kernel "$what $value"
  else
    same "$what" "$expected" "${value:-$last}" _ "${@:2}"
  fi
}

# within A B TOLERANCE: two numbers, and they differ by no more than that.
within() { [[ $1 =~ ^-?[0-9]{1,18}$ ]] && (($1 - $2 <= $3 && $2 - $1 <= $3)); }

# near WHAT EXPECTED TOLERANCE KERNEL PROGRAM [NUMBER=HINT]...: `same` for numbers that may differ by
# TOLERANCE. Shown is the hint whose number is nearest to what the kernel, or else the program, has.
near() {
  local what=$1 expected=$2 tolerance=$3 kernel=$4 program=$5 each likely="" odd far best=-1
  [[ $kernel == _ ]] || within "$kernel" "$expected" "$tolerance" && odd=$program || odd=$kernel
  if [[ $odd == _ ]] || within "$odd" "$expected" "$tolerance"; then
    [[ $kernel == _ ]] || note kernel "$what $kernel"
    return 0
  fi
  for each in "${@:6}"; do
    [[ $odd =~ ^-?[0-9]+$ ]] && within "$odd" "${each%%=*}" $((tolerance + ${odd#-} / 50)) || continue
    far=$((odd - ${each%%=*}))
    ((best >= 0 && ${far#-} >= best)) || likely=${each#*=} best=${far#-}
  done
  [[ $kernel == _ ]] && kernel="" || kernel="$what $kernel"
  [[ $program == _ ]] && program="" || program="$what $program"
  ((tolerance == 0)) || expected+=", give or take $tolerance"
  wrong expected "$what $expected" kernel "$kernel" program "$program" likely "$likely"
}

# shape FILE [PATTERN=HINT]...: the run has printed the lines of expected/FILE, where <int:NAME>,
# <hex:NAME>, <oct:NAME>, <num:NAME>, <word:NAME>, <text:NAME> stand for what varies; keeps it in said[NAME].
# A file that begins with `... 4 lines` describes those that follow after four others.
shape() {
  local -A types=([int]='-?[0-9]+' [hex]='0x[0-9a-f]+' [oct]='[0-7]+' [num]='[0-9]+(\.[0-9]+)?' [word]='[^ ]+' [text]='.+')
  local -A meant=([hex]='0x and hex digits' [int]='a whole number' [num]='a number' [oct]='an octal number')
  local -a want got
  local i skipped=0 rest type tag literal line text likely="" at
  mapfile -t want <"$LAB_DIR/expected/$1"
  contents text "$run.out"
  [[ -z $unended ]] || wrong expected "a line ends with \\n" program "${text##*$'\n'}" || return
  [[ -z $text ]] || mapfile -t got <<<"$text"
  if [[ ${want[0]} =~ ^\.\.\.\ ([0-9]+)\ lines$ ]]; then
    skipped=${BASH_REMATCH[1]}
    want=("${want[@]:1}")
    got=("${got[@]:skipped}")
  fi
  said=()
  for ((i = 0; i < ${#want[@]} || i < ${#got[@]}; i++)); do
    rest=${want[i]-} line=${got[i]-} at=""
    while [[ $rest =~ ^(([^<]|\<[^a-z])*)\<([a-z]+):([a-z_]+)\>(.*)$ ]]; do
      literal=${BASH_REMATCH[1]} type=${BASH_REMATCH[3]} tag=${BASH_REMATCH[4]} rest=${BASH_REMATCH[5]}
      [[ $line == "$literal"* ]] || break
      line=${line#"$literal"}
      if [[ ! $line =~ ^(${types[$type]:?unknown type}) ]]; then
        at="${literal##* }: ${meant[$type]-$type} wanted, '${line%% *}' found"
        break
      fi
      said[$tag]=${BASH_REMATCH[1]}
      line=${line#"${said[$tag]}"}
    done
    [[ $line == "$rest" && -n ${want[i]+set} && -n ${got[i]+set} ]] && continue
    hint "${got[i]-}" "${@:2}"
    if [[ -z $text && -n ${supervisor[$run]-} && ! -s $run.err ]] && ! over; then
      likely="does it still hold its output in a buffer? setvbuf(3) with _IOLBF, or fflush(3)"
    fi
    text=${want[i]-(no more lines)}
    while [[ $text =~ (.*)\<([a-z]+):[a-z_]+\>(.*) ]]; do
      text="${BASH_REMATCH[1]}<${BASH_REMATCH[2]/hex/0x...}>${BASH_REMATCH[3]}"
    done
    wrong expected "line $((skipped + i + 1)): ${text//<0x...>/0x<hex>}" \
      program "line $((skipped + i + 1)): ${got[i]-(nothing)}" \
      differs "$at" stderr "$(head -n 1 "$run.err")" likely "$likely" || return
  done
}

# ---- how a run ended ------------------------------------------------------------------------------

# ended [CAUSE] [HINT]...: the finished run ended so ("exit 0"), and holds what every run has to hold. A hint may
# be for one kind of end: `timeout=...`, `exit*=...`.
ended() {
  local want=${1:-exit 0} likely="" each
  if [[ $end != "$want" ]]; then
    for each in "${@:2}"; do
      [[ $each =~ ^(timeout|exit|signal)[^\ =]*= ]] || each="*=$each"
      # shellcheck disable=SC2053 # a pattern
      [[ -n $likely || $end != ${each%%=*} ]] || likely=${each#*=}
    done
    [[ ! $end =~ ^signal\ (11|6|7|8|4|31)$ || $want == signal* ]] || likely="it crashed: gdb or valgrind shows the line"
    [[ -n $likely || $end != exit* || $want != exit\ [1-9]* ]] || likely="the exit status has to be ${want#exit }"
    wrong expected "$want" program "$(cause "$end")" stderr "${stderr%%$'\n'*}" likely "$likely" || return
  fi
  leaves_nothing
}

# fails CODE REASON [HINT]: the finished run failed as it should: this exit code, one line on stderr that
# contains the words of REASON, separated by '...', and ends with the last of them; nothing is left.
fails() {
  local want=${2//.../*} likely=${3:-}
  # shellcheck disable=SC2053 # a pattern
  if [[ $end != "exit $1" || -z $stderr || $stderr == *$'\n'* || $stderr != *$want ]]; then
    if [[ $stderr == *$'\n'* ]]; then
      likely="one line is enough, with the one reason"
    elif [[ -n $stderr && $stderr == *$want ]]; then
      likely="the exit status has to be $1"
    fi
    wrong expected "exit $1, and one line on stderr${2/#*/: $2}" \
      program "$(cause "$end"); stderr: ${stderr:-(nothing)}" likely "$likely" || return
  fi
  leaves_nothing
}

# refused CALL REASON [HINT]: it failed because a call failed: exit 1 (or $code), and one line on stderr that
# names the call and ends with what the kernel said.
refused() { fails "${code:-1}" "$1...: $2" "${3:-"check what $1 returns; err(3) says the rest"}"; }

# leaves_nothing: what holds at the end of every run, whatever it was for.
leaves_nothing() {
  local likely="" files objects=()
  ((hit == 0)) ||
    wrong expected "signals for its own children only" kernel "it sent SIG$(kill -l "$hit") to the process that runs it" \
      likely "kill(-1, ...) goes to every process, kill(0, ...) to your group, which the script that runs you is in" || return
  [[ $left == 0 ]] || wrong expected "no process left" kernel "$left still running after the end" \
    likely "a child is neither waited for nor ended" || return
  [[ $unreaped == 0 ]] || wrong expected "every child waited for" kernel "$unreaped zombies at the end" \
    likely "wait(2) was not called for each child" || return
  [[ -z $open ]] || wrong expected "no file open but 0, 1 and 2 while it waits" kernel "$open is open" \
    likely "close(2) or fclose(3) is missing" || return
  ipc_left
  ((${#objects[@]} == 0)) || wrong expected "no IPC object left" kernel "still there: ${objects[0]}" \
    program "$(cause "$end")" likely "${objects[0]%% *}ctl with IPC_RMID is missing on the way to this end" || return
  files_left
  ((${#files[@]} == 0)) || wrong expected "no file left in /tmp or /dev/shm" kernel "${files[0]} is there" \
    likely "unlink(2), sem_unlink(3) or shm_unlink(3) is missing; better, use none"
}

# files_now: sets files to what is in /tmp and /dev/shm, where no other process writes there.
files_now() {
  files=()
  [[ $CONTAINED == yes ]] || return 0
  local file
  for file in /tmp/* /tmp/.[!.]* /dev/shm/* /dev/shm/.[!.]*; do
    [[ ! -e $file && ! -L $file ]] || files+=("$file")
  done
}

files_remember() {
  local files
  files_now
  files_before=" ${files[*]} "
}

# files_left: sets files to those that runs of this check left; not while another run may still use them.
files_left() {
  local file now=()
  files=()
  [[ -z ${files_before+set} ]] || ((${#supervisor[@]} > 0)) || files_now
  for file in "${files[@]}"; do
    [[ $files_before == *" $file "* ]] || now+=("$file")
  done
  files=("${now[@]}")
}

files_clear() {
  local files
  files_left
  ((${#files[@]} == 0)) || rm -rf "${files[@]}"
}

# ---- compilers and their tools --------------------------------------------------------------------

# no_memory_error [./NAME] ARGUMENT...: runs it under valgrind to its end; valgrind finds nothing.
no_memory_error() {
  memcheck "$@"
  conclude
  memcheck_is_clean
}

# memcheck_is_clean: what ran under valgrind, and has ended, made no error.
memcheck_is_clean() {
  local error
  error=$(sed -n '/<error>/,/<\/error>/{s/.*<\(what\|text\|fn\|file\|line\)>\(.*\)<.*/\2/p;}' \
    "$BATS_TEST_TMPDIR"/memcheck.*.xml | head -n 4 | paste -sd ' ')
  [[ -z $error ]] || wrong expected "no error under valgrind" kernel "valgrind: $error"
}

# sanitized ./NAME ARGUMENT...: runs the program, compiled with -fsanitize=address,undefined, to its end; the
# sanitizers find nothing. The check must have required sanitizers.
sanitized() {
  [[ -n ${has[sanitizers]-} ]] || broken "sanitized, and not: requires sanitizers" || return
  local error command
  named "$@" || return
  launch "${before[@]}" env ASAN_OPTIONS=exitcode=99:detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=exitcode=99 \
    "$PROGRAMS/sanitized/${1#./}" "${@:2}"
  local at=${ran_at[$run]}
  notes[at]="ran ${as:+$as }$* # compiled with -fsanitize=address,undefined"
  conclude
  error=$(grep -m 1 -E 'ERROR: [A-Za-z]+Sanitizer|runtime error:' "$run.err") || return 0
  wrong expected "nothing for AddressSanitizer and UndefinedBehaviorSanitizer to find" \
    program "$error" at "$(grep -m 1 -oE '[a-z_]+\.c:[0-9]+' "$run.err")" \
    likely "memory that is not yours, or a number that its type cannot hold"
}

# no_warning [NAME]: the compiler had none for NAME.c, or for any program.
# shellcheck disable=SC2120 # not every lab names it
no_warning() {
  local warning
  warning=$(grep -m 1 -E "^${1:-[A-Za-z0-9_]+}\.c:[0-9:]+ warning: " "$BUILD_LOG") || return 0
  wrong expected "no warning from the compiler" kernel "cc: $warning"
}
