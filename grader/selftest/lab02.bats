#!/usr/bin/env bats
# lab02: the reference passes, the starter fails, every right and wrong program gets what it states.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "lab02: the reference gets 100 of 100, and exit status 0" {
  graded lab02-shm
  echo "$report"
  [ "$status" -eq 0 ]
  [ "$(result '"\(.score)/\(.extra_data.max_score)"')" = 100/100 ]
}

@test "lab02: the points of its checks sum to 100, and to what the handout says" {
  run awk -F'[][]' '/^@test/ { split($0, word, /[".]/); points[word[2]] += $(NF - 1); all += $(NF - 1) }
    END { for (t = 1; t in points; t++) printf "%d:%d ", t, points[t]; print all }' "$TREE/lab02-shm/checks.bats"
  local promised
  promised=$(sed -nE 's/^## Task ([0-9]): .*\(([0-9]+) points\)$/\1:\2/p' "$TREE/lab02-shm/README.md" | tr '\n' ' ')
  echo "checks: $output, handout: $promised"
  [ "$output" = "${promised}100" ]
}

@test "lab02: each check stands in the handout, and fits on a line of 80 columns" {
  local title
  sed -n 's/^@test "\(.*\) \[.*/\1/p' "$TREE/lab02-shm/checks.bats" >titles
  while read -r title; do
    echo "$title"
    [ ${#title} -le 67 ]
    grep -q "^\* ${title%% *} " "$TREE/lab02-shm/README.md"
  done <titles
}

@test "lab02: the untouched starter compiles without a warning and gets 0 on every check" {
  "$TREE/grader/handout"
  cp -r "$TREE/build/handout" students
  make -C students/lab02-shm >log 2>&1
  cat log
  run ! grep -q warning log
  graded --submission students lab02-shm
  echo "$report"
  [ "$status" -eq 1 ]
  [ "$(result '[.tests[] | select(.status != "failed")] | length')" -eq 0 ]
  [ "$(result '.extra_data.max_score')" -eq 100 ]
}

@test "lab02: every failed check of the starter says what was run, what is expected and where to read" {
  "$TREE/grader/handout"
  graded --submission "$TREE/build/handout" lab02-shm
  result '.tests[] | [.number, (.extra_data.evidence | map(.key) | (["ran", "expected", "read"] - .))[]] | @tsv' >lacking
  cat lacking
  [ "$(awk 'NF > 1' lacking)" = "" ]
}

@test "lab02: different right programs all get 100" {
  "$TREE/grader/selftest/verdicts" right lab02
}

@test "lab02: every wrong program is caught by the check that it names" {
  "$TREE/grader/selftest/verdicts" wrong lab02
}

@test "lab02: the same seed repeats the same inputs, another seed takes others" {
  local n
  for n in 1 1 2; do
    SEED=$n graded --task 1.3 lab02-shm
    result '.tests[0].extra_data.evidence[0].text' >>ran
  done
  cat ran
  [ "$(sort -u ran | wc -l)" -eq 2 ]
  [ "$(sed -n 1p ran)" = "$(sed -n 2p ran)" ]
}

@test "lab02: nothing is left behind by a run, nor by one that was interrupted" {
  local before after
  before=$(cat /proc/sysvipc/{shm,sem,msg} | cut -c1-60)
  "$TREE/grader/handout" >/dev/null
  graded --submission "$TREE/build/handout" lab02-shm
  setsid "$GRADE" --out "$BATS_TEST_TMPDIR/out" lab02-shm </dev/null >report 2>&1 3>&- &
  local grade=$!
  until grep -q PASS report; do kill -0 "$grade"; done
  kill -INT -- "-$grade"
  wait "$grade" || true
  after=$(cat /proc/sysvipc/{shm,sem,msg} | cut -c1-60)
  echo "$after"
  [ "$before" = "$after" ]
  local tries=0
  while pgrep -g "$grade" >/dev/null || pgrep -f "$BATS_TEST_TMPDIR/out" >/dev/null; do
    ((++tries < 100)) || {
      ps -ef
      return 1
    }
    read -rt 0.05 <> <(:) || true
  done
}

@test "lab02: a class-mate's segments are left alone where the IPC namespace is shared" {
  command -v unshare >/dev/null
  # an unshare that fails stands for a machine on which we may not have a namespace of our own
  mkdir bin
  printf '#!/bin/sh\nexit 1\n' >bin/unshare
  chmod +x bin/unshare
  local other
  other=$(perl -e 'print shmget(0x4242, 100, 01600)')
  PATH=$PWD/bin:$PATH graded lab02-shm
  echo "$report"
  ipcrm -m "$other"
  [ "$(result .score)" -eq 100 ]
  [ "$(result .extra_data.provenance.private_ipc)" = no ]
}
