#!/usr/bin/env bats
# The students' tree: what is in it, what is not, and that it works.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "the students' tree holds no solution, no reference, no other programs, nothing of the keepers" {
  students
  run grep -rlE 'SOLUTION|INSTRUCTORS|IPC_RMID, NULL' students --include='*.c' --include='*.md'
  echo "$output"
  [ "$status" -eq 1 ]
  run find students -name '*.patch' -o -name selftest -o -name maintain.mk -o -name .git -o -name shm_creator -o -name CHANGELOG.md
  echo "$output"
  [ -z "$output" ]
  [ "$(cat students/lab02-shm/*.c | grep -c TODO)" -ge 12 ]
}

@test "in it make works from the first minute: help, doctor, lab02, check, clean" {
  students
  local target
  for target in help doctor clean; do
    make -C students "$target"
  done
  run -1 make -s -C students lab02
  echo "$output"
  hasnt "$output" "make:"
  has "$output" "lab02-shm  0/100"
  [ -x students/lab02-shm/shm_creator ]
  VM=0 run -1 make -s -C students check
  has "$output" "lab03-vsz-rss"
  has "$output" "0/100"
}

@test "with the reference in it, it grades as the full tree does" {
  students
  cp "$TREE"/lab02-shm/*.c students/lab02-shm
  make -C students lab02
}

@test "the tarball is reproducible, and unpacks into one folder" {
  students
  mv students.tar.gz first.tar.gz
  students
  cmp first.tar.gz students.tar.gz
  tar -tzf first.tar.gz | cut -d/ -f1 | sort -u >tops
  [ "$(cat tops)" = linux-process-memory-labs ]
}

@test "marks that are not in pairs, or missing, are errors with file and line" {
  mkdir -p tree/lab02-shm
  printf 'clean:\n' >tree/lab02-shm/Makefile
  local text
  for text in '/* BEGIN SOLUTION task 1 */' '/* END SOLUTION */' \
    $'/* BEGIN SOLUTION task 1 */\n/* BEGIN SOLUTION task 2 */\n/* END SOLUTION */' 'int main(void);'; do
    printf '%s\n' "$text" >tree/lab02-shm/a.c
    run "$GRADER/handout" tree
    echo "$output"
    [ "$status" -eq 1 ]
    has "$output" "handout: lab02-shm/a.c"
    [ ! -e tree/build/handout ]
  done
}
