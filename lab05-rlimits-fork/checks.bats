#!/usr/bin/env bats
# The checks of lab05, task by task; each title is a promise of README.md, with its points.
# The verbs (start, finish, same, shape ...) are in grader/lib/checks.bash.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"

# kernel_limits FILE: the lines of a /proc/PID/limits as "NAME soft hard", sorted.
kernel_limits() {
  awk 'BEGIN {
      split("address_space:AS core_file_size:CORE cpu_time:CPU data_size:DATA file_size:FSIZE file_locks:LOCKS" \
        " locked_memory:MEMLOCK msgqueue_size:MSGQUEUE nice_priority:NICE open_files:NOFILE processes:NPROC" \
        " resident_set:RSS realtime_priority:RTPRIO realtime_timeout:RTTIME pending_signals:SIGPENDING" \
        " stack_size:STACK", pair, " ")
      for (i in pair) { split(pair[i], word, ":"); name[word[1]] = word[2] }
    }
    /^Max/ { text = substr($0, 5, 22); sub(/ +$/, "", text); gsub(/ /, "_", text)
             split(substr($0, 27), value, " "); print name[text], value[1], value[2] }' "$1" | sort
}

# table_is_true PRLIMIT-OPTION...: under these limits the table has the values of the kernel.
table_is_true() {
  local line name soft hard told=0
  local -A kernel
  launch prlimit "$@" cat /proc/self/limits
  finish
  [[ $end == "exit 0" ]] || skip "needs hard limits that leave room ($stderr): ulimit -aH"
  notes=()
  while read -r name soft hard; do
    kernel[$name]="$soft $hard"
  done < <(kernel_limits "$run.out")
  as="prlimit $*" launch prlimit "$@" "$PROGRAM" table
  finish
  ended "exit 0"
  while read -r name soft hard line; do
    [[ $name != NAME ]] || continue
    [[ -n ${kernel[$name]-} ]] || wrong expected "one of the sixteen limits" program "$name"
    [[ "$soft $hard" == "${kernel[$name]}" ]] || same "$name: soft hard" "${kernel[$name]}" "${kernel[$name]}" "$soft $hard" \
      "${kernel[$name]% *} ${kernel[$name]% *}=that is the soft value twice" \
      "${kernel[$name]#* } *=the hard value stands under SOFT" \
      "*18446744073709551615*=RLIM_INFINITY is written 'unlimited'" "*-1*=RLIM_INFINITY is written 'unlimited'" \
      "*[0-9]*=rlim_t is an unsigned 64-bit number: %llu"
    ((++told))
  done <"$run.out"
  same "number of limits" 16 "${#kernel[@]}" "$told"
}

# child_is_there: sets child to the one child of the program, when there is one.
child_is_there() {
  child=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
  child=${child%% *}
  [[ -n $child ]]
}

# limit_of PID NAME: its soft and hard value.
limit_of() { kernel_limits "/proc/$1/limits" | sed -n "s/^$2 //p"; }

# bites NAME RESULT [PATTERN=HINT]...: the finished `try` says so of that limit, and the kernel has seen
# it set, for a child. Where cores are piped to a program, RLIMIT_CORE does not hold them back: core(5).
bites() {
  local line
  line=$(grep -m 1 "^$1 " "$run.out") || line=""
  [[ $(</proc/sys/kernel/core_pattern) != "|"* ]] || line=${line%, core dumped}
  same "$1" "$2" _ "${line##*: }" "${@:3}"
  ! grep -qE "^$main +(prlimit64\(0, |setrlimit\()RLIMIT_$1, \{" "$BATS_TEST_TMPDIR/strace.log" ||
    wrong expected "RLIMIT_$1 set for a child only" kernel "process $main, the program itself, has set it (strace)" \
      likely "what the parent sets, it keeps, and so do all its later children"
  grep -qE "(prlimit64|setrlimit)\((0, |[0-9]+, )?RLIMIT_$1, \{" "$BATS_TEST_TMPDIR/strace.log" ||
    wrong expected "the child sets RLIMIT_$1" kernel "no setrlimit of RLIMIT_$1 (strace)" program "$line"
}

# seen PATTERN WHAT: the kernel has seen that call (a line of the strace log, or the first half of one
# that ends in "<unfinished ...>" because another process came between).
seen() {
  grep -qE -- "$1" "$BATS_TEST_TMPDIR/strace.log" || wrong expected "$2" kernel "no such call (strace)"
}

