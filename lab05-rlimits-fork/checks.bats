#!/usr/bin/env bats
# The checks of lab05, task by task; each title is a promise of README.md, with its points.
# The verbs (start, becomes, ended, errors_at ...) are in grader/lib/.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"

FORKS='?fork,?vfork,clone,?clone3' # '?': not every architecture has them all
FORK='clone3?|v?fork'              # the same, for the sweeps
SETS='prlimit64,?setrlimit'

# limits_in FILE: the lines of a /proc/PID/limits as "NAME soft hard", sorted.
limits_in() {
  awk 'BEGIN {
      split("address_space:AS core_file_size:CORE cpu_time:CPU data_size:DATA file_size:FSIZE" \
        " file_locks:LOCKS locked_memory:MEMLOCK msgqueue_size:MSGQUEUE nice_priority:NICE" \
        " open_files:NOFILE processes:NPROC" \
        " resident_set:RSS realtime_priority:RTPRIO realtime_timeout:RTTIME pending_signals:SIGPENDING" \
        " stack_size:STACK", pair, " ")
      for (i in pair) { split(pair[i], word, ":"); name[word[1]] = word[2] }
    }
    /^Max/ { text = substr($0, 5, 22); sub(/ +$/, "", text); gsub(/ /, "_", text)
             split(substr($0, 27), value, " "); print name[text], value[1], value[2] }' "$1" | sort
}

# table_is_true PRLIMIT-OPTION...: under these limits ./rlimits prints the values that the kernel has.
table_is_true() {
  local name soft hard rest
  local -A kernel=()
  quiet=yes launch prlimit "$@" cat /proc/self/limits
  finish
  [[ $end == "exit 0" ]] || skip "needs hard limits that leave room ($stderr): ulimit -aH"
  while read -r name soft hard; do
    kernel[$name]="$soft $hard"
  done < <(limits_in "$run.out")
  with prlimit "$@" -- try ./rlimits
  ended "exit 0"
  while read -r name soft hard rest; do
    [[ $name == NAME || "$soft $hard" == "${kernel[$name]-}" ]] || row_is_wrong
    [[ $rest == *\ * ]] || wrong expected "a unit, and what $name bounds" program "${rest:-(nothing)}"
    unset "kernel[$name]"
  done <"$run.out"
  same "limits without a row" "" _ "${!kernel[*]}"
}

# row_is_wrong: the row that table_is_true has read.
row_is_wrong() {
  local want=${kernel[$name]-"(no row, or only one)"}
  same "$name: soft and hard" "$want" "$want" "$soft $hard" \
    "${kernel[CPU]-}=these belong to CPU: the row's index is not its resource" \
    "${want% *} ${want% *}=the soft value stands twice" "${want#* } *=the hard value stands under SOFT" \
    "@(*18446744073709551615*|*-1*)=RLIM_INFINITY is written 'unlimited'" \
    "*[0-9]*=rlim_t is an unsigned 64-bit number: %llu"
}

# child_of PID: an observer: its one child, once it runs the command ("sleep"); sets child.
child_of() {
  children_of "$1"
  child=${children[0]-}
  value=$(cat "/proc/${child:-none}/comm" 2>/dev/null) || value="(no child)"
}

# Observers of the program that runs under strace: born sets child too; touched is the memory of that child.
born() { begun && child_of "$main" || value="(no program)"; }
touched() { born && value=$(awk '/^VmHWM/ { print $2 }' "/proc/$child/status"); }

# not_waited_for ./NAME ARGUMENT...: when each wait fails, the program says so; its child is lost then.
not_waited_for() {
  traced -e trace=wait4,waitid -e inject=wait4,waitid:error=EPERM -- "$@"
  left=0 unreaped=0
  refused wait "Operation not permitted"
}

# stopped CODE TEXT [HINT]: `under` has said why, and the command did not run.
stopped() {
  fails "$@"
  [[ $stdout != *"the command runs"* ]] || wrong expected "the command does not run" program "$stdout" \
    likely "an error in the child has to end it before exec"
}

