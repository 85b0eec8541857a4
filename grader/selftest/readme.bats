#!/usr/bin/env bats
# The commands of the READMEs are run, and print what stands there: what differs from machine to machine
# (keys, ids, the owner) is made equal on both sides.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

# sessions FILE: what the ```console blocks of a README say, and then what really happens.
sessions() {
  awk '/^```console$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$1" >said
  sed -n 's/^\$ //p' said >commands
  [ -s commands ]
  {
    echo "key() { ipcs -m | awk '\$6 == 0 { print \$1 }'; } # which the reader takes from the screen"
    while IFS= read -r command; do
      printf 'echo %q\n%s\n' "\$ $command" "${command//0x41000011/\$(key)}"
    done <commands
  } >script
  # other people's segments are not in the sessions
  local own=""
  ! unshare --ipc true 2>/dev/null || own="unshare --ipc"
  $own bash script >got 2>&1 3>&-
}

alike() {
  sed -E -e 's/0x41[0-9a-f]{6}/KEY/g' -e 's/(ID: |shmid=|segment )[0-9]+/\1N/g' \
    -e 's/^(KEY|0x00000000) [0-9]+ +[^ ]+ +/\1 N owner /' -e 's/ +$//' -e '/^$/d' -e '/ Killed /d' "$1"
}

@test "lab02-shm/README.md: every session prints what it says" {
  make -s -C "$TREE/lab02-shm"
  cp "$TREE/lab02-shm/shm_creator" .
  export LC_ALL=C
  sessions "$TREE/lab02-shm/README.md"
  diff -u <(alike said) <(alike got)
}

@test "lab02-shm/demo.sh: every step, within a minute, without a key pressed, nothing left" {
  local began=$SECONDS id
  make -s -C "$TREE/lab02-shm"
  PAUSE=0.2 bash "$TREE/lab02-shm/demo.sh" </dev/null >out 2>&1 3>&-
  cat out
  has "$(cat out)" "locked"
  has "$(cat out)" "dest"
  has "$(cat out)" "hello from another process"
  has "$(cat out)" "lost 0"
  grep -q "expected 100, got [0-9]*, lost [1-9]" out
  for id in $(sed -n 's/^ID: //p' out); do
    run ! grep -E "^ *-?[0-9]+ +$id " /proc/sysvipc/shm
  done
  local looks
  looks=$(($(grep -cE '^  look$|sleep "\$PAUSE" &&' "$TREE/lab02-shm/demo.sh") * 3))
  echo "$looks s of pauses, and $((SECONDS - began)) s"
  [ $((looks + SECONDS - began)) -lt 60 ]
  PAUSE=0 run -2 bash "$TREE/lab02-shm/demo.sh" nonsense
}

@test "the top README: its two commands are those that CI runs on a fresh machine" {
  grep -q '^sh grader/setup && make lab02$' "$TREE/README.md"
  grep -q '^make check selftest$' "$TREE/README.md"
}

@test "every make target that the READMEs name exists" {
  local target
  grep -ohE '`make [a-z0-9-]+' "$TREE"/README.md "$TREE"/lab0*/README.md "$TREE/grader/README.md" |
    cut -c7- | sort -u >targets
  while read -r target; do
    echo "$target"
    make -n -C "$TREE" "$target" >/dev/null
  done <targets
}
