#!/usr/bin/env bats
# The checks of lab02, task by task; each title is a promise of README.md, with its points.
# The verbs (start, becomes, ended, errors_at ...) are in grader/lib/.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"
all_require sysvipc
procs=0 count=0 mode=0 # drawn, by pick and one_of

# ftok PATH: the key that ftok(3) makes of it and 'A'.
ftok() {
  local dev ino
  read -r dev ino < <(stat -Lc '%d %i' "$1")
  printf '0x41%02x%04x' $((dev & 0xff)) $((ino & 0xffff))
}

# created ARGUMENT...: starts shm_creator and waits for its four lines; by then the kernel has a segment of
# this process, in shm[...].
created() {
  start ./shm_creator "$@" || return
  printed 4
  shm_with cpid "$pid" || wrong expected "a segment, created by this process" \
    kernel "none in /proc/sysvipc/shm" program "$(sed -n 2p "$run.out")" stderr "$(head -n 1 "$run.err")" \
    likely "shmget was not called with IPC_CREAT, or the segment is gone: does line 4 have a newline?"
  id=${shm[id]}
}

# of_segment FIELD: an observer for `becomes`: that field of the segment that the last program created.
of_segment() { shm_with cpid "$pid" && value=${shm[$1]} || value="(no segment)"; }

# of_id FIELD: likewise, of segment $id.
of_id() { shm_with id "$id" && value=${shm[$1]} || value="(no segment)"; }

# shown N FILE: the program has printed N lines, in the shape of FILE; shm[...] is what the kernel says of it.
shown() {
  printed "$1"
  shape "$2"
  shm_with id "${said[id_create]}" || :
}

# told STEP [FIELD=VALUE]: the line of that step says what the kernel says, this field has this value.
told() {
  local field want value
  for field in key id perms bytes nattch status; do
    [[ ${2-} == "$field="* ]] && want=${2#*=} || want=${shm[$field]-none}
    value=${said[${field}_$1]}
    case $field in key) printf -v value '0x%08x' "$value" ;; perms) printf -v value %o "0$value" ;; esac
    same "$field, step $1" "$want" _ "$value" "${MISTAKES[$field]-}" "*=ask the kernel: IPC_STAT"
  done
}
declare -gA MISTAKES=([perms]="????*=SHM_DEST and SHM_LOCKED are in the mode too: mask it with 0777"
  [nattch]="*=it counts others too: IPC_STAT" [status]="*[dl]*=it can be dest and locked, both: IPC_STAT")

# stops SIGNAL [HINT]: that signal ends the program, at once and with exit 0; nothing is left, nor more said.
stops() {
  local earlier
  eventually sleeps "$pid" || :
  files_open
  contents earlier "$run.out"
  ! over || wrong expected "it waits, until SIG$1 ends it"
  send "$1"
  ! sleeps "$pid" || wrong expected "SIG$1 ends it" kernel "it sleeps on, with that signal" \
    likely "it looks only now and then whether a signal has come: wait for the signal itself"
  finish
  ended "exit 0" "${2-}"
  same stdout "$earlier" _ "$stdout" "*=after a signal no step is taken, and nothing printed"
}

# large BYTES: the kernel has room for such a segment, which takes no memory before it is touched.
large() {
  local made
  made=$(ipcmk -M "$1" 2>/dev/null) && ipcrm -m "${made##* }"
}

# there WHAT: segment $id still is.
there() {
  shm_with id "$id" || wrong expected "segment $id still there" kernel "it is gone" likely "$1"
}

# denied CALL REASON [HINT]: the finished run was refused, and printed nothing on stdout.
denied() {
  refused "$@"
  [[ -z $stdout ]] || wrong expected "nothing on stdout: there is no segment" program "${stdout%%$'\n'*}"
}