# cannot_run CODE COMMAND REASON: `under` says so of that command, and has that exit status.
cannot_run() {
  try ./under "$2"
  code=$1 refused "under: $2" "$3" "when execvp returns: say why; _exit(127) for ENOENT, or else _exit(126)"
  shape exited.txt
  same "exit code" "$1" _ "${said[code]}"
}

# killed_by SIGNAL: `under` says so of a command that sends that signal to itself.
killed_by() {
  local number
  number=$(kill -l "$1")
  try ./under sh -c "kill -$1 \$\$"
  shape killed.txt "*exited with *=WIFSIGNALED first: in a killed child's status WEXITSTATUS is 0" \
    "*core dumped=WCOREDUMP(status) says whether there is a core"
  same signal "SIG$1" _ "${said[signal]}" "$number=by name: sigabbrev_np(3)" \
    "SIG(null)=the number is in WTERMSIG(status)" "[!S]*=the short name: sigabbrev_np(3)"
  ended "exit $((128 + number))" "128 plus the number of the signal, as a shell does"
}

# told SIGNAL N: `under` sleeps; that signal is sent to the child, and then `under` has printed N lines.
told() {
  eventually sleeps "$pid" || wrong expected "under sleeps until there is an event" kernel "it runs" \
    likely "wait4 with WNOHANG, again and again"
  kill "-$1" "$child" || : # it may be gone
  also_ran " sleep 1; pkill -$1 -P \$!;"
  lines() { value=$(wc -l <"$run.out"); }
  becomes "lines after SIG$1" "$2" lines -- \
    "*=WUNTRACED for a stop, WCONTINUED for the rest, or the line is still in a buffer"
}

# both_are_passed: two signals that come together, to a command that takes them and goes on.
both_are_passed() {
  start ./under perl -e '$SIG{$_} = sub { print "$_[0]\n" } for qw(TERM HUP); $SIG{USR1} = sub { exit };
    $| = 1; print "ready\n"; sleep 50 while 1'
  printed 1
  pending TERM HUP
  printed 3
  children_of "$pid"
  kill -USR1 "${children[@]}" || :
  finish
  same "what the command has got" "HUP TERM" _ "$(grep -xE 'HUP|TERM' "$run.out" | sort | paste -sd ' ')" \
    "*=after a signal look for more, and wait for the command with WNOHANG"
  ended "exit 0"
}

# changed PID: those of its limits that are not in the file `before`. hard NAME: the hard limit there.
changed() { limits_in "/proc/$1/limits" | comm -13 before - | paste -sd ' '; }
hard() { sed -n "s/^$1 [^ ]* //p" before; }