# not_run: the command of the finished run did not run.
not_run() {
  [[ $stdout != *"the command runs"* ]] || wrong expected "the command does not run" program "$stdout" \
    likely "an error in the child has to end it before exec"
}

FORKS='?fork,?vfork,clone,?clone3' # '?': not every architecture has them all

# ---- task 1: the table ----------------------------------------------------------------------------

@test "1.1 the table has the soft and hard values that the kernel has [8]" {
  local nofile fsize cpu
  reads="getrlimit(2), proc(5)"
  pick nofile 20 60
  pick fsize 2000000 9000000
  pick cpu 60 90
  table_is_true "--nofile=$nofile:$((nofile + 7))" "--fsize=$fsize:$((fsize * 2))" "--cpu=$cpu:$((cpu + 1))" \
    --sigpending=100:200 --msgqueue=1000:2000 --stack=1000000:2000000
}

@test "1.2 'unlimited' is a word, and numbers above 4 GiB come out whole [6]" {
  local big
  reads="getrlimit(2)"
  pick big 5000000000 9000000000
  table_is_true "--fsize=2000000:$big" "--data=$big:$((big + 1))" "--rss=9${big:0:9}000000000:unlimited"
}

# ---- task 2: fork ---------------------------------------------------------------------------------

@test "2.1 both returns of fork: each line once, through a file too [6]" {
  requires strace
  reads="fork(2), setvbuf(3)"
  traced "-e" "trace=$FORKS" -- fork
  sort -o "$run.out" "$run.out"
  seen '(fork|clone3?)\(' "a call of fork"
  shape fork.txt "process *=a line comes twice: it was in the buffer that fork copied; fflush before" \
    "parent *=the child's line is missing: _exit does not flush, exit does" \
    "=a line is missing: the parent's, or one that was still in a buffer"
  same "the forking process" "${said[forker]}" _ "${said[process]}"
  same "the child" "${said[child]}" _ "${said[returned]}" "0=that is what fork returns to the child"
  same "the child's parent" "${said[forker]}" _ "${said[parent]}" "1=the parent has ended before: wait for the child"
  seen "^${said[forker]} .*(fork|clone3?)(\(| resumed).* = ${said[child]}\$" "process ${said[forker]} makes process ${said[child]}"
}

@test "2.2 the child is waited for, and a fork that fails is reported [6]" {
  requires strace
  reads="waitpid(2), fork(2)"
  try fork
  ended "exit 0"
  [[ $stdout == *"fork returned 0"* ]] || wrong expected "a line from the child" program "${stdout##*$'\n'}"
  traced -e "trace=$FORKS" -e "inject=$FORKS:error=EAGAIN" -- fork
  refused fork "Resource temporarily unavailable" "fork returns -1 when there can be no more processes"
}

# ---- task 3: run ----------------------------------------------------------------------------------

@test "3.1 run tells the exit code of the command, and has the same [4]" {
  reads="wait(2), wait4(2)"
  local code
  for code in 0 "$((RANDOM % 100 + 1))" "$((RANDOM % 100 + 140))"; do
    try run sh -c "exit $code"
    shape exited.txt "*killed*=WIFEXITED first: this child was not killed"
    same "exit code" "$code" "$code" "${said[code]}" "$((code << 8))=that is the raw status: WEXITSTATUS" "0=WEXITSTATUS(status)"
    ended "exit $code" "the program exits with the command's code"
  done
}

@test "3.2 no such command: 127; one that cannot be executed: 126 [4]" {
  reads="execvp(3)"
  try run /no/such/command
  code=127 refused /no/such/command "No such file or directory" "when execvp returns: say why, then _exit(127) in the child"
  shape exited.txt
  same "exit code" 127 _ "${said[code]}"
  try run /etc/passwd
  code=126 refused /etc/passwd "Permission denied" "when execvp returns: say why, then _exit(126), for it is not ENOENT"
}

@test "3.3 run tells by name the signal that killed the command [4]" {
  reads="wait(2), signal(7)"
  local signal number
  one_of signal TERM USR1 USR2 ALRM HUP # none that may leave a core
  for signal in KILL "$signal"; do
    number=$(kill -l "$signal")
    try run sh -c "kill -$signal \$\$"
    shape killed.txt "*exited with 0=a killed child: WEXITSTATUS means nothing there; ask WIFEXITED first" \
      "*exited with *=that is not an exit code: WIFSIGNALED, WTERMSIG"
    same signal "SIG$signal" "SIG$signal" "${said[signal]}" "$number=by name: sigabbrev_np(3)" \
      "SIG(null)=WTERMSIG(status) first" "[!S]*=the short name: sigabbrev_np(3)"
    ended "exit $((128 + number))" "128 plus the number of the signal, as a shell does"
  done
}

