#!/usr/bin/env bats
# The lab VM: built once (minutes), restored in seconds, gone without a trace.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

VM=$TREE/grader/vm/vm
setup_file() { "$BATS_TEST_DIRNAME/../vm/vm" build >&2 3>&-; }

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  mkdir tmp job bin
  export TMPDIR=$PWD/tmp GUEST_OF=$PWD
}

teardown() { guests | xargs -r kill -KILL; }

# guests: the guests that this test has started and that still run
guests() {
  local pid
  for pid in $(pgrep -x qemu-system-x86); do
    ! grep -qszxF "GUEST_OF=$BATS_TEST_TMPDIR" "/proc/$pid/environ" || echo "$pid"
  done
}

# eventually COMMAND...: within a minute it succeeds.
eventually() {
  local i
  for ((i = 0; i < 600; i++)); do
    ! "$@" || return 0
    sleep 0.1
  done
  echo "in vain for a minute: $*"
  return 1
}
no_guests() { [[ -z $(guests) ]]; }

# in_vm COMMAND: runs it there in job/, its output in out and err.
in_vm() {
  status=0
  "$VM" run job "$@" >out 2>err 3>&- || status=$?
  echo "status $status, stdout: $(head -c 500 out | tr -d '\0'), stderr: $(head -c 500 err | tr -d '\0')"
}

# pretends COMMAND SCRIPT: puts it before the real one.
pretends() {
  printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
  chmod +x "bin/$1"
}

@test "a machine with systemd as PID 1, cgroup v2, two nodes, swap, the date, what a run takes, and no compiler" {
  "$VM" ready
  in_vm 'cat /proc/1/comm; systemctl is-system-running; stat -fc %T /sys/fs/cgroup; numactl -H | grep size; swapon --show=NAME
    date +%Y-%m-%d; echo $IN_LAB_VM $HOME $LC_ALL $TERM; pwd; type -P bats strace valgrind perl numactl ps less nano gcc cc make'
  for word in systemd running cgroup2fs "node 0 size: 5" "node 1 size: 3" /swap "$(date +%Y-%m-%d)" \
    "1 /root C.UTF-8 ${TERM:-dumb}" /srv/job; do
    has "$(cat out)" "$word"
  done
  [ "$(tail -n +11 out | sed 's,.*/,,' | xargs)" = "bats strace valgrind perl numactl ps less nano" ]
  in_vm 'printf "@test \"x\" { true; }\n" >x.bats; bats x.bats && valgrind -q true && strace -o log true && systemd-run -q --wait true'
  [ "$status" -eq 0 ]
}

@test "stdout, stderr and the status come out as they are, of a command of any length and characters" {
  local bytes=$'a \'"\\\n\t$x'
  head -c 300000 /dev/urandom >job/noise
  in_vm "cat noise; head -c 70000 /dev/zero; printf '\\0' >&2; cat noise >&2; printf '\\0 x' >/dev/stderr; exit 7"
  [ "$status" -eq 7 ]
  cmp out <(cat job/noise && head -c 70000 /dev/zero)
  cmp err <(printf '\0' && cat job/noise && printf '\0 x')
  in_vm "printf %s $(printf %q "$bytes") ${bytes@Q}; exit 125 # $(head -c 9000 /dev/zero | tr '\0' x)"
  [ "$status" -eq 125 ]
  cmp out <(printf %s "$bytes$bytes")
  [ ! -s err ]
}

@test "what is left running does not delay the end, a slow reader loses nothing" {
  "$VM" run job 'sleep 1000 & seq 50000' 3>&- | (sleep 3 && cat) >out
  cmp out <(seq 50000)
}

@test "the folder is there as it is, whatever its name" {
  local folder=$'odd [x]\n, y:z'
  mkdir -p "$folder/.git/sub" "$folder/build"
  echo text >"$folder/.git/sub/file"
  chmod 750 "$folder/.git/sub/file"
  ln -s nowhere "$folder/link"
  (cd "$folder" && ls -AR && stat -c '%A %N' .git/sub/file link) >want
  "$VM" run "$folder" "ls -AR && stat -c '%A %N' .git/sub/file link" >out 3>&-
  diff want out
}

