# shellcheck shell=bash
# Sweeps: a run is traced once, then repeated for each of its system calls, and each time strace does
# something to that one call: it fails, a signal comes, it takes long. The repeats run side by side, each in
# a folder of its own (so that ftok(3) of . gives each a key of its own).
# In the arguments @ stands for a time or a number: 0, or LONG where only a signal shall end the repeat.
LONG=1000

declare -gA ERROR=([ENOMEM]="Cannot allocate memory" [EPERM]="Operation not permitted" [ENOSPC]="No space left on device"
  [ENFILE]="Too many open files in system" [EAGAIN]="Resource temporarily unavailable")
declare -gA NAMED=([clone]=fork [clone3]=fork [vfork]=fork) # what a program calls it
# calls that wait: the last of them in a run is its wait for the end
WAITS='rt_sigtimedwait|rt_sigsuspend|pause|poll|ppoll|select|pselect6|(clock_)?nanosleep|read|epoll_p?wait|wait4|waitid|futex'

# calls that change nothing a signal could leave half done
IDLE='brk|mmap|munmap|mprotect|getrandom|(new)?fstatat?|ioctl|exit_group'

# calls_of PATTERN ./NAME ARGUMENT...: traces that run, which has to end with 0. Sets calls to the calls that it
# made of these, "NAME N LINE" in order, and last_wait to the index of the first one after its last wait.
calls_of() {
  local log=$BATS_TEST_TMPDIR/calls line name args=("${@:2}")
  local -A times=()
  local -a command
  calls=() last_wait=0
  [[ -n ${has[strace]-} ]] || broken "it sweeps, and does not say: requires strace" || return
  named "${args[@]/#@/0}" || return
  as="strace" launch strace -o "$log" "${command[@]}"
  finish
  ended "exit 0" || return
  while IFS= read -r line; do
    name=${line%%(*}
    times[$name]=$((${times[$name]-0} + 1))
    [[ ! $name =~ ^($1)$ ]] || calls+=("$name ${times[$name]} $line")
    [[ ! $name =~ ^($WAITS)$ ]] || last_wait=${#calls[@]}
  done <"$log"
}

# made NAME: a call of that name (a pattern) is among calls.
made() {
  [[ " ${calls[*]%% *} " =~ " "($1)" " ]] || wrong expected "a call of ${1//|/ or }" kernel "none (strace)"
}

# repeat NUMBER CALL-LINE ACTION END TEXT -- ./NAME ARGUMENT...: starts a repeat in which @ is that number and
# strace does this to the call. It has to end so (a pattern), with TEXT on stderr if that is given. Judges
# older ones first, when many are running.
repeat() {
  local name n line number=$1 action=$3 promised=$4$'\1'$5 folder=$BATS_TEST_TMPDIR/repeat$((runs + 1)) back=$PWD command
  read -r name n line <<<"$2"
  shift 6
  mkdir "$folder"
  cd "$folder" || return
  named "${@/#@/$number}"
  quiet=yes launch strace -qq --output-separately -o "$folder/log" \
    -e "trace=$name" -e "inject=$name:$action:when=$n" "${command[@]}"
  cd "$back" || return
  repeats+=("$run")
  promise[$run]=$promised$'\1'"ran strace -e inject=$name:$action:when=$n ${*/#@/$number}"$'\1'$line
  ((${#repeats[@]} < 8)) || judge_oldest
}

# judge_oldest: what the oldest repeat has promised. Only what it made itself is its own leaving.
judge_oldest() {
  local promised text ran line only log
  IFS=$'\1' read -r promised text ran line <<<"${promise[${repeats[0]}]}"
  finish "${repeats[0]}"
  repeats=("${repeats[@]:1}")
  for log in "$BATS_TEST_TMPDIR/repeat${run##*run}"/log.*; do
    only=${log##*.}
  done
  pids+=("$only")
  [[ $line != *IPC_RMID* || -z $text ]] || ipc_clear # no program can remove it when the kernel refuses
  notes+=("$ran")
  if [[ -n $text ]]; then
    fails "${promised#exit }" "$text" "look at what each call returns; its name and err(3) say the rest"
  else
    # shellcheck disable=SC2053 # a pattern
    [[ $end != $promised ]] || promised=$end
    ended "$promised" "$late"
  fi || return
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
# fails, it exits with 1 and one line that names the call and says the kernel's reason.
errors_at() {
  local calls last_wait each error repeats=() late=""
  local -A promise=()
  calls_of "${1// /|}" "${@:2}" || return
  for each in $1; do
    made "$each" || return
  done
  for each in "${calls[@]}"; do
    one_of error "${!ERROR[@]}"
    repeat 0 "$each" "error=$error" "exit 1" "${NAMED[${each%% *}]-${each%% *}}...: ${ERROR[$error]}" -- "${@:2}" || return
  done
  judged
}

# signals_from CALL END ./NAME ARGUMENT...: at each call from this one on a signal comes: the run has to end so
# ("exit 0"), and not by its own time. Once it waits, it may have nothing more to do that a signal could stop.
signals_from() {
  local calls last_wait i first="" waited="" number end signal repeats=()
  local late="a stop signal was lost: block it first, and take it where you wait"
  local -A promise=()
  calls_of '[a-z0-9_]+' "${@:3}" && made "$1" || return
  for ((i = 0; i < ${#calls[@]}; i++)); do
    [[ ! ${calls[i]} =~ ^($1)" " ]] || first=yes
    [[ -n $first && ! ${calls[i]} =~ ^($IDLE)" " ]] || continue
    one_of signal TERM INT HUP
    [[ -z $waited ]] && end=$2 || end="@($2|exit 0|signal *)"
    ((i < last_wait)) && number=$LONG || number=0
    repeat "$number" "${calls[i]}" "signal=SIG$signal" "$end" "" -- "${@:3}" || return
    [[ ! ${calls[i]} =~ ^($WAITS)" " ]] || waited=yes
  done
  judged
}