# born: an observer: how many children the program has.
born() {
  children_of "$pid"
  value=${#children[@]}
}

# forked: it has a child: its segment has been removed then.
forked() { born && ((value > 0)); }

# A stdout that nobody reads: a pipe whose other end is closed.
CLOSED_STDOUT=(perl -e 'pipe R, W; close R; open STDOUT, ">&W"; exec @ARGV')

# What segment $id holds, read and written by the check itself; text_in sets held.
text_in() {
  held=$(perl -e 'shmread($ARGV[0], $v, 0, $ARGV[1]) and print unpack("Z*", $v), "."' "$id" "$1")
  held=${held%.}
}
counter_in() { perl -e 'shmread($ARGV[0], $v, 0, 8) and print unpack("q", $v)' "$id"; }
put_in() {
  ((${#1} <= 40)) && note ran "perl -e 'shmwrite $id, \"$1\", 0, $2' # by the check itself" ||
    note ran "perl -e 'shmwrite $id, \"${1:0:1}\" x ${#1}, 0, $2' # by the check itself"
  perl -e 'shmwrite($ARGV[0], "$ARGV[1]\0", 0, $ARGV[2])' "$id" "$1" "$2"
}

# wrote TEXT, found TEXT: shm_message puts it into segment $id; shm_message finds it there.
wrote() {
  try ./shm_message "${shm[key]}" write "$1"
  ended "exit 0" "shmget with size 0 finds a segment of any size"
  same stdout "" _ "$stdout"
  text_in 70000
  same message "$1" "$held" _ "$1?*=a string ends with a 0 byte: copy that too" \
    "*=the text begins at the start of the segment; a pointer to it means nothing to others"
}
found() {
  try ./shm_message "${shm[key]}" read
  ended "exit 0" "who only reads needs no permission to write: 0 for shmget, SHM_RDONLY for shmat"
  same message "$1" _ "$stdout" "*=the text ends at its 0 byte, or with the segment"
  [[ -z $unended ]] || wrong expected "a newline behind the text" program "none"
}

# held_at_its_line ARGUMENT...: runs shm_count until it prints; there it is stopped, and main is its pid.
held_at_its_line() {
  trace -P "$BATS_TEST_TMPDIR/run$((runs + 1)).out" -e trace=write -e inject=write:signal=SIGSTOP:when=1 \
    -- ./shm_count "$@" || return
  local at=${ran_at[$run]}
  notes[at]="ran strace -f -e trace=shmget,shmctl,write,shmdt ./shm_count $*"
  is_held() {
    main=$(sed -n 's/ *--- stopped by SIGSTOP ---$//p' strace.log | head -n 1)
    [[ -n $main ]] && shm_with cpid "$main"
  }
  if ! eventually is_held && [[ -z $main ]]; then
    wrong expected "a line on stdout" program "(nothing)" stderr "$(head -n 1 "$run.err")" \
      likely "a hang? SIGCHLD has to be blocked, and several may come as one" || return
  fi
  shm_with cpid "$main" || wrong expected "the segment is there while it prints" kernel "it is not" \
    likely "print, then detach; does a child print too, that has not ended with _exit?"
  id=${shm[id]}
}

# ---- task 1: a key and a segment ------------------------------------------------------------------

@test "1.1 prints four lines, and the kernel has the segment they name [6]" {
  pick time 101 999
  created --time "$time"
  shape create.txt 'Key: 0x*[A-F]*=in lower case: %x' 'Key: 1[01]????????=this is decimal: use 0x%08x' \
    'Key: 41??????=0x is missing'
  same ID "${shm[id]}" "${shm[id]}" "${said[id]}" "0=print what shmget returned"
  same key "$(ftok .)" "${shm[key]}" "${said[key]}" "0x00000000=IPC_PRIVATE makes a segment that no key finds"
  same seconds "$time" _ "${said[time]}"
  same nattch 0 "${shm[nattch]}" _ "1=no process has asked to attach it yet"
}

@test "1.2 the key is made of --path and 'A' by ftok [6]" {
  for path in $(shuf -n 3 --random-source=<(yes $RANDOM) -e / /etc /usr /etc/passwd /bin/sh /var); do
    created --time 50 --path "$path"
    shape create.txt 'Key: 0x*[A-F]*=ipcs prints the key in lower case: use %x, not %X'
    same key "$(ftok "$path")" "${shm[key]}" "${said[key]}" \
      "$(ftok .)=the file must come from --path" "0x[!4]*=the second argument of ftok is 'A'"
  done
}

@test "1.3 size and permissions are those that --size and --mode ask for [6]" {
  pick size 1100 9000
  one_of mode 620 751 644 660 604
  umask 077
  created --time 50 --size "$size" --mode "$mode"
  same bytes "$size" "${shm[bytes]}" _ "1024=the size must come from --size" \
    "$(((size + 4095) / 4096 * 4096))=bytes is what was asked for; only memory comes in pages"
  same perms "$mode" "${shm[perms]}" _ "0=the mode belongs into the flags of shmget, beside IPC_CREAT" \
    "[0-7]*=the mode must come from --mode, and is octal"
}

# ---- task 2: leave nothing behind -----------------------------------------------------------------

@test "2.1 waits for --time seconds, then removes the segment [5]" {
  pick time 11 25
  start ./shm_creator --time 0.999999 --path /
  long=$run
  try ./shm_creator --time "0.$time"
  ended "exit 0" \
    "signal*=SIGALRM has to be blocked: sigwait takes it" "timeout=does the timer start? tv_usec < 1000000"
  ((ms >= time * 10)) || wrong expected "at least 0.$time s" kernel "$ms ms" likely "fractions count"
  try ./shm_creator --every "0.$time" --time 0 attach remove
  ended "exit 0" "timeout=a timer of 0 is off: setitimer(2)"
  ((ms >= time * 20)) || wrong expected "at least 0.$time s before each step" kernel "$ms ms"
  time=$((2 * time))
  same "line 4" "in 0.${time%0} seconds..." _ "$(sed -n '4s/.*exit //p' "$run.out")" "*=all waits, in seconds"
  finish "$long"
  ended "exit 0" "timeout=tv_sec has the whole seconds, tv_usec the rest, which is less than 1000000"
  ((ms >= 999)) || wrong expected "at least 0.999999 s" kernel "$ms ms"
}

@test "2.2 INT, TERM, HUP, PIPE: it ends at once, and nothing is left [5]" {
  for signal in INT:2147.484 TERM:4294.968 HUP:5000 PIPE:1000000; do # microseconds do not fit
    created --time "${signal#*:}"
    same "line 4" "in $(printf %g "${signal#*:}") seconds..." _ "$(sed -n '4s/.*exit //p' "$run.out")" "*=%g"
    stops "${signal%:*}" "it ends a process that neither catches nor blocks it, without any clean-up"
  done
  created --time 50
  pending TERM INT
  finish
  ended "exit 0" "one of them ends it; the other must not hinder its end: both stay blocked"
  with "${CLOSED_STDOUT[@]}" -- try ./shm_creator --every 50 --time 50 attach
  ended "exit 0" "nobody reads stdout: SIGPIPE comes, and says it all"
}

@test "2.3 a signal at any call leaves nothing either [4]" {
  signals_from shmget "exit 0" ./shm_creator --every 0 --time @
}

@test "2.4 sleeps while it waits, also after Ctrl-Z and fg [4]" {
  time=$((5 * (SLOW < 300 ? SLOW : 300)))
  created --time "$(seconds "$time")"
  nap "$(seconds $((time / 2)))"
  suspend
  stays_asleep 0.1
  finish
  ended "exit 0" "a wait that was interrupted goes on: for what is left of the time"
  near "ms in all" "$time" $((time * 35 / 100)) "$ms" _ "$((time * 3 / 2))=what is left of it, not all of it"
}

# ---- task 3: errors -------------------------------------------------------------------------------

@test "3.1 the key is in use: says so, leaves that segment alone [4]" {
  pick size 100 1000
  created --time 50 --size "$size"
  try ./shm_creator --time 0 --size $((size + 1))
  denied shmget "Invalid argument"
  there "a program that could not create must not remove"
  try ./shm_creator --time 0 --size "$size" --exclusive
  denied shmget "File exists" "IPC_EXCL, beside IPC_CREAT, refuses a key that is in use"
  start ./shm_creator --time 50 --size 0
  printed 4
  shape create.txt
  same "ID of the segment that is found" "$id" _ "${said[id]}" "*=without IPC_EXCL a larger one is found"
  stops TERM
  ! shm_with id "$id" || wrong expected "segment $id removed" kernel "it is there" \
    likely "found or created: the end removes it"
}

@test "3.2 no permission, or too much memory: says so [4]" {
  requires permissions
  size=562949953422336 # 2^49 + 1024
  [[ $(</proc/sys/vm/overcommit_memory) != 1 ]] || size=0
  created --time 50 --mode 0
  with "${WITHOUT_IPC_OWNER[@]}" -- try ./shm_creator --time 0
  denied shmget "Permission denied"
  try ./shm_creator --time 0 --path / --size "$size"
  denied shmget "@(Cannot allocate memory|Invalid argument|No space left on device)" "size_t has 64 bits"
  try ./shm_creator --time 0 --path /usr --size 0
  denied shmget "Invalid argument" "a new segment of 0 bytes is refused: that is the kernel's to say"
}

@test "3.3 a path or a number that is no good: says so, creates nothing [4]" {
  try ./shm_creator --time 0 --path /no/such/file
  denied ftok "No such file or directory" "ftok returns -1 for a file that is not there"
  try ./shm_creator --time 0 --path /etc/passwd/x
  denied ftok "Not a directory"
  for bad in "--size 12x" "--size -1" "--time -0.5" "--time 1,5" "--mode 888" "--nonsense" "atach"; do
    # shellcheck disable=SC2086 # two words
    try ./shm_creator --time 0 $bad
    fails 2 "..." "usage errors exit with 2"
  done
}

@test "3.4 notices each call that fails [4]" {
  errors_at "shmget shmctl" ./shm_creator --exclusive --time @
  created --every 50 --time 50 attach
  first=$run
  ipcrm -m "$id"
  created --time 50
  note ran "ipcrm -m ${id}0 # the first one's; by the check itself"
  finish "$first" TERM
  fails 1 "shmctl...: @(Invalid argument|Identifier removed)" "removed by another, it cannot be removed by us"
  there "remove by the id, not by the key: it can be another one's by now"
}

# ---- task 4: attach -------------------------------------------------------------------------------

@test "4.1 attach makes nattch 1, detach makes it 0 again [5]" {
  created --every 50 --time 50 attach
  printed 5
  same "nattch before the first --every is over" 0 "${shm[nattch]}" _
  stops TERM
  created --every 0 --time 50 attach
  becomes nattch 1 of_segment nattch -- "0=only shmat attaches it; or does a wait of 0 seconds not end?"
  stops TERM
  created --every 0 --time 50 attach attach detach
  becomes "seconds since 1970 of the last shmdt" "[1-9]*" of_segment dtime -- "0=shmdt was never called"
  becomes nattch 1 of_segment nattch -- "2=shmdt takes the address that shmat returned" "0=detached once only"
  stops TERM
}

@test "4.2 each line says what the kernel says, of a segment found too [5]" {
  pick size 1100 9000
  ! large 5000000000 || size=$((size + 4294967296)) # more than an int can hold
  one_of mode 620 640 644 660
  created --every 0 --time 50 --size "$size" --mode "$mode" attach
  shown 6 attach.txt
  told create nattch=0
  told attach nattch=1
  start ./shm_creator --every 0 --time 50 --size 1 --mode 600 attach # finds that one
  shown 6 attach.txt
  same "ID of the segment that is found" "$id" _ "${said[id_attach]}"
  told attach nattch=2
  same "perms of a segment that was found" "$mode" "${shm[perms]}" _
  try ./shm_creator --time 0
  becomes status dest of_id status -- "*=a segment that was found is removed too"
}

@test "4.3 notices when shmat, shmdt or IPC_STAT fails, and removes [4]" {
  advice="it is gone only after our own remove; all else is an error" \
    ERRORS="EINVAL EIDRM" errors_at "shmat shmdt shmctl" ./shm_creator --every 0 --time @ attach detach
  signals_from shmat "exit 0" ./shm_creator --every 0 --time @ attach detach
  calls_of shmctl ./shm_creator --every 0 --time 0 remove
  number=$(printf '%s\n' "${calls[@]}" | sed -n 's/^shmctl \([0-9]*\) .*IPC_RMID.*/\1/p')
  traced -e "inject=shmctl:error=EIDRM:when=$((number + 1))" -- ./shm_creator --every 0 --time 0 remove
  ended "exit 0" "EIDRM, or EINVAL, after our remove: the segment is gone"
  shape gone.txt
  created --time 50
  traced -e inject=shmat:error=ENOMEM -- ./shm_creator --every 0 --time 50 attach
  fails 1 "shmat...: Cannot allocate memory"
  becomes segment "(no segment)" of_id id -- "*=an error removes a segment that was found, too"
}

# ---- task 5: locked and removed -------------------------------------------------------------------

@test "5.1 lock makes the status 'locked' [4]" {
  requires memlock
  created --time 50
  start ./shm_creator --every 0 --time 50 lock # finds that one
  becomes status locked of_id status -- "-=SHM_LOCK is a command of shmctl, not a flag of shmget"
  shown 6 lock.txt
  told lock nattch=0
  start ./shm_creator --every 0 --time 50 attach # and so does this
  shown 6 attach.txt
  told attach status=locked
  stops TERM
  ERRORS="EPERM ENOMEM" errors_at shmctl ./shm_creator --every 0 --time @ lock
}

@test "5.2 removed while attached: status 'dest', key 0, gone at the end [4]" {
  requires memlock
  created --every 0 --time 50 attach remove lock
  becomes status dest,locked of_segment status -- "locked=IPC_RMID is due at the step, not only at the end"
  shown 8 dest.txt
  same "key, when removed" 0x00000000 "${shm[key]}" _
  told remove status=dest
  told lock
  stops TERM "once is enough: a segment that is gone cannot be removed again"
  created --every 0 --time 50 --path / attach
  start ./shm_creator --every 0 --time 50 --path / remove # finds that one
  shown 6 removed.txt
  told remove status=dest
  start ./shm_creator --every 0 --time 50 --path / remove
  printed 4
  gone=$(sed -n 's/^ID: //p' "$run.out")
  becomes segment "(no segment)" of_segment id -- "*=no process is attached: removed is gone"
  shown 6 gone.txt
  same "ID of what is gone" "$gone" _ "${said[id_remove]}" "-1=shmctl returns an error; id has not changed"
  stops TERM "once is enough: a segment that is gone cannot be removed again"
  ERRORS="EPERM ENOMEM" errors_at shmctl ./shm_creator --every 0 --time @ attach remove
}

@test "5.3 sanitizers, valgrind and the compiler find nothing [4]" {
  many=$(printf 'attach %.0s' {1..70})
  # shellcheck disable=SC2086 # many words
  sanitized ./shm_creator --every 0.000001 --time 0 --size 1 $many detach remove
  sanitized ./shm_creator --time 0 --path / --size 1000000000000000
  no_memory_error ./shm_creator --every 0 --time 0.01 attach detach
  shape detach.txt
  ended "exit 0"
  no_warning
}

# ---- task 6: a message ----------------------------------------------------------------------------

@test "6.1 what one process writes, another reads; it stays in between [4]" {
  requires permissions
  pick number 100000 999999
  printf -v long '%s %066000d' "$number" 0
  bytes=70000
  ! large 5000000000 || bytes=4294967300 # more than an int can hold
  created --time 50 --size "$bytes"
  for text in "${long:0:1100}" "$long" "%s second: $((number / 7))" $'zwei\nZ\303\274ge\n' ""; do
    wrote "$text"
    found "$text"
  done
  put_in "by the check: $number" 300
  found "by the check: $number"
  there "only its creator removes it"
  same nattch 0 "${shm[nattch]}" _
  created --time 50 --path / --mode 400
  with "${WITHOUT_IPC_OWNER[@]}" -- found ""
}

@test "6.2 no segment, or too long a text: says so, changes nothing [3]" {
  text=123456789012345
  for page in read "write hello"; do
    # shellcheck disable=SC2086 # two words
    try ./shm_message 0x41424344 $page
    denied shmget "No such file or directory" "without IPC_CREAT shmget only looks for the key"
  done
  created --time 50 --size 16
  sanitized ./shm_message "${shm[key]}" write "$text"
  ended "exit 0" "15 characters and the final 0 byte do fit"
  for long in "${text}6" "$(printf %065537d 0)"; do
    try ./shm_message "${shm[key]}" write "$long"
    fails 1 "..." "its 0 byte has to fit too, into shm_segsz of IPC_STAT: the page is larger"
    text_in 16
    same message "$text" "$held" _
  done
}

@test "6.3 notices each call that fails; reads a text without a 0 byte [3]" {
  created --time 50
  errors_at "shmget shmctl shmat" ./shm_message "${shm[key]}" read
  errors_at "shmget shmctl shmat" ./shm_message "${shm[key]}" write hello
  printf -v page "%0$((3 * $(getconf PAGESIZE)))d" 0
  created --time 50 --path / --size ${#page}
  put_in "$page" ${#page}
  found "$page"
}

# ---- task 7: a counter ----------------------------------------------------------------------------

@test "7.1 processes that do not take turns lose updates [3]" {
  pick procs 3 4
  pick count 10 16
  held_at_its_line --count "$count" --procs "$procs" --hold 0.008
  same status dest "${shm[status]}" _ "-=IPC_RMID right after shmat: nothing is left, whatever happens"
  counter=$(counter_in)
  kill -CONT "$main"
  finish
  ended "exit 0"
  shape count.txt
  same expected $((procs * count)) _ "${said[expected]}" "$count=each process counts that often"
  same counter "$counter" _ "${said[got]}" "*=the counter is the long at the start of the segment"
  same lost $((procs * count - counter)) _ "${said[lost]}"
  ((counter >= count / 2 && counter * 5 <= procs * count * 4)) ||
    wrong expected "a fifth or more of it lost" kernel "counter $counter" \
      likely "read, then wait for --hold, then write: others read the same value meanwhile"
  for none in --procs --count; do
    try ./shm_count "$none" 0
    same output "expected 0, got 0, lost 0" _ "$stdout"
  done
}

@test "7.2 --sync: they take turns, and nothing is lost [3]" {
  requires permissions
  pick procs 3 5
  pick count 17 25
  start ./shm_count --count 1 --procs 3 --hold 0.2 --sync
  eventually forked && eventually sleeps "$pid" || :
  suspend
  first=$run
  with "${WITHOUT_IPC_OWNER[@]}" -- try ./shm_count --count "$count" --procs "$procs" --hold 0.0009 --sync
  ended "exit 0" "timeout=sem_init with pshared 0? no sem_post? several SIGCHLD that came as one?"
  shape count.txt
  same got $((procs * count)) _ "${said[got]}" "*=lock before the read, unlock after the write"
  ((ms >= procs * count * 9 / 10)) || wrong kernel "$ms ms" \
    expected "$((procs * count)) times 0.0009 s, one after the other" \
    likely "the lock is held from the read to the write, --hold included"
  finish "$first"
  ended "exit 0" "timeout=two runs at once must not share a lock"
  same output "expected 3, got 3, lost 0" _ "$stdout" "*=each wait that Ctrl-Z and fg interrupt has to go on"
  sanitized ./shm_count --procs 64 --count 2 --hold 0 --sync
  ended "exit 0"
  same output "expected 128, got 128, lost 0" _ "$stdout"
}

@test "7.3 processes count, and all are waited for, whatever the end [3]" {
  pick procs 3 5
  start ./shm_count --count 100000 --procs "$procs" --hold 999.5 --sync
  becomes nattch $((procs + 1)) of_segment nattch -- \
    "2=one child after the other? All are started first" "*=each process counts in the same segment"
  eventually sleeps "$pid" || wrong expected "the first process sleeps while its children count" \
    kernel "it runs" likely "waitpid with WNOHANG, again and again"
  id=${shm[id]}
  same counter 0 "$(counter_in)" _ "*=--hold is in seconds, and it has not been over"
  becomes children "$procs" born
  kill -KILL "${children[procs - 1]}"
  also_ran " sleep 1; pkill -KILL -n -P \$!;"
  eventually sleeps "$pid" || : # it may wait for the others now, but not for them alone
  pending TERM INT
  finish
  ended "exit 1" "signal*=both stay blocked until the children are ended" \
    "timeout=a stop signal ends the children too, which inherit what their parent blocks"
  same stdout "" _ "$stdout"
}

@test "7.4 a call fails, or a signal comes at any call: the same end [3]" {
  pick procs 3 5
  calls_of "shmget|shmctl|clone3?|v?fork" ./shm_count --count 1 --hold 0
  [[ ${calls[0]}${calls[1]} == *IPC_PRIVATE*IPC_RMID* ]] || wrong expected \
    "IPC_PRIVATE, IPC_RMID, then fork" kernel "${calls[0]#* * }, ${calls[1]#* * }"
  errors_at "shmget shmctl shmat clone3?|v?fork" ./shm_count --count 1 --hold @ --procs "$procs" --sync
  signals_from shmget "exit 1" ./shm_count --hold @ --count 1
  delays_at "clone3? v?fork kill wait4|waitid rt_sigsuspend|pause|p?select6?|p?poll|epoll_p?wait" \
    ./shm_count --count 1 --hold "$(seconds $((SLOW / 5)))" --procs "$procs"
}
