#!/usr/bin/env bats
# lab05: the reference passes, the starter fails, every right and wrong program gets what it states.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "lab05: the reference gets 100 of 100" { full_marks lab05-rlimits-fork; }
@test "lab05: checks and handout agree" { handout_agrees lab05-rlimits-fork; }
@test "lab05: a seed repeats the inputs" { seeds_matter lab05-rlimits-fork 1.1; }
@test "lab05: with tasks 1 to N done, their points are there, for every N" { no_task_needs_a_later_one lab05-rlimits-fork; }
@test "lab05: different right programs all get 100" { "$VERDICTS" right lab05; }
@test "lab05: every wrong program is caught by the check that it names" { "$VERDICTS" wrong lab05; }

@test "lab05: the untouched starter gets 0 on every check, on one screen" {
  starter_fails lab05-rlimits-fork
  one_screen lab05
}

@test "lab05: every session of the handout prints what it says" {
  sessions_are_true lab05-rlimits-fork <<'SED'
s/^(child |pid [^:]*: )?[0-9]+( exited| killed|, group)/\1PID\2/
s/group [0-9]+/group G/
s/user [0-9.]+ s, system [0-9.]+ s, largest [0-9]+ KiB/USAGE/
s/lib[a-z0-9]+\.so\.[0-9]+: .*/LIBRARY/
s/ as user 65534//
/^child PID/d
s/^pid (< -1|= -1): PID exited with 1[12]$/pid \1: PID exited with 11 or 12/
s/ +$//
SED
}

@test "lab05: the demonstration runs by itself, and leaves nothing" {
  demo_works lab05-rlimits-fork
  local word
  for word in "fork returned 0" "stopped by SIGSTOP" "continued" "killed by SIGXCPU" "ECHILD" "nothing happens"; do
    has "$(cat out)" "$word"
  done
  grep -qE "^ *[0-9]+ +[0-9]+ Z" out
}

@test "lab05: under a low hard limit inherited from the shell" {
  ulimit -n 256
  ulimit -c 0
  ulimit -t 500
  ulimit -s 4096
  full_marks lab05-rlimits-fork
}

@test "lab05: no signal is lost between fork and exec, 300 of 300" {
  local i pid child
  make -s -C "$TREE/lab05-rlimits-fork"
  for ((i = 0; i < 300; i++)); do
    "$TREE/lab05-rlimits-fork/under" sleep 50 >out 3>&- &
    pid=$!
    until read -r child <"/proc/$pid/task/$pid/children" || [ -n "$child" ]; do kill -0 "$pid"; done 2>/dev/null
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    echo "$i: $status, $(cat out)"
    [ "$status" -eq 143 ]
    grep -q "^$child killed by SIGTERM$" out
  done
}
