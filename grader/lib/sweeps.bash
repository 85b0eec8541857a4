# shellcheck shell=bash
# Sweeps: a run is traced once, then repeated for each of its system calls, and each time something happens at
# that one call: it fails, a signal comes just before it, or it takes long. The repeats run side by side, each in a
# folder of its own (so that ftok(3) of . gives each a key of its own).
# In the arguments @ stands for a time or a number: LONG for what happens before the program would wait for that, so
# that it may not; else 0. `spare` is how many lines a program that fails may have printed that are no result.
# Where `of` is set, only calls are meant whose line in the trace matches that pattern.
LONG=999
STOP_SIGNALS=(TERM INT HUP) # signals that stop a program
ENDLESS=""                  # yes: programs wait until a signal stops them

# conclude: brings the run that goes on to its end; where that takes a signal, a lab has its own.
conclude() { finish; }

declare -gA ERROR=([ENOMEM]="Cannot allocate memory" [EPERM]="Operation not permitted" [ENOSPC]="No space left on device"
  [ENFILE]="Too many open files in system" [EAGAIN]="Resource temporarily unavailable" [EINVAL]="Invalid argument"
  [EIDRM]="Identifier removed")
declare -gA NAMED=([clone]=fork [clone3]=fork [vfork]=fork) # what a program calls it
# calls that change nothing a signal could leave half done
IDLE='brk|mmap|munmap|mprotect|getrandom|(new)?fstatat?|ioctl|exit_group'
# calls that fail too when a program makes them, whatever a check names
ALSO='shmdt|semget|semctl|signalfd4?|timerfd_create|timer_create|pipe2?|eventfd2|memfd_create'