@test "guests run side by side, and none sees what another wrote" {
  "$VM" run job 'echo mine >/root/note; echo mine >note; echo started; sleep 1000' >first 2>&1 3>&- &
  eventually grep -q started first
  in_vm 'cat /root/note note; echo done'
  [ "$(cat out)" = "done" ]
  [ "$(grep -c "No such file" err)" -eq 2 ]
  kill -0 $! # the first has not ended meanwhile
}

@test "a run with a finished image does not wait for a build" {
  local cache=${LABS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/linux-process-memory-labs}
  { flock 8 && exec sleep 1000; } 8>"$cache/lock" 3>&- &
  in_vm true
  kill $!
  [ "$status" -eq 0 ]
}

@test "a run that is ended leaves no guest and no file: Ctrl-C, SIGTERM, SIGHUP, SIGKILL" {
  local signal
  for signal in INT TERM HUP KILL; do
    env --default-signal=INT,TERM,HUP setsid "$VM" run job 'echo started; sleep 1000' >out 2>&1 3>&- &
    eventually grep started out
    if [[ $signal == INT ]]; then kill -INT -- "-$!"; else kill "-$signal" $!; fi
    wait $! || :
    echo "after $signal: $(ls -A tmp)"
    eventually no_guests
    [ -z "$(ls -A tmp)" ]
  done
}

@test "125 and one line when the guest ends before the command: killed, switched off, all its processes killed" {
  "$VM" run job 'echo started; sleep 1000' >out 2>err 3>&- &
  eventually grep -q started out
  guests | xargs kill -KILL
  status=0
  wait $! || status=$?
  cat err
  [ "$status" -eq 125 ]
  [ "$(cat err)" = "vm: the guest ended before the command: killed by SIGKILL; is memory short, or a limit (ulimit -a)?" ]
  for command in 'poweroff -f' 'kill -9 -1; sleep 1000'; do
    in_vm "$command"
    [ "$status" -eq 125 ]
    [ "$(tail -n 1 err)" = "vm: the guest ended before the command: switched off, no room in it, or its kernel failed: reboot: Power down" ]
  done
}

@test "a quota that comes and goes does not patch the kernel, which qemu before 8.1 does not survive for long" {
  in_vm 'cd /sys/fs/cgroup && cat quota.slice/cpu.max && mkdir q && for i in {1..500}; do
    echo "1000 100000" >q/cpu.max && echo max >q/cpu.max && /bin/true || exit; done'
  [ "$(<out)" = "100000 100000" ]
}

@test "the time limit: 124" {
  VM_TIMEOUT=1 in_vm 'echo before; sleep 1000'
  [ "$status $(cat out)" = "124 before" ]
  VM_TIMEOUT=soon in_vm true
  [ "$status $(cat err)" = "125 vm: VM_TIMEOUT=soon: a number of seconds is wanted" ]
}

@test "125 and what to do: no folder, no TMPDIR, no room in it, a low file size limit, a full stdout" {
  "$VM" ready
  run -125 "$VM" run nowhere true
  [ "$output" = "vm: no folder nowhere" ]
  TMPDIR=/nowhere run -125 "$VM" run job true
  [ "$output" = "vm: no folder /nowhere: set TMPDIR to another" ]
  run -125 bash -c 'ulimit -f 1; exec "$0" run job true' "$VM"
  has "$output" "vm: cannot copy job to $TMPDIR: a file that cannot be read, no room, or ulimit -f"
  run -125 bash -c 'ulimit -f 100; exec "$0" run job true' "$VM"
  has "$output" "vm: the guest ended before the command: "
  has "$output" "File too large"
  run -125 bash -c '"$0" run job "echo x" >/dev/full' "$VM"
  [ "$output" = "vm: cannot write the output: No space left on device" ]
  [ -z "$(ls -A tmp)" ]
}

@test "a start says so on a terminal, or with LABS_VERBOSE, else not" {
  script -qec "'$VM' run job 'echo out'" /dev/null >terminal 3>&-
  cat terminal
  has "$(cat terminal)" "vm: starting the lab VM (some seconds) ..."
  LABS_VERBOSE=1 in_vm true
  [ "$(cat err)" = "vm: starting the lab VM (some seconds) ..." ]
  in_vm true
  [ ! -s err ]
}

