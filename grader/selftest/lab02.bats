#!/usr/bin/env bats
# lab02: the reference passes, the starter fails, every right and wrong program gets what it states.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "lab02: the reference gets 100 of 100" { full_marks lab02-shm; }
@test "lab02: checks and handout agree" { handout_agrees lab02-shm; }
@test "lab02: a seed repeats the inputs" { seeds_matter lab02-shm 1.3; }
@test "lab02: with tasks 1 to N done, their points are there, for every N" { no_task_needs_a_later_one lab02-shm; }
@test "lab02: different right programs all get 100" { "$VERDICTS" right lab02; }
@test "lab02: every wrong program is caught by the check that it names" { "$VERDICTS" wrong lab02; }

@test "lab02: the untouched starter gets 0 on every check, on one screen" {
  starter_fails lab02-shm
  one_screen lab02
}

@test "lab02: every session of the handout prints what it says" {
  sessions_are_true lab02-shm <<'SED'
s/0x41[0-9a-f]{6}/KEY/g
s/(ID: |shmid=|segment )[0-9]+/\1N/g
s/^(KEY|0x00000000) [0-9]+ +[^ ]+ +/\1 N owner /
s/ +$//
/^$/d
/ Killed /d
SED
}

@test "lab02: the demonstration runs by itself, and leaves nothing" {
  demo_works lab02-shm
  local word id
  for word in locked dest "hello from another process" "lost 0" "(segment "; do
    has "$(cat out)" "$word"
  done
  grep -q "expected 100, got [0-9]*, lost [1-9]" out
  for id in $(sed -n 's/^ID: //p' out); do
    run ! grep -E "^ *-?[0-9]+ +$id " /proc/sysvipc/shm
  done
}

# interrupted SIGNAL: grades lab02 and, so that it is not over soon, lab05; ends it after the first PASS, and waits until none of its processes is left.
interrupted() {
  local tries=0
  : >report
  TMPDIR=$PWD env --default-signal=INT,TERM,HUP setsid "$GRADE" --out "$PWD/out" lab02-shm lab05-rlimits-fork </dev/null >report 2>&1 3>&- &
  local grade=$!
  until grep -q PASS report; do kill -0 "$grade"; done
  kill "-$1" -- "-$grade"
  wait "$grade" || true
  while pgrep -g "$grade" >/dev/null || pgrep -f "$PWD/labs" >/dev/null; do
    ((++tries < 100)) || { ps -ef && return 1; }
    read -rt 0.05 <> <(:) || true
  done
}

@test "lab02: nothing is left behind by a run, nor by one that was interrupted, and no results" {
  local before signal
  before=$(cat /proc/sysvipc/{shm,sem,msg} | cut -c1-60)
  students
  TMPDIR=$PWD graded --submission students lab02-shm
  for signal in INT TERM HUP; do
    interrupted "$signal"
    [ ! -e out/results.json ]
    [ "$(compgen -G 'labs*')" = "" ]
  done
  interrupted KILL # its files stay: no process was left to remove them
  [ ! -e out/results.json ]
  [ "$before" = "$(cat /proc/sysvipc/{shm,sem,msg} | cut -c1-60)" ]
}

@test "lab02: without namespaces it grades as well, and leaves alone what others made" {
  # a bwrap that fails stands for a machine that refuses them
  mkdir bin
  printf '#!/bin/sh\nexit 1\n' >bin/bwrap
  chmod +x bin/bwrap
  local other
  other=$(perl -e 'print shmget(0x4242, 100, 01600)')
  PATH=$PWD/bin:$PATH graded lab02-shm
  ipcrm -m "$other"
  [ "$(score)" = 100/100 ]
}
