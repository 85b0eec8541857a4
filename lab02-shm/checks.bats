#!/usr/bin/env bats
# The checks of lab02, task by task; each title is a promise of README.md, with its points.
# The verbs (start, finish, same, shape ...) are in grader/lib/checks.bash.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"
all_require sysvipc

# ftok PATH LETTER: the key that ftok(3) makes of them.
ftok() {
  local dev ino
  read -r dev ino < <(stat -Lc '%d %i' "$1")
  printf '0x%02x%02x%04x' "'$2" $((dev & 0xff)) $((ino & 0xffff))
}

# created ARGUMENT...: starts the program and waits for its four lines; by then the kernel has a
# segment of this process, in shm[...].
created() {
  start "$@"
  printed 4
  shm_with cpid "$pid" || wrong expected "a segment, created by this process" \
    kernel "none in /proc/sysvipc/shm" program "$(sed -n 2p "$run.out")" stderr "$(head -n 1 "$run.err")" \
    likely "shmget was not called with IPC_CREAT, or its segment is gone already"
}

# gone: no segment of the runs so far exists any more.
gone() {
  local left
  ipc_left
  ((${#left[@]} == 0)) || wrong expected "every segment removed" kernel "still there: ${left[*]}" \
    program "$(cause "$end")" likely "${left[0]%% *}ctl with IPC_RMID is missing on the way to this end"
}

# asleep: while it waits, the program neither runs nor wakes up, not even after SIGSTOP and SIGCONT.
asleep() {
  local state before
  state() { state=$(grep -E '^(State|.*ctxt_switches):' "/proc/$pid/status" | tr -s '\n\t' ' '); }
  is_now() {
    state
    [[ $state == *"($1)"* ]]
  }
  kill -STOP "$pid"
  eventually is_now stopped || :
  kill -CONT "$pid" || :
  eventually is_now sleeping || wrong expected "it sleeps until the time is over or a signal comes" \
    kernel "$state" likely "a loop that looks at the time again and again, or a wait that SIGCONT ends"
  before=$state
  nap 0.1
  state
  same "state while waiting" "$before" "$state" _ "*=a sleep of its own length again and again: wait once, for the whole time"
}

# silent: the finished run printed nothing on stdout.
silent() {
  [[ -z $stdout ]] || wrong expected "nothing on stdout, for there is no segment" program "${stdout%%$'\n'*}"
}

# text_in ID BYTES, counter_in ID: what the segment holds, read by the check itself.
text_in() { perl -e 'shmread($ARGV[0], $v, 0, $ARGV[1]) and print unpack("Z*", $v)' "$1" "$2"; }
counter_in() { perl -e 'shmread($ARGV[0], $v, 0, 8) and print unpack("q", $v)' "$1"; }

# ---- task 1: a key and a segment ------------------------------------------------------------------

@test "1.1 prints four lines, and the kernel has the segment they name [6]" {
  reads="shmget(2), ftok(3), ipcs(1)"
  local time
  pick time 7 60
  created --time "$time"
  shape create.txt 'Key: 1[01]????????=the key is printed in decimal: use 0x%08x' 'Key: 41??????=0x is missing'
  same ID "${shm[id]}" "${shm[id]}" "${said[id]}" "0=print what shmget returned"
  same key "$(ftok . A)" "${shm[key]}" "${said[key]}" "0x00000000=IPC_PRIVATE makes a segment that no key finds"
  same seconds "$time" _ "${said[time]}"
  same nattch 0 "${shm[nattch]}" _ "1=nobody has asked to attach it yet"
}

@test "1.2 the key is made of --path and --proj by ftok [6]" {
  reads="ftok(3)"
  local path letter
  one_of path / /etc /usr /etc/passwd /bin/sh
  one_of letter {J..O} {j..o} Z z # whose codes have a hex digit above 9
  created --time 50 --path "$path" --proj "$letter"
  shape create.txt 'Key: 0x*[A-F]*=ipcs prints the key in lower case: use %x, not %X'
  same key "$(ftok "$path" "$letter")" "${shm[key]}" "${said[key]}" \
    "0x00000000=IPC_PRIVATE makes a segment that no key finds" \
    "0x41*=the project id must come from --proj" \
    "$(ftok . "$letter")=the file must come from --path"
}

@test "1.3 size and permissions are those that --size and --mode ask [6]" {
  reads="shmget(2)"
  local size mode exclusive
  pick size 1 9000
  one_of mode 620 640 644 660 604
  one_of exclusive "" --exclusive
  # shellcheck disable=SC2086
  created --time 50 --size "$size" --mode "$mode" $exclusive
  same bytes "$size" "${shm[bytes]}" _ "1024=the size must come from --size" \
    "$(((size + 4095) / 4096 * 4096))=the kernel keeps the size that was asked; only memory comes in pages"
  same perms "$mode" "${shm[perms]}" _ "0=the mode belongs into the flags of shmget, beside IPC_CREAT" \
    "[0-7]*=the mode must come from --mode, and is octal"
}

# ---- task 2: leave nothing behind -----------------------------------------------------------------

@test "2.1 lives for --time seconds, then removes the segment [5]" {
  reads="shmctl(2), clock_nanosleep(2)"
  local hundredths
  pick hundredths 10 25
  start --time "0.$hundredths"
  seen_or_over() { shm_with cpid "$pid" || [[ $(<"$run.status") == *end* ]]; }
  eventually seen_or_over || wrong expected "a segment as long as the program lives" kernel "none in /proc/sysvipc/shm"
  finish
  ended "exit 0"
  ((ms >= hundredths * 10)) || wrong expected "it lives for 0.$hundredths s" kernel "it ended after $ms ms" \
    likely "the program does not wait, or not for fractions of a second"
  ((ms < hundredths * 10 + 2000)) || wrong expected "it lives for 0.$hundredths s" kernel "it ended after $ms ms"
  gone
}

@test "2.2 SIGINT and SIGTERM end it at once, and remove the segment [5]" {
  reads="sigprocmask(2), sigtimedwait(2), signal-safety(7)"
  local signal options
  for options in "INT --time 50" "TERM --time 50" "INT --time 50 --attach-after 0" "TERM --time 50 --lock-after 0"; do
    signal=${options%% *}
    # shellcheck disable=SC2086
    created ${options#* }
    [[ $options != "TERM --time 50" ]] || asleep
    finish "$signal"
    ended "exit 0" "SIG$signal ends a process that does not catch or block it, without any clean-up; a blocked one must be taken"
    gone
  done
}

@test "2.3 a signal in the middle of shmget leaves nothing either [4]" {
  requires strace
  reads="sigprocmask(2), sigtimedwait(2)"
  traced -e inject=shmget:signal=SIGTERM:when=1 -- --time 50
  grep -q ' shmget(' strace.log || wrong expected "a call of shmget" kernel "none (strace)"
  ended "exit 0" "the signal came before the program was ready for it, or before it slept: block it first, take it later"
  gone
}

@test "2.4 no run leaves a segment, a process or an open file behind [4]" {
  reads="shmctl(2), proc(5)"
  local fd file
  created --time 50 --attach-after 0
  for fd in "/proc/$pid/fd"/*; do
    file=$(readlink "$fd") || continue
    [[ ${fd##*/} -le 2 || $file != /* ]] ||
      wrong expected "no file open but 0, 1 and 2" kernel "descriptor ${fd##*/} is open: $file" likely "close(2) is missing"
  done
  finish TERM
  ended "exit 0"
  for options in "--attach-after 0 --detach-after 0.01" "--attach-after 0 --lock-after 0" \
    "--remove-after 0.01" "--count 2" "--count 2 --sync"; do
    # shellcheck disable=SC2086
    try --time 0.02 $options
    ended "exit 0"
    gone
  done
}

# ---- task 3: errors -------------------------------------------------------------------------------

@test "3.1 says so when the key is taken, and leaves that segment alone [4]" {
  reads="shmget(2)"
  local size
  pick size 100 2000
  created --time 50 --size "$size"
  local id=${shm[id]}
  untouched() {
    shm_with id "$id" || wrong expected "the other's segment $id still there" kernel "it is gone" \
      likely "a program that could not create must not remove"
  }
  try --time 0 --size $((size + 1))
  refused shmget "Invalid argument"
  silent
  untouched
  try --time 0 --size "$size" --exclusive
  refused shmget "File exists" "IPC_EXCL, beside IPC_CREAT, refuses a key that is taken"
  silent
  untouched
  start --time 50 --size $((size - 1))
  printed 4
  shape create.txt
  same "ID of the segment that is found" "$id" "$id" "${said[id]}"
  finish TERM
  ended "exit 0"
  ! shm_with id "$id" || wrong expected "segment $id removed by the one that found it" kernel "it is still there"
}

@test "3.2 says so when it has no permission, or asks for too much [4]" {
  requires permissions
  reads="shmget(2)"
  created --time 50 --mode 0
  local size=70368744177664 reason="@(Cannot allocate memory|Invalid argument|No space left on device)"
  as="${WITHOUT_IPC_OWNER[*]}" launch "${WITHOUT_IPC_OWNER[@]}" "$PROGRAM" --time 0
  finish
  refused shmget "Permission denied"
  silent
  [[ $(</proc/sys/vm/overcommit_memory) != 1 ]] || size=0
  try --time 0 --proj Z --size "$size"
  refused shmget "$reason"
  silent
}

@test "3.3 says so when the path or a number is no good, creates nothing [4]" {
  reads="ftok(3), perror(3), strtod(3)"
  local bad
  try --time 0 --path /no/such/file
  refused ftok "No such file or directory" "ftok returns -1 for a file that is not there"
  silent
  for bad in "--size 12x" "--size -1" "--time -0.5" "--time 1,5" "--mode 888" "--nonsense"; do
    # shellcheck disable=SC2086
    try --time 0 $bad
    [[ $end == "exit 2" && -n $stderr ]] || wrong expected "exit 2 and a line on stderr" \
      program "$(cause "$end"); stderr: ${stderr:-(nothing)}" likely "atoi and strtol stop at what is no number: look at the rest"
    silent
  done
  gone
}

@test "3.4 notices when shmget or shmctl fails [4]" {
  requires strace
  reads="shmget(2), shmctl(2), errno(3)"
  local error
  one_of error "ENOSPC No space left on device" "ENOMEM Cannot allocate memory" "ENFILE Too many open files in system"
  traced -e "inject=shmget:error=${error%% *}" -- --time 0
  refused shmget "${error#* }"
  silent
  traced -e "inject=shmctl:error=${error%% *}" -- --time 0
  refused shmctl "${error#* }" "IPC_RMID can fail too: say so, and exit with 1"
}

# ---- task 4: attach -------------------------------------------------------------------------------

@test "4.1 attaching makes nattch 1, detaching makes it 0 again [5]" {
  reads="shmat(2), shmdt(2)"
  local began=${EPOCHREALTIME/[.,]/}
  created --time 50 --attach-after 0.2
  [[ ${shm[nattch]} == 0 ]] || ((${EPOCHREALTIME/[.,]/} - began > 200000)) ||
    wrong expected "nattch 0, for 0.2 s" kernel "nattch ${shm[nattch]} at once" likely "--attach-after has to be waited for"
  eventually shm_is nattch=1 || shm_with cpid "$pid" || :
  same nattch 1 "${shm[nattch]-none}" _ "0=shmget makes a segment; only shmat attaches it"
  finish TERM
  created --time 50 --proj B --attach-after 0 --detach-after 0.02
  detached() { shm_is nattch=0 && ((shm[dtime] > 0)); }
  eventually detached || shm_with cpid "$pid" || :
  same nattch 0 "${shm[nattch]-none}" _ "1=shmdt takes the address that shmat returned"
  same "shmdt since creation" yes "$( ((shm[dtime] > 0)) && echo yes || echo no)" _ "no=shmdt was never called"
}

@test "4.2 --stat prints what the kernel says, before and after [5]" {
  reads="shmctl(2), ipcs(1)"
  local size mode field
  pick size 100 9000
  one_of mode 620 640 644 660
  created --time 50 --size "$size" --mode "$mode" --attach-after 0.01 --stat
  printed 6
  shm_with cpid "$pid" || :
  shape attach.txt
  same "nattch before" 0 _ "${said[nattch_created]}"
  for field in key id perms bytes nattch status; do
    same "$field" "${shm[$field]-none}" _ "${said[${field}_attached]}"
    [[ $field == nattch ]] || same "$field before" "${shm[$field]-none}" _ "${said[${field}_created]}"
  done
  same nattch 1 "${shm[nattch]-none}" "${said[nattch_attached]}" "0=shmget makes a segment; only shmat attaches it"
  # a second one finds that segment: what it asked for itself is not what there is
  start --time 50 --size 1 --mode 600 --attach-after 0 --stat
  printed 6
  shape attach.txt
  for field in key id perms bytes; do
    same "$field of the segment found" "${shm[$field]}" _ "${said[${field}_attached]}" "*=that was asked; ask the kernel what there is: IPC_STAT"
  done
  same "nattch of both" 2 _ "${said[nattch_attached]}" "1=ask the kernel, it counts others too: IPC_STAT"
}

@test "4.3 notices when shmat or shmdt fails, and removes the segment [4]" {
  requires strace
  reads="shmat(2)"
  traced -e inject=shmat:error=ENOMEM -- --time 50 --attach-after 0
  refused shmat "Cannot allocate memory" "shmat returns (void *) -1 when it fails, not NULL"
  gone
  traced -e inject=shmdt:error=EINVAL:when=1 -- --time 50 --attach-after 0 --detach-after 0
  refused shmdt "Invalid argument"
  gone
}

# ---- task 5: locked and removed -------------------------------------------------------------------

@test "5.1 --lock-after makes the status 'locked' [4]" {
  requires memlock strace
  reads="shmctl(2), getrlimit(2)"
  created --time 50 --lock-after 0.01 --stat
  eventually shm_is status=locked || shm_with cpid "$pid" || :
  printed 6
  finish TERM
  shape lock.txt
  same status locked "${shm[status]-none}" "${said[status_locked]}" "-=SHM_LOCK is a command of shmctl, not a flag of shmget"
  same nattch 0 "${shm[nattch]-none}" "${said[nattch_locked]}"
  same perms 666 "${shm[perms]-none}" "${said[perms_locked]}" "*=SHM_LOCKED is in the mode too: mask it with 0777"
  traced -e inject=shmctl:error=EPERM:when=1 -- --time 50 --lock-after 0
  refused shmctl "Operation not permitted" "SHM_LOCK can fail too"
  gone
}

@test "5.2 removed while attached: status 'dest', key 0, gone at the end [4]" {
  reads="shmctl(2), shmdt(2)"
  created --time 50 --attach-after 0 --remove-after 0.02 --stat
  eventually shm_is status=dest || shm_with cpid "$pid" || :
  printed 7
  finish TERM
  shape dest.txt
  same status dest "${shm[status]-gone}" "${said[status_removed]}" "-=IPC_RMID is due after --remove-after, not only at the end"
  same key 0x00000000 "${shm[key]-none}" "${said[key_removed]}"
  same nattch 1 "${shm[nattch]-none}" "${said[nattch_removed]}"
  same perms 666 "${shm[perms]-none}" "${said[perms_removed]}" "*=SHM_DEST and SHM_LOCKED are in the mode too: mask it with 0777"
  ended "exit 0"
  gone
  start --time 50 --proj B --remove-after 0 --stat
  printed 6
  ! shm_with cpid "$pid" || wrong expected "no segment: nobody is attached" kernel "segment ${shm[id]} is still there"
  finish TERM
  shape gone.txt
  ended "exit 0" "once is enough: a segment that is gone cannot be removed again"
}

@test "5.3 valgrind and the compiler have nothing to complain about [4]" {
  requires valgrind
  reads="valgrind(1)"
  no_memory_error --time 0.03 --attach-after 0 --detach-after 0.01 --stat
  shape detach.txt
  ended "exit 0"
  no_warning
}

# ---- task 6: a message ----------------------------------------------------------------------------

@test "6.1 what one process writes, another reads; it stays in between [5]" {
  reads="shmat(2), shmop(2)"
  local size number text
  pick size 64 2000
  pick number 100000 999999
  created --time 50 --size "$size"
  for text in "first message, number $number" "%s second: $((number / 7))" by-the-check; do
    if [[ $text == by-the-check ]]; then
      perl -e 'shmwrite($ARGV[0], "$ARGV[1]\0", 0, 1 + length $ARGV[1])' "${shm[id]}" "$text"
    else
      try --write "$text"
    fi
    ended "exit 0" "shmget with size 0 finds a segment of any size"
    same message "$text" "$(text_in "${shm[id]}" "$size")" _ "$text*=a string ends with a 0 byte: copy that too" \
      "*=the text begins at the start of the segment; a pointer to it means nothing to others"
    try --read
    ended "exit 0"
    same message "$text" _ "$stdout"
    printf '%s\n' "$text" | cmp -s - "$run.out" || wrong expected "the text and a newline" program "other bytes"
  done
  shm_with id "${shm[id]}" || wrong expected "the segment still there" kernel "it is gone" \
    likely "only its creator removes it"
  same nattch 0 "${shm[nattch]}" _
}

@test "6.2 no segment, or too long a message: says so, changes nothing [5]" {
  requires strace
  reads="shmget(2), shmctl(2)"
  local text=123456789012345 option
  for option in --read --write; do
    try "$option" "${option/--read/--stat}"
    refused shmget "No such file or directory" "without IPC_CREAT shmget only looks for the key"
    gone
  done
  created --time 50 --size 16
  try --write "$text"
  ended "exit 0" "15 characters and the final 0 byte do fit"
  try --write "${text}6"
  [[ $end == "exit 1" && -n $stderr ]] || wrong expected "exit 1 and a line on stderr: 17 bytes do not fit into 16" \
    program "$(cause "$end"); stderr: ${stderr:-(nothing)}" likely "shm_segsz of IPC_STAT is the size that was asked; the page is larger"
  same message "$text" "$(text_in "${shm[id]}" 16)" _
  traced -e inject=shmat:error=ENOMEM -- --read
  refused shmat "Cannot allocate memory"
}

# ---- task 7: a counter ----------------------------------------------------------------------------

@test "7.1 processes that do not take turns lose updates [4]" {
  reads="fork(2), shm_overview(7)"
  local procs count
  pick procs 2 4
  pick count 10 16
  created --time 50 --count "$count" --procs "$procs" --hold 0.008
  printed 5
  shape count.txt "=the children do not come to an end, or the numbers are not printed"
  same expected $((procs * count)) _ "${said[expected]}" "$count=each process counts that often"
  same counter "${said[got]}" "$(counter_in "${shm[id]}")" _ \
    "=the segment is gone: exit(3) in a child does what atexit(3) was told; _exit(2) does not"
  ((said[got] >= 2)) || wrong expected "a counter that all of them add to" kernel "counter ${said[got]}" \
    likely "the counter is the long at the start of the segment; other memory is copied by fork(2)"
  same lost $((procs * count - said[got])) _ "${said[lost]}"
  ((said[lost] * 5 >= said[expected])) || wrong expected "a fifth or more of $((procs * count)) lost" \
    kernel "counter ${said[got]}" program "lost ${said[lost]}" \
    likely "the counter is read, then --hold passes, then it is written: others read the same value meanwhile"
  eventually shm_is nattch=0 || wrong expected "nattch 0 after the counting" kernel "nattch ${shm[nattch]}" likely "detach when all is counted"
  finish INT
  ended "exit 0"
  gone
}

@test "7.2 --sync: they take turns, and none is lost [4]" {
  reads="sem_init(3), sem_overview(7)"
  local procs count
  pick procs 2 4
  pick count 5 15
  created --time 50
  perl -e 'shmwrite($ARGV[0], "\xff" x 64, 0, 64)' "${shm[id]}" # what an earlier user may have left
  start --time 50 --count "$count" --procs "$procs" --sync
  printed 5
  shape count.txt "=it hangs: sem_init with pshared 0 makes a lock for threads, not for processes"
  same counter $((procs * count)) "$(counter_in "${shm[id]}")" "${said[got]}" \
    "=the segment is gone: exit(3) in a child does what atexit(3) was told; _exit(2) does not" \
    "*=is the lock taken before the read and given back after the write, by every process?"
  same lost 0 _ "${said[lost]}"
  finish TERM
  ended "exit 0"
  ((ms >= procs * count)) || wrong expected "$((procs * count)) times --hold, 0.001 s, one after the other" kernel "$ms ms in all" \
    likely "the lock is held from the read to the write, --hold included"
}

@test "7.3 the counting is done by processes, and all of them are reaped [4]" {
  requires strace
  reads="fork(2), wait(2)"
  local procs
  pick procs 2 5
  local children="" options
  all_there() {
    children=$(cat "/proc/$pid/task/$pid/children")
    shm_with cpid "$pid" && ((shm[nattch] >= procs && $(wc -w <<<"$children") >= procs))
  }
  counting() { (($(counter_in "${shm[id]}") > 0)); }
  for options in "TERM --hold 0.01" "INT --hold 0.01 --sync"; do
    # shellcheck disable=SC2086
    created --time 50 --count 100000 --procs "$procs" ${options#* }
    eventually all_there || wrong expected "$procs children, and nattch of at least $procs, while they count" \
      kernel "$(wc -w <<<"$children") children, nattch ${shm[nattch]-(no segment)}" likely "one process does all the counting, or one after the other"
    eventually counting || wrong expected "a counter that grows while they count" kernel "counter $(counter_in "${shm[id]}")" \
      likely "each process adds to the counter in the segment, one by one; nothing else grows"
    finish "${options%% *}"
    ended "exit 0" "a stop signal must be noticed while the children count"
    same "lines of output" 4 _ "$(wc -l <"$run.out")" "5=it was stopped, nothing is counted"
    gone
  done
  traced -e "inject=?fork,?vfork,clone,?clone3:error=EAGAIN:when=2" -- --time 0 --count 100000 --procs 3
  refused fork "Resource temporarily unavailable"
  [[ $left == 0 ]] || wrong expected "no child left" kernel "$left still running" likely "the children made before have to be ended"
  gone
}