@test "3.4 run tells at once when the command is stopped, and continued [5]" {
  reads="wait(2) (WUNTRACED, WCONTINUED)"
  local signal child="" round
  one_of signal TERM KILL USR2
  start run sleep 50
  eventually child_is_there || wrong expected "a child of process $pid" kernel "it has none"
  to_child() {
    kill "-$1" "$child" || wrong expected "process $pid still has its child $child" kernel "there is no such process" \
      likely "the command is waited for until it ends: a stop is not the end, wait again after a stop"
  }
  # at_once N WHAT: the program has told of it, N lines by now, while it still runs
  at_once() {
    told() { (($(wc -l <"$run.out") >= $1)); }
    eventually told "$1" || wrong expected "line $1 at once: the command was $2" kernel "$2, in state $(cut -d' ' -f3 "/proc/$child/stat")" \
      program "$(wc -l <"$run.out") lines so far" likely "$3; or the line is still in a buffer"
  }
  for round in 0 2; do
    to_child STOP
    at_once $((round + 1)) stopped "without WUNTRACED wait4 does not return for a stop"
    to_child CONT
    at_once $((round + 2)) continued "without WCONTINUED wait4 does not return when the command goes on"
  done
  to_child "$signal"
  finish
  shape events.txt "*continued=without WUNTRACED wait4 does not return for a stop" \
    "*killed*=without WUNTRACED wait4 does not return for a stop, without WCONTINUED not when it goes on" \
    "*exited with*=WIFSTOPPED, WIFCONTINUED: not every status is an end" "user*=the first event is not the end: wait again after a stop"
  same "the child" "$child" "$child" "${said[child]}"
  same "stopped by" SIGSTOP SIGSTOP "${said[stop]}"
  same "killed by" "SIG$signal" "SIG$signal" "${said[signal]}"
}

