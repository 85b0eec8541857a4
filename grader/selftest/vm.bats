#!/usr/bin/env bats
# The lab VM: built once (minutes), restored in seconds, gone without a trace.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

VM=$TREE/grader/vm/vm
setup_file() { "$BATS_TEST_DIRNAME/../vm/vm" build >&2 3>&-; }

# guests: how many of ours are running
guests() { pgrep -fc "qemu-system-x86_64 .*file=${LABS_CACHE:-$HOME/.cache/linux-process-memory-labs}" || :; }

@test "a command in it: its output, its status; systemd is PID 1, cgroup v2, two nodes, the tree, the date" {
  "$VM" ready
  run "$VM" run 'cat /proc/1/comm; systemctl is-system-running; stat -fc %T /sys/fs/cgroup; numactl -H | grep size; ls; date +%Y-%m-%d; echo problem >&2; exit 7'
  echo "$output"
  [ "$status" -eq 7 ]
  for word in systemd running cgroup2fs "node 0 size: 5" "node 1 size: 3" lab02-shm "$(date +%Y-%m-%d)" problem; do
    has "$output" "$word"
  done
  [ "$(guests)" -eq 0 ]
}

@test "two guests at a time share the image, and neither sees what the other wrote" {
  "$VM" run 'echo one >/root/note; sleep 1; cat /root/note' >one 3>&- &
  "$VM" run 'cat /root/note /root/labs/note; echo two' >two 2>&1 3>&-
  wait $!
  has "$(cat one)" one
  has "$(cat two)" two
  hasnt "$(cat two)" one
}

@test "make vm lab05 TASK=2: graded there, results as if here, and where" {
  VM="" run make -s -C "$TREE" vm lab05 TASK=2 SEED=5
  echo "$output"
  [ "$status" -eq 0 ]
  has "$output" "PASS   6/6   2.2 "
  has "$output" "(in the lab VM)"
  run jq -r '"\(.score)/\(.extra_data.max_score) \(.tests[0].extra_data.where) \(.extra_data.seed)"' "$TREE/build/results.json"
  [ "$output" = "12/12 in the lab VM 5" ]
}

@test "a submission is graded there, and what does not compile gets 0 with the reason" {
  mkdir -p in/lab05-rlimits-fork
  echo 'int main(void) { return nothing; }' >in/lab05-rlimits-fork/limits.c
  VM=1 graded --submission in --task 2 lab05-rlimits-fork
  echo "$report"
  [ "$status" -eq 1 ]
  [ "$(result '"\(.score)/\(.extra_data.max_score)"')" = 0/12 ]
  has "$report" "it does not compile"
  has "$report" "error: 'nothing' undeclared"
}

@test "it is ended with its command: Ctrl-C, SIGTERM, SIGKILL leave no qemu and no file" {
  local signal i
  mkdir tmp
  for signal in INT TERM KILL; do
    TMPDIR=$PWD/tmp env --default-signal=INT setsid "$VM" run 'echo started; sleep 100' >out 2>&1 3>&- &
    for ((i = 0; i < 300; i++)); do
      ! grep -q started out || break
      sleep 0.1
    done
    grep started out
    if [[ $signal == INT ]]; then kill -INT -- "-$!"; else kill "-$signal" $!; fi
    wait $! || :
    for ((i = 0; i < 100; i++)); do
      [ "$(guests)" -ne 0 ] || break
      sleep 0.1
    done
    echo "$signal: $(guests) guests, files: $(ls tmp)"
    [ "$(guests)" -eq 0 ]
    [[ $signal == KILL || -z $(ls tmp) ]]
  done
}

@test "an interrupted build leaves nothing that looks finished" {
  local i
  LABS_CACHE=$PWD/cache "$VM" build >out 2>&1 3>&- &
  for ((i = 0; i < 100; i++)); do
    ! compgen -G 'cache/vm-*.tmp/log' >/dev/null || break
    sleep 0.1
  done
  kill -TERM $!
  wait $! || :
  cat out
  ls cache
  run ! compgen -G 'cache/vm-*'
  LABS_CACHE=$PWD/cache run ! "$VM" ready
}

@test "what is missing is said in one line: qemu, room, a cache folder that can be made" {
  local tool
  mkdir bin
  for tool in bash env sed cat dirname sha256sum uname mmdebstrap genext2fs resize2fs; do
    ln -s "$(PATH=$PATH:/usr/sbin type -P "$tool")" bin
  done
  PATH=$PWD/bin run -1 "$VM" build
  [ "$output" = "vm: no qemu-system-x86_64 here. To get it: make setup   (or: apt-get install qemu-system-x86)" ]
  LABS_CACHE=/proc/nowhere run -1 "$VM" build
  echo "$output"
  has "$output" "vm: cannot make /proc/nowhere"
  printf '#!/bin/sh\necho 409600000\n' >bin/stat
  chmod +x bin/stat
  LABS_CACHE=$PWD/cache PATH=$PWD/bin:$PATH run -1 "$VM" build
  echo "$output"
  has "$output" "has room for 390 MB, 3000 are needed"
  [ "$(wc -l <<<"$output")" -eq 1 ]
}