# calls_of PATTERN ./NAME ARGUMENT...: traces that run, which has to end with 0. Sets calls to the calls that it
# made of these, "NAME N LINE" in order; for each, lines_by to the lines that it had printed before it waited next, and
# place to the number of calls before it; and wait_at to the place where it would wait for @.
# With from_main=yes before it, without those that `./NAME --help` makes too: a library makes calls when it is loaded.
calls_of() {
  local log=$BATS_TEST_TMPDIR/calls line name args=("${@:2}") lines=0 at=0 rest
  local -A times=() loading=()
  local -a command
  calls=() lines_by=() place=() wait_at=0
  [[ -n ${has[strace]-} ]] || broken "it sweeps, and does not say: requires strace" || return
  if [[ -n ${from_main-} ]]; then
    named "$2" --help && quiet=yes launch strace -o "$log" "${command[@]}" || return
    finish
    while IFS= read -r line; do
      name=${line%%(*}
      loading[$name]=$((${loading[$name]-0} + 1))
    done <"$log"
  fi
  named "${args[@]/#@/0}" || return
  as="${as:+$as }strace" launch "${before[@]}" strace -s 4096 -o "$log" "${command[@]}"
  [[ -z $ENDLESS ]] || stop_asleep "$log" || over ||
    wrong expected "it sleeps until a signal ends it" kernel "call after call (strace)" || return
  finish
  ended "exit 0" || return
  [[ " ${args[*]}" != *" @"* ]] || waits_at "${args[@]/#@/$LONG}" || return
  while IFS= read -r line; do
    [[ $line == [a-z]*\(* && $line != *" (To be restarted)" ]] || continue # that comes once more
    name=${line%%(*}
    times[$name]=$((${times[$name]-0} + 1))
    # shellcheck disable=SC2053 # a pattern
    [[ ! $name =~ ^($1)$ || $line == *CLONE_THREAD* || $line != ${of-*} ]] || ((times[$name] <= ${loading[$name]-0})) ||
      calls+=("$name ${times[$name]} $line") place+=("$at")
    [[ $line != "write"?(v)"(1, "* ]] || rest=${line//\\n/} lines=$((lines + (${#line} - ${#rest}) / 2))
    if ((at == wait_at)) || [[ $name == exit_group ]]; then
      while ((${#lines_by[@]} < ${#calls[@]})); do lines_by+=("$lines"); done
    fi
    ((++at))
  done <"$log"
}

# stop_asleep LOG: when what is traced sleeps, sets wait_at to the number of calls that it has made, and stops it.
# Status 1 when it did not sleep.
stop_asleep() {
  local traced=0 found=0
  asleep() {
    local -a children
    children_of "$pid"
    traced=${children[0]-0}
    [[ $traced != 0 ]] && sleeps "$traced"
  }
  eventually asleep || found=1
  wait_at=$(grep -v '(To be restarted)' "$1" | grep -c '^[a-z].*(.* = ') || : # complete lines
  pids+=("$traced")
  kill -TERM "$traced" 2>/dev/null || :
  return $found
}

# waits_at ./NAME ARGUMENT...: sets wait_at to the number of calls that this run has made when it sleeps.
waits_at() {
  local log=$BATS_TEST_TMPDIR/calls.long
  local -a command
  named "$@" && quiet=yes launch "${before[@]}" strace -s 0 -o "$log" "${command[@]}" || return
  stop_asleep "$log" || :
  finish
  ipc_clear # whether this signal leaves nothing is judged elsewhere
}

# made NAME: a call of that name (a pattern) is among calls.
made() {
  [[ " ${calls[*]%% *} " =~ " "($1)" " ]] || wrong expected "a call of ${1//|/ or }" kernel "none (strace)"
}

# repeat I ACTION END TEXT ./NAME ARGUMENT...: starts a repeat in which strace does this to calls[I]; or, for
# before=SIGNAL, that signal comes just before it. It has to end so (a pattern), with TEXT on stderr if that is
# given. Judges older ones first, when many are running.
repeat() {
  local name n call line tool ran back=$PWD folder=$BATS_TEST_TMPDIR/repeat$((runs % 8)) command
  local log=$BATS_TEST_TMPDIR/log$((runs + 1))
  read -r name n call <<<"${calls[$1]}"
  local -a words=("${@:5}")
  words=("${words[@]/#@/$((place[$1] <= wait_at ? LONG : 0))}")
  typed "${words[@]}"
  line=${as:+$as }$line
  if [[ $2 == before=* ]]; then
    tool=("$GRADER/lib/before" "$log" "${place[$1]}" "$(kill -l "${2#*=}")")
    ran="$line # ${2#*=} comes just before this call: $name, its number $n"
    [[ $2 != *=EXIT ]] || ran="$line # this call comes late: $name, its number $n"
  else
    tool=(strace -qq --output-separately -o "$log" -e "trace=$name" -e "inject=$name:$2:when=$n")
    ran="strace -e inject=$name:$2:when=$n $line"
  fi
  [[ -d $folder ]] || mkdir "$folder"
  cd "$folder" || return
  named "${words[@]}"
  quiet=yes launch "${before[@]}" "${tool[@]}" "${command[@]}"
  cd "$back" || return
  repeats+=("$run")
  promise[$run]=$3$'\1'$4$'\1'${lines_by[$1]}$'\1'"ran $ran"$'\1'$call
  ((${#repeats[@]} < 8)) || judge_oldest
}

# judge_oldest: what the oldest repeat has promised; and that one which failed has told no more than another by then. Only
# what it made itself is its own leaving.
judge_oldest() {
  local promised text by_then ran line only log
  local -a lines
  IFS=$'\1' read -r promised text by_then ran line <<<"${promise[${repeats[0]}]}"
  finish "${repeats[0]}"
  repeats=("${repeats[@]:1}")
  for log in "$BATS_TEST_TMPDIR/log${run##*run}".*; do
    only=${log##*.}
  done
  pids+=("$only")
  [[ $line != *IPC_RMID* || -z $text ]] || ipc_clear # no program can remove it when the kernel refuses
  notes+=("$ran")
  if [[ -n $text ]]; then
    fails "${promised#exit }" "$text" "${advice:-"look at what each call returns; its name and err(3) say the rest"}"
  else
    # shellcheck disable=SC2053 # a pattern
    [[ $end != $promised ]] || promised=$end
    ended "$promised" "timeout=$late" "signal*=$late" "exit?99=$late" "exit*=${may_fail-}"
  fi || return
  mapfile -t lines <"$run.out"
  [[ $end == "exit 0" ]] || ((${#lines[@]} <= by_then + ${spare:-0})) ||
    wrong expected "no more than $((by_then + ${spare:-0})) lines on stdout" program "${lines[-1]}" \
      likely "no result when it could not do its work" || return
  unset "notes[-1]"
}

# judged: judges all repeats that are left, and then what can only be asked when none is running.
judged() {
  while ((${#repeats[@]} > 0)); do
    judge_oldest || return
  done
  leaves_nothing
}

# errors_at "NAME..." ./NAME ARGUMENT...: the run makes calls of all these names (patterns), and when one of them
# fails (with each of ERRORS, if it is set), it exits with 1 and one line that names the call and says the reason.
# The student reads `advice`, if it is set.
errors_at() {
  local calls lines_by place wait_at i name n error repeats=() late=""
  local -A promise=()
  calls_of "${1// /|}|$ALSO" "${@:2}" || return
  for name in $1; do
    made "$name" || return
  done
  for ((i = 0; i < ${#calls[@]}; i++)); do
    read -r name n _ <<<"${calls[i]}"
    ((n <= 20 || n % 64 == 0)) || continue            # of many calls some
    [[ ${calls[i]} != semctl*IPC_RMID* ]] || continue # it cannot be removed then
    one_of error "${!ERROR[@]}"
    [[ ${NAMED[$name]-} != fork ]] || error=EAGAIN # what a program may think that it can try again
    for error in ${ERRORS:-$error}; do
      repeat "$i" "error=$error" "exit 1" "${NAMED[$name]-${name%%[0-9]*}}...: ${ERROR[$error]}" "${@:2}" || return
    done
  done
  judged
}

# signals_from CALL END ./NAME ARGUMENT...: just before each call from this one on a signal comes, in turn: the run has to end
# so ("exit 0"), and not by its own time. After its wait it may have nothing more to do that a signal could stop.
signals_from() {
  local calls lines_by place wait_at i first="" wanted=$2 repeats=() n=$((RANDOM % ${#STOP_SIGNALS[@]}))
  local late="the signal was lost: block it first, and take it where you wait"
  local -A promise=()
  calls_of '[a-z0-9_]+' "${@:3}" && made "$1" || return
  for ((i = 0; i < ${#calls[@]}; i++)); do
    [[ -z $ENDLESS ]] || ((place[i] <= wait_at)) || break # what it calls later, it calls because of the signal
    [[ ! ${calls[i]} =~ ^($1)" " ]] || first=yes
    ((place[i] <= wait_at)) || wanted="@($2|exit 0|signal *)"
    [[ -n $first && ! ${calls[i]} =~ ^($IDLE)" " ]] || continue
    repeat "$i" "before=SIG${STOP_SIGNALS[n++ % ${#STOP_SIGNALS[@]}]}" "$wanted" "" "${@:3}" || return
  done
  judged
}

# delays_at "NAME..." ./NAME ARGUMENT...: one of these calls comes late (a signal can come before it), or takes long,
# before or after it does its work; the run ends as without.
delays_at() {
  local calls lines_by place wait_at i delay repeats=()
  local late="something came earlier or later than it thought: what it waits for must not depend on who is faster"
  local -A promise=()
  calls_of "${1// /|}" "${@:2}" || return
  for ((i = 0; i < ${#calls[@]}; i++)); do
    for delay in delay_{enter,exit}=$((500 * SLOW)) before=EXIT; do # EXIT is no signal, 0
      repeat "$i" "$delay" "exit 0" "" "${@:2}" || return
    done
  done
  judged
}

# survives_at CALLS SIGNAL END ./NAME ARGUMENT...: the run makes such calls (a pattern) before it waits. When one of them
# fails, that is no reason to end; the signal that comes with the error is, and it ends so ("exit 0").
survives_at() {
  local calls lines_by place wait_at i error repeats=()
  local may_fail="this call may fail: go on" late="a signal that comes while this call fails is not lost"
  local -A promise=()
  calls_of "$1" "${@:4}" && made "$1" || return
  for ((i = 0; i < ${#calls[@]} && place[i] < wait_at; i++)); do
    one_of error "${!ERROR[@]}"
    repeat "$i" "error=$error:signal=$2" "$3" "" "${@:4}" || return
  done
  judged
}