@test "a shell: says what it is, has the terminal's size, blocks no other guest, ends with status 0" {
  echo text >job/file
  {
    eventually grep -q "To leave: exit" terminal >&2
    "$VM" run job 'echo meanwhile' >out
    printf 'stty size; cat file; tty\rfalse\rexit\r'
    eventually grep -q "status" terminal >&2
  } 3>&- | script -qec "stty rows 33 cols 101; '$VM' shell job; echo status \$?" /dev/null >terminal 3>&- &
  eventually grep -q "status" terminal
  cat terminal
  [ "$(cat out)" = meanwhile ]
  for word in "This is a copy of your folder" "33 101" text /dev/hvc0 "status 0"; do
    has "$(cat terminal)" "$word"
  done
  [ -z "$(ls -A tmp)" ]
  run -125 "$VM" shell job </dev/null
  [ "$output" = "vm: a shell needs a terminal" ]
}

@test "of two builds the second waits and says so; interrupted, they leave nothing" {
  pretends mmdebstrap 'echo $$ >>pids; echo half >disk; exec sleep 1000'
  export PATH=$PWD/bin:$PATH LABS_CACHE=$PWD/cache TMPDIR=/tmp
  "$VM" build >first 2>&1 3>&- &
  first=$!
  eventually compgen -G 'cache/vm-*.tmp/disk' >/dev/null
  "$VM" run job true >second 2>&1 3>&- &
  eventually grep "vm: waiting for another build of the lab VM in $PWD/cache" second
  kill -TERM $first
  wait $first || :
  eventually grep "vm: building the lab VM" second
  eventually compgen -G 'cache/vm-*.tmp/disk' >/dev/null
  run ! "$VM" ready
  [ "$output" = "" ]
  kill -TERM $!
  wait $! || status=$?
  [ "$status" -eq 130 ]
  ls -A cache
  [ "$(ls -A cache)" = lock ]
}

@test "a build that fails says why, and where to read it" {
  pretends mmdebstrap 'echo E: no mirror; exit 1'
  export PATH=$PWD/bin:$PATH LABS_CACHE=$PWD/cache
  run -125 env TMPDIR=/tmp "$VM" build
  [ "${lines[1]}" = "vm: mmdebstrap has failed: $PWD/cache/build.log says why" ]
  grep "E: no mirror" cache/build.log
  [ "$(ls -A cache)" = build.log$'\n'lock ]
  mkdir 'odd name'
  TMPDIR='odd name' run -125 "$VM" build
  [ "$output" = "vm: mmdebstrap cannot work in $PWD/odd name: set TMPDIR to a plain name" ]
  LABS_CACHE=/proc/nowhere TMPDIR=/tmp run -125 "$VM" run job true
  [ "$output" = "vm: cannot write to /proc/nowhere: set LABS_CACHE to another folder" ]
  pretends stat 'echo 409600000'
  TMPDIR=/tmp run -125 "$VM" build
  [ "$output" = "vm: $PWD/cache has room for 390 MB, 3000 are needed: set LABS_CACHE to another folder" ]
}

@test "a missing tool is named in one line" {
  local tool
  for tool in bash env dirname cat realpath sha256sum uname grep xargs; do
    ln -s "$(type -P "$tool")" bin
  done
  PATH=$PWD/bin run -125 "$VM" build
  [ "$output" = "vm: no qemu-system-x86_64 here. To get it: make setup   (or: apt-get install qemu-system-x86)" ]
  PATH=$PWD/bin run -1 "$VM" ready
  [ "$output" = "" ]
  ln -s "$(type -P qemu-system-x86_64)" bin
  PATH=$PWD/bin LABS_CACHE=$PWD/cache run -125 "$VM" build
  [ "$output" = "vm: no mmdebstrap here. To get it: make setup   (or: apt-get install mmdebstrap)" ]
}

@test "a wrong call says what the right ones are" {
  for arguments in "" nonsense "run job" "build now" shell; do
    # shellcheck disable=SC2086 # words
    run -125 "$VM" $arguments
    [ "$output" = "vm: build, ready, run FOLDER COMMAND... or shell FOLDER: see the head of grader/vm/vm" ]
  done
}