@test "3.5 an interrupted wait4 is called again; signals are passed on [5]" {
  reads="wait4(2), sigaction(2), signal(7)"
  local code signal
  # it has to be ready for the signal: caught or blocked
  ready() {
    local key mask
    while read -r key mask; do
      [[ $key == Sig[CB]?[gtlk]*: ]] && ((16#$mask >> ($(kill -l "$signal") - 1) & 1)) && return
    done <"/proc/$pid/status"
  }
  for signal in TERM INT; do
    pick code 1 120
    start run sh -c "trap 'exit $code' $signal; echo the command is ready; while :; do sleep 0.01; done"
    printed 1
    eventually ready || wrong expected "SIG$signal is caught (or blocked, and taken)" kernel "neither, in /proc/$pid/status" \
      likely "a handler that sends the signal on to the command, and then wait4 again"
    finish "$signal"
    sed -i 1d "$run.out"
    shape exited.txt "=EINTR is no end of the child: wait again" "user *=EINTR is no end of the child: wait again" \
      "*killed*=the command has caught that signal; what it does then is its own affair"
    same "exit code" "$code" "$code" "${said[code]}"
    ended "exit $code"
  done
}

@test "3.6 the usage is the command's: CPU time and largest resident set [4]" {
  reads="wait4(2), getrusage(2)"
  local cpu
  # it burns 0.15 s, holds 40 MB, and says on stderr how much time it took
  RUN_TIMEOUT=30 try run perl -e '$x = "x" x 40e6; while ((times)[0] < 0.15) { for (1 .. 9999) { } } printf STDERR "%.2f\n", (times)[0]'
  shape exited.txt
  cpu=${stderr##*$'\n'}
  awk -v a="$cpu" -v b="${said[user]}" 'BEGIN { exit !(b > a - 0.05 && b < a + 0.15) }' ||
    wrong expected "user about $cpu s" kernel "user $cpu s, by times(2) in the command" program "user ${said[user]} s" \
      likely "the usage is that of the child: the last argument of wait4"
  ((said[largest] >= 39000 && said[largest] < 140000)) || wrong expected "largest resident set about 40000 KiB" \
    program "${said[largest]} KiB" likely "ru_maxrss is in KiB already"
}

# ---- task 4: limits for a command -----------------------------------------------------------------

@test "4.1 --NAME SOFT: the command's soft limit, nothing else [6]" {
  reads="setrlimit(2), proc(5)"
  local nofile child="" before
  pick nofile 20 60
  start run --nofile "$nofile" sleep 50
  eventually child_is_there || wrong expected "a child of process $pid" kernel "it has none"
  asleep() { [[ $(cat "/proc/$child/comm" 2>/dev/null) == sleep ]]; }
  eventually asleep || wrong expected "sleep runs" kernel "process $child is $(cat "/proc/$child/comm")"
  before=$(limit_of $$ NOFILE)
  same "NOFILE of the command" "$nofile ${before#* }" "$(limit_of "$child" NOFILE)" _ \
    "$nofile $nofile=SOFT alone leaves the hard limit as it is" "${before% *} *=setrlimit was not called in the child" \
    "$((nofile * 1024)) *=the value is taken as it is, in the limit's own unit"
  same "NOFILE of limits itself" "$before" "$(limit_of "$pid" NOFILE)" _ "$nofile *=set it between fork and exec, in the child"
}

@test "4.2 SOFT:HARD sets both, :HARD one; 'unlimited' is understood [6]" {
  reads="setrlimit(2)"
  local soft pending
  pick soft 20 60
  pick pending 100 200
  try run --nofile "$soft:$((soft + 9))" --rss "7000000000:unlimited" --LOCKS unlimited --sigpending "$pending:$pending" cat /proc/self/limits
  kernel_limits "$run.out" >limits
  same NOFILE "$soft $((soft + 9))" "$(sed -n 's/^NOFILE //p' limits)" _
  same RSS "7000000000 unlimited" "$(sed -n 's/^RSS //p' limits)" _
  same LOCKS "unlimited unlimited" "$(sed -n 's/^LOCKS //p' limits)" _
  same SIGPENDING "$pending $pending" "$(sed -n 's/^SIGPENDING //p' limits)" _
  ended "exit 0"
  as="prlimit --nofile=$soft:200" launch prlimit "--nofile=$soft:200" "$PROGRAM" run --nofile ":$((soft + 50))" cat /proc/self/limits
  finish
  kernel_limits "$run.out" >limits
  same NOFILE "$soft $((soft + 50))" "$(sed -n 's/^NOFILE //p' limits)" _ "*=:HARD leaves the soft limit as it is"
}

@test "4.3 what cannot be set is reported, and the command does not run [6]" {
  requires resource
  reads="setrlimit(2) (ERRORS)"
  local soft bad
  pick soft 20 60
  try run --nofile "$soft:$((soft - 1))" sh -c "echo the command runs"
  refused setrlimit "Invalid argument"
  not_run
  as="prlimit --nofile=$soft:$soft ${WITHOUT_RESOURCE[*]}" launch prlimit "--nofile=$soft:$soft" "${WITHOUT_RESOURCE[@]}" \
    "$PROGRAM" run --nofile "$soft:$((soft + 1))" sh -c "echo the command runs"
  finish
  refused setrlimit "Operation not permitted"
  not_run
  for bad in "--nofile 12x" "--nofile -3" "--nofile 5:" "--nofile 5:6:7" "--nosuch 5" ""; do
    # shellcheck disable=SC2086
    try run $bad ${bad:+sh -c "echo the command runs"}
    [[ $end == exit* && $end != "exit 0" && -n $stderr ]] || wrong expected "an error on stderr" program "$(cause "$end"); stderr: ${stderr:-(nothing)}"
    not_run
  done
}

# ---- task 5: limits that bite ---------------------------------------------------------------------

@test "5.1 AS and DATA: no more memory [4]" {
  requires strace
  reads="getrlimit(2), mmap(2)"
  traced -e trace=prlimit64,setrlimit,mmap,brk -- try AS DATA
  bites AS ENOMEM "*=a child sets the limit, calls the function, and exits with the errno"
  bites DATA ENOMEM
  seen 'mmap\(.* = -1 ENOMEM' "mmap fails with ENOMEM"
  ended "exit 0"
}

@test "5.2 NOFILE: EMFILE; FSIZE: SIGXFSZ [4]" {
  requires strace
  reads="getrlimit(2), signal(7)"
  traced -e trace=prlimit64,setrlimit,openat,?open,write -- try NOFILE FSIZE
  bites NOFILE EMFILE
  seen 'open.*/dev/null.* = -1 EMFILE' "open fails with EMFILE"
  bites FSIZE SIGXFSZ "EFBIG=the child ignores the signal; its default is to end the process"
  seen 'killed by SIGXFSZ' "a child killed by SIGXFSZ"
  ended "exit 0"
}

@test "5.3 CPU: SIGXCPU; STACK: SIGSEGV; CORE: SIGABRT, and no core [5]" {
  requires strace
  reads="getrlimit(2), core(5)"
  RUN_TIMEOUT=60 traced -e trace=prlimit64,setrlimit -- try CPU STACK CORE
  bites CPU SIGXCPU "SIGKILL=that is the hard limit: the soft one comes first" "*=one second of CPU time has to pass"
  bites STACK SIGSEGV
  bites CORE SIGABRT
  seen 'killed by SIGXCPU' "a child killed by SIGXCPU"
  seen 'killed by SIGSEGV' "a child killed by SIGSEGV"
  seen 'killed by SIGABRT' "a child killed by SIGABRT"
  ended "exit 0"
}

@test "5.4 MEMLOCK and NPROC, which spare root: as an ordinary user [4]" {
  requires strace drop
  reads="getrlimit(2), capabilities(7)"
  traced -e "trace=prlimit64,setrlimit,mlock,mlock2,$FORKS" -- try MEMLOCK NPROC
  bites MEMLOCK ENOMEM
  seen 'mlock2?\(.* = -1 ENOMEM' "mlock fails with ENOMEM"
  bites NPROC EAGAIN
  seen '(fork|clone3?)\(.* = -1 EAGAIN' "fork fails with EAGAIN"
  ended "exit 0"
}

@test "5.5 RSS: the kernel takes the limit, and nothing happens [3]" {
  requires strace
  reads="getrlimit(2)"
  traced -e trace=prlimit64,setrlimit,mmap,brk,exit_group -- try RSS
  bites RSS "nothing happens"
  grep -v "^$main " strace.log | grep -q 'exit_group(0)' || wrong expected "a child that ends with 0" kernel "none (strace)"
  ended "exit 0"
}

# ---- task 6: whom to wait for ---------------------------------------------------------------------

@test "6.1 the four forms of wait4's first argument, and ECHILD [5]" {
  requires strace
  reads="wait4(2)"
  local code
  pick code 1 200
  traced -e trace=wait4,waitid,setpgid -- wait "$code"
  shape wait.txt "pid*ECHILD=no child is left: who has waited for it before?"
  same "the exit code of 'pid > 0'" $((code + 3)) _ "${said[code_one]}"
  same "'pid > 0'" "${said[d]}" _ "${said[one]}"
  same "'pid = 0'" "${said[a]}" _ "${said[ours]}" "${said[b]}=that one is in another group" "${said[c]}=that one is in another group"
  same "the exit code of 'pid = 0'" "$code" _ "${said[code_ours]}"
  same "the codes of the other two" $((code + 1 + code + 2)) _ $((said[code_other] + said[code_any]))
  seen "wait4\(${said[d]}," "wait4(${said[d]}, ...)"
  seen "wait4\(-${said[group_b]}," "wait4(-${said[group_b]}, ...): the whole group"
  seen "wait4\(0," "wait4(0, ...): our own group"
  seen "wait4\(-1, .* = -1 ECHILD" "wait4(-1, ...) fails with ECHILD at the end"
  ended "exit 0"
}

@test "6.2 the groups are real, and no zombie is left [3]" {
  requires strace
  reads="setpgid(2)"
  traced -e trace=setpgid -- wait 1
  ended "exit 0"
  shape wait.txt
  same "the group of the second child" "${said[b]}" _ "${said[group_b]}" "${said[group_a]}=setpgid(child, 0) makes a group of its own"
  same "the group of the third child" "${said[b]}" _ "${said[group_c]}"
  seen "setpgid\((0|${said[b]}), (0|${said[b]})(\) += 0| <unf)" "setpgid makes group ${said[b]}"
  seen "setpgid\((0|${said[c]}), ${said[b]}(\) += 0| <unf)" "setpgid puts ${said[c]} into it"
}

@test "6.3 valgrind and the compiler have nothing to complain about [2]" {
  requires valgrind
  reads="valgrind(1)"
  no_memory_error wait 3
  shape wait.txt
  ended "exit 0"
  no_warning
}