# shows NAME SOFT HARD: of the limits that the finished run has printed.
shows() { same "$1: soft and hard" "$2 $3" _ "$(limits_in "$run.out" | sed -n "s/^$1 //p")" "${@:4}"; }

# bites NAME RESULT EVIDENCE [PATTERN=HINT]...: ./bite says so of that limit; the kernel has seen a child set
# it, and then that line of strace.
bites() {
  local line hard log=$BATS_TEST_TMPDIR/strace.log
  traced -- ./bite "$1"
  line=$(grep -m 1 "^$1 " "$run.out") || line=""
  same "$1" "$2" _ "${line##*: }" "${@:4}"
  ended "exit 0"
  ! grep -qE "^$main .*rlimit.*RLIMIT_$1, \{" "$log" ||
    wrong expected "RLIMIT_$1 set for a child only" kernel "the program itself, $main, has set it (strace)" \
      likely "what the parent sets, it keeps, and so do all its later children"
  called "rlimit.*RLIMIT_$1, \{" "the child sets RLIMIT_$1"
  hard=$(grep -oP "rlimit.*RLIMIT_$1, .*rlim_max=\K[^}]*" "$log" | sort -u | wc -l)
  same "hard limits of $1" 1 "$hard" _ "*=leave the hard limit as getrlimit says that it is"
  grep -v "^$main " "$log" | grep -qE "$3" || wrong expected "in a child: $3" kernel "no such line (strace)"
}

# INHERITED: a command that prints in a line what it has got from its parent; no shell, which would tidy up.
INHERITED=(perl -e '@ARGV = "/proc/self/status"; print map /^Sig(?:Blk|Ign):\s+(\S+)/ ? "$1 " : "", <>;
  print join(" ", grep -e "/proc/self/fd/$_", 0 .. 9), "\n"')

SAFE="./bite core fsize nofile rss" # what a sanitizer, which needs much memory, can run into

# usage_seen: what strace has seen the kernel say of the children's usage, last, in the words of `under`.
usage_seen() {
  local usage
  usage=$(sed -nE "/^$main .*ru_utime=/!d; /RUSAGE_SELF/d; s/.*\{ru_(utime.*maxrss=[0-9]+).*/\1/
    s/[^0-9]+/ /gp" strace.log | tail -n 1)
  [[ -n $usage ]] || { echo "(no process has asked for it)" && return; }
  # shellcheck disable=SC2086 # five words
  printf 'user %d.%06d s, system %d.%06d s, largest %d KiB' $usage
}

# unbounded NAME COUNT CALL: strace lets the child believe that it has set the limit: then it makes so many of
# these calls, and ends with "nothing happens".
unbounded() {
  local log=$BATS_TEST_TMPDIR/strace.log
  traced -e "inject=$SETS:retval=0" -- ./bite "$1"
  same "$1, when setrlimit does nothing" "nothing happens" _ "${stdout##*: }" "*=use what the line says"
  same "calls like $3" "$2" "$(grep -v "^$main " "$log" | grep -cE "$3")" _
  ended "exit 0"
}

# family [PATTERN=HINT]...: ./waits has printed what it should; its children's lines come in any order.
family() {
  { grep '^child' "$run.out" | sort -snk 7 && grep -v '^child' "$run.out"; } >sorted || :
  mv sorted "$run.out"
  shape waits.txt "$@"
}

# ---- task 1: the table ----------------------------------------------------------------------------

@test "1.1 the table has the soft and hard values that the kernel has [6]" {
  local nofile fsize cpu
  pick nofile 20 60
  pick fsize 2000000 9000000
  pick cpu 60 90
  table_is_true "--nofile=$nofile:$((nofile + 7))" "--fsize=$fsize:$((fsize * 2))" "--cpu=$cpu:$((cpu + 1))" \
    --sigpending=100:200 --msgqueue=1000:2000 --stack=1000000:2000000
}

@test "1.2 'unlimited' is a word, and numbers above 4 GiB come out whole [4]" {
  local big
  pick big 5000000000 9000000000
  table_is_true "--fsize=2000000:$big" "--data=$big:$((big + 1))" "--rss=9${big:0:9}000000000:unlimited"
}

@test "1.3 a getrlimit that fails is reported [2]" {
  local calls any
  calls_of 'prlimit64|getrlimit' ./rlimits
  pick any $((${#calls[@]} - 15)) ${#calls[@]} # the first one is the C library's
  traced -e "inject=prlimit64,?getrlimit:error=EPERM:when=$any" -- ./rlimits
  refused getrlimit "Operation not permitted"
}

# ---- task 2: fork ---------------------------------------------------------------------------------

@test "2.1 both returns of fork: each line once, through a pipe too [7]" {
  traced -e "trace=$FORKS" -- ./forks
  also_ran " | cat"
  ended "exit 0"
  (IFS= read -r first && echo "$first" && sort) <"$run.out" >sorted || : # the rest comes in any order
  mv sorted "$run.out"
  shape forks.txt "process *=a line comes twice: it was in the buffer that fork copied; fflush before" \
    "parent *=the child's line is missing (_exit does not flush), or it prints its parent's too" \
    "=a line is missing: the parent's, or one that was still in a buffer"
  same "the forking process" "${said[forker]}" _ "${said[process]}"
  same "the child" "${said[child]}" _ "${said[returned]}" "0=that is what fork returns to the child"
  same "the child's parent" "${said[forker]}" _ "${said[parent]}" "*=the parent has ended: wait for the child"
  called "^${said[forker]} .*(fork|clone3?)\(.* = ${said[child]}\$" \
    "process ${said[forker]} makes process ${said[child]}"
}

@test "2.2 the child is waited for; a fork or wait that fails is reported [5]" {
  try ./forks
  ended "exit 0"
  [[ $stdout == *"fork returned 0"* ]] || wrong expected "a line from the child" program "${stdout##*$'\n'}"
  errors_at "$FORK" ./forks
  not_waited_for ./forks
}

# ---- task 3: under --------------------------------------------------------------------------------

@test "3.1 tells the exit code of the command, and exits with it [4]" {
  local code
  for code in 0 "$((RANDOM % 100 + 1))" "$((RANDOM % 100 + 140))"; do
    try ./under sh -c "exit $code"
    shape exited.txt "*killed*=WIFEXITED first: this child was not killed" \
      "=no event: a loop that waits for the end? SIGCHLD must not be ignored"
    same "exit code" "$code" _ "${said[code]}" "$((code << 8))=that is the raw status: WEXITSTATUS" \
      "*=WEXITSTATUS(status)"
    ended "exit $code" "the program exits with the command's code"
  done
  inheriting try ./under sh -c "exit 5"
  ended "exit 5" "exit?77=a child that the program has inherited over exec is not the command"
}

@test "3.2 no such command: 127; one that cannot be executed: 126 [4]" {
  ln -s loop loop
  cannot_run 127 /no/such/command "No such file or directory"
  cannot_run 127 ./%d%s "No such file or directory"
  cannot_run 126 /etc/passwd "Permission denied"
  cannot_run 126 ./loop "Too many levels of symbolic links"
  with sh -c 'exec "$@" 2>&-' sh -- try ./under /no/such/command
  ended "exit 127" "stderr is closed: warn fails, and changes errno"
}

@test "3.3 tells by name the signal that killed the command [4]" {
  local signal
  one_of signal PIPE VTALRM PROF
  killed_by "$signal"
  killed_by KILL
  [[ $(</proc/sys/kernel/core_pattern) != "|"* ]] || return 0 # there would be a core, whatever its limit
  killed_by ABRT
  one_of signal SEGV BUS SYS XCPU
  killed_by "$signal"
}

@test "3.4 tells at once when the command is stopped, and continued [4]" {
  local signal child
  one_of signal TERM INT HUP
  start ./under perl -e '$SIG{CHLD} = sub { exit 9 }; sleep 50' # which is none of its business
  becomes command perl child_of "$pid" -- "*=it has to run, as a child"
  stays_asleep 0.2
  told STOP 1
  told CONT 2
  told TSTP 3
  told CONT 4
  finish "$signal"
  shape events.txt "user*=a stop is not the end: wait again" \
    "*continued=without WUNTRACED a stop is not told" \
    "*exited with*=WIFSTOPPED, WIFCONTINUED: not every status is an end; SIGCHLD is not passed on"
  same "child, stopped by, by, killed by" "$child SIGSTOP SIGTSTP SIG$signal" _ \
    "${said[child]} ${said[stop]} ${said[stop_again]} ${said[signal]}"
  ended "exit $((128 + $(kill -l "$signal")))" "after an event, wait for signals too"
}

@test "3.5 SIGTERM, SIGINT and SIGHUP are passed on to the command [4]" {
  local code signal
  both_are_passed
  for signal in TERM INT HUP; do
    pick code 1 120
    start ./under perl -e "\$SIG{$signal} = sub { exit $code }; \$| = 1; print qq(ready\n); sleep 50"
    printed 1
    finish "$signal"
    ended "exit $code" "signal*=it takes the signal, and passes it on: it is for the command to end"
    shape passed.txt "*killed*=the command has caught that signal; what it does then is its own affair" \
      "=a signal is no end of the child: wait again" "user *=EINTR is no end of the child: wait again"
    same "exit code" "$code" _ "${said[code]}"
  done
}

@test "3.6 a signal at any moment ends the command, also before exec [4]" {
  spare=99 signals_from "$FORK" "exit @(129|130|143)" ./under sleep @
  delays_at "$FORK" ./under true
  local child likely="block it before fork; in the child unblock it, with the default action, before exec"
  trace -e "trace=$FORKS,execve" -e "inject=$FORKS:delay_exit=100000" \
    -e inject=execve:delay_enter=250000 -- ./under sleep 50
  becomes child "[!(]*" born -- "*=a child of its own runs the command"
  kill -TERM "$main"
  also_ran " & sleep 0.4; pkill -TERM under"
  finish
  ended "exit 143" "$likely"
  shape killed.txt "=$likely"
}

@test "3.7 the usage is what the kernel says: CPU times, largest set [3]" {
  local mib
  pick mib 20 40
  traced -v -e trace=execve,wait4,getrusage -- \
    ./under perl -e '$x = "x" x 2**20 x shift; 1 for 1 .. 4e5' "$mib"
  shape exited.txt
  same usage "$(usage_seen)" "$(usage_seen)" "${stdout##*$'\n'}" \
    "user 0.000000 s, system 0.000000*=the last argument of wait4 has it" \
    "*=that of the child; times in microseconds, ru_maxrss in KiB already"
  ended "exit 0"
}

@test "3.8 the command inherits nothing new; a failing fork is reported [3]" {
  local without
  local heir=(env "--ignore-signal=HUP,USR2" "--block-signal=TERM,USR1" sh -c 'exec 7</dev/null "$@"' sh)
  without=$(launch "${heir[@]}" "${INHERITED[@]}" && finish && cat "$run.out")
  with "${heir[@]}" -- try ./under "${INHERITED[@]}"
  same "signals blocked, ignored; descriptors" "$without" _ "$(head -n 1 "$run.out")" \
    "${without%% [012] *} *=what the command does not need has to be closed on exec" \
    "*=before exec, undo in the child what was blocked or ignored"
  errors_at "$FORK" ./under true
  not_waited_for ./under true
}

# ---- task 4: limits for a command -----------------------------------------------------------------

@test "4.1 --NAME SOFT: the command's soft limit, nothing else [5]" {
  local nofile fsize child
  pick nofile 20 60
  pick fsize 2000000 9000000
  limits_in "/proc/$$/limits" | sed 's/^CORE .*/CORE 0 0/' >before # supervise allows no core
  start ./under --nofile "$nofile" --fsize "$fsize" sleep 50
  becomes command sleep child_of "$pid"
  same "what differs for the command" \
    "FSIZE $fsize $(hard FSIZE) NOFILE $nofile $(hard NOFILE)" "$(changed "$child")" _ \
    "FSIZE $fsize $fsize *=SOFT alone leaves the hard limit as it is" \
    "=setrlimit was not called in the child" \
    "FSIZE $((fsize * 1024)) *=the value is taken as it is, in the limit's own unit"
  same "what differs for under itself" "" "$(changed "$pid")" _ "*=set it between fork and exec, in the child"
}

@test "4.2 SOFT:HARD sets both, :HARD one; 'unlimited' is understood [5]" {
  local soft big digit
  pick soft 20 60
  pick digit 2 9
  pick big 500000000 999999999
  try ./under --cpu "$soft:$((soft + 9))" --rss "9${big}987654321:unlimited" --locks "$digit:unlimited" \
    --rttime "$big:$((big + 1))" --core 0 --msgqueue 0:0 \
    cat /proc/self/limits
  shows MSGQUEUE 0 0 "*=0 is a limit"
  shows CPU "$soft" $((soft + 9))
  shows RSS "9${big}987654321" unlimited "*=a limit has up to twenty digits"
  shows LOCKS "$digit" unlimited
  shows RTTIME "$big" $((big + 1))
  with prlimit "--nofile=$soft:200" -- try ./under --rss unlimited --nofile ":$((soft + 50))" \
    cat /proc/self/limits
  shows RSS unlimited unlimited
  shows NOFILE "$soft" $((soft + 50)) "*=:HARD leaves the soft limit as it is"
}

@test "4.3 what cannot be set is reported; the command does not run [4]" {
  requires resource
  local soft bad when first echo=(sh -c "echo the command runs")
  pick soft 20 60
  try ./under --nofile "$soft:$((soft - 1))" "${echo[@]}"
  stopped 1 "rlimit...: Invalid argument"
  with prlimit "--nofile=$soft:$soft" "${WITHOUT_RESOURCE[@]}" -- \
    try ./under --nofile "$soft:$((soft + 1))" "${echo[@]}"
  stopped 1 "rlimit...: Operation not permitted"
  traced -e "trace=$SETS,?getrlimit" -- ./under --nofile "$soft" true
  first=$(awk '{ ++n[$1] } /RLIMIT_NOFILE/ { print n[$1]; exit }' strace.log) # getrlimit
  for when in "$first" 1+; do
    traced -e "trace=$SETS,?getrlimit" -e "inject=$SETS,?getrlimit:error=EPERM:when=$when" -- \
      ./under --nofile "$soft" "${echo[@]}"
    stopped 1 "rlimit...: Operation not permitted"
  done
  for bad in --nofile={12x,-3,5:,5:-6,5:x,5:6:7,,99999999999999999999} --nosuch=5; do
    try ./under "$bad" "${echo[@]}"
    stopped 2 "..." "not a number, or too large: a usage error, exit 2"
  done
}

@test "4.4 valgrind finds no error, and the compiler has no warning [2]" {
  no_memory_error ./under --rss 1000000 --fsize 2000000:3000000 --locks :unlimited true
  shape exited.txt
  ended "exit 0"
  no_warning under
}

# ---- task 5: limits that bite ---------------------------------------------------------------------

@test "5.1 AS and DATA: no more memory [3]" {
  bites AS ENOMEM 'mmap\(NULL, 134217728, PROT_NONE, .* = -1 ENOMEM' \
    "*=a child sets the limit, calls the function, and exits with the errno" "=no line, or no result in it"
  bites DATA ENOMEM 'mmap\(.* = -1 ENOMEM'
}

@test "5.2 NOFILE: EMFILE; FSIZE: SIGXFSZ [3]" {
  bites NOFILE EMFILE 'open.*"/dev/null".* = -1 EMFILE' "+([0-9])=by name: strerrorname_np(3)"
  bites FSIZE SIGXFSZ 'killed by SIGXFSZ' "EFBIG=the signal is ignored; its default is to end the process"
  called 'write\(.*, 4096\) += 1000' "write(..., 4096) writes 1000 bytes: half of 8192, cut short"
}

@test "5.3 CPU: SIGXCPU; STACK: SIGSEGV; CORE: SIGABRT [3]" {
  bites CPU SIGXCPU 'killed by SIGXCPU' "SIGKILL=that is the hard limit: leave it as it is"
  bites STACK SIGSEGV 'killed by SIGSEGV'
  bites CORE SIGABRT 'killed by SIGABRT'
}

@test "5.4 MEMLOCK and NPROC, which spare root: as an ordinary user [3]" {
  requires drop
  bites MEMLOCK ENOMEM 'mlock2?\(.*, 1048576.* = -1 ENOMEM' "nothing*=root is spared: setuid(2) in the child"
  bites NPROC EAGAIN '(fork|clone3?)\(.* = -1 EAGAIN' "nothing*=root is spared: setuid(2)"
}

@test "5.5 RSS: the kernel takes the limit, and nothing happens [2]" {
  local child
  bites RSS "nothing happens" 'exit_group\(0'
  trace -e trace=execve,exit_group -e inject=exit_group:delay_enter=60000000 -- ./bite RSS
  becomes "KiB that the child has touched" "@(3[2-9]|4?)???" touched -- "*=allocated is not touched"
}

@test "5.6 errors of setrlimit, fork and waitpid are noticed [2]" {
  errors_at "$FORK" ./bite nofile
  not_waited_for ./bite nofile
  traced -e "trace=$SETS" -e "inject=$SETS:error=EPERM:when=1" -- ./bite rss
  same result "RSS 1048576: touch 32 MiB: EPERM" _ "$stdout" "*=look at what getrlimit and setrlimit return"
  with prlimit --rss=1000:1000 -- try ./bite rss
  same result "RSS 1048576: touch 32 MiB: EINVAL" _ "$stdout" \
    "*EPERM=EPERM is 1: the child exits with errno; the hard limit stays" "*=look at what setrlimit returns"
  ended "exit 0"
  inheriting try ./bite fsize
  same result "FSIZE 1000: write 8192 bytes: SIGXFSZ" _ "$stdout" \
    "*=wait for the child that fork returned, not for any"
  try ./bite
  same "the lines' names" "AS CORE CPU DATA FSIZE MEMLOCK NOFILE NPROC RSS STACK" _ \
    "$(cut -d' ' -f1 "$run.out" | paste -sd ' ')" \
    "*=a child has what was in the buffer, too: fflush(3) before fork, or _exit"
}

@test "5.7 without the limit, each uses just what its line says [2]" {
  unbounded AS 1 'mmap\(NULL, 134217728, PROT_NONE, .*= 0x'
  unbounded FSIZE 2 'write\(.*, 4096\) += 4096'
  [[ $(ulimit -l) == [0-9]?([0-9])?([0-9]) ]] || # KiB: too few
    unbounded MEMLOCK 1 'mlock2?\(.*, 1048576.* = 0'
  unbounded NOFILE 100 'open.*"/dev/null".* = [0-9]'
  unbounded NPROC 1 '(fork|clone3?)\(.* = [0-9]'
}

# ---- task 6: whom to wait for ---------------------------------------------------------------------

@test "6.1 the four forms of wait4's first argument, and ECHILD [4]" {
  local code form
  pick code 10 200
  traced -e trace=wait4,waitid -- ./waits "$code"
  ended "exit 0"
  family "pid*ECHILD=no child is left: which wait4 has waited for it?"
  same "'pid > 0'" "${said[d]} $((code + 3))" _ "${said[one]} ${said[code_one]}"
  same "'pid = 0'" "${said[a]} $code" _ "${said[ours]} ${said[code_ours]}" "*=that one is in another group"
  same "the codes of the other two" $((code + 1 + code + 2)) _ $((said[code_other] + said[code_any]))
  for form in "${said[d]}" "-${said[b]}" 0 "-1, .* = -1 ECHILD"; do
    called "wait4\($form" "wait4($form, ...)"
  done
}

@test "6.2 the groups are there, whether parent or child comes first [3]" {
  traced -e trace=setpgid -e inject=setpgid:delay_enter=80000 -- ./waits
  ended "exit 0"
  family "*: ECHILD=the group is not there yet: the parent calls setpgid too"
  same "the groups of the four" "${said[group_a]} ${said[b]} ${said[b]} ${said[group_a]}" _ \
    "${said[group_a]} ${said[group_b]} ${said[group_c]} ${said[group_d]}" \
    "*=the child calls setpgid too: the parent may come later; setpgid(child, 0) makes a new group"
}

@test "6.3 a fork or setpgid that fails: the others are waited for [3]" {
  local inject
  spare=99 errors_at "$FORK setpgid" ./waits
  traced -e inject=wait4,waitid:error=EINVAL -- ./waits
  same "lines with EINVAL when wait4 fails so" 5 _ "$(grep -c ': EINVAL$' "$run.out")" "*=print errno's name"
  for inject in error=EPERM retval=0; do # retval=0: that nothing has happened, only getpgrp says
    traced -e "inject=setpgid:$inject" -e inject=exit_group:delay_enter=100000 -- ./waits
    [[ $inject == retval=0 ]] || refused setpgid "Operation not permitted"
    same "different groups in the lines" 1 _ "$(grep -o 'group [0-9]*' "$run.out" | sort -u | wc -l)" \
      "*=the group is what getpgrp says"
  done
}

@test "6.4 sanitizers find no error, and the compiler has no warning [2]" {
  local each
  for each in ./rlimits ./forks "./under --rss 18446744073709551614 true" "$SAFE" "./waits 252"; do
    # shellcheck disable=SC2086 # words
    sanitized $each
    ended "exit 0"
  done
  family
  no_warning
}
