#!/usr/bin/env bats
# The students' tree: what is in it, what is not, and that it works.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "the students' tree holds no solution, no reference, no other programs, nothing of the keepers" {
  "$TREE/grader/handout"
  run grep -rlE 'SOLUTION|INSTRUCTORS|IPC_RMID, NULL' "$TREE/build/handout" --include='*.c' --include='*.md'
  echo "$output"
  [ "$status" -eq 1 ]
  run find "$TREE/build/handout" -name '*.patch' -o -name selftest -o -name maintain.mk -o -name .git -o -name shm_creator
  echo "$output"
  [ -z "$output" ]
  [ "$(grep -c TODO "$TREE/build/handout/lab02-shm/shm_creator.c")" -ge 7 ]
}

@test "in it make works from the first minute: help, doctor, lab02, check, clean" {
  "$TREE/grader/handout"
  cp -r "$TREE/build/handout" students
  local target
  for target in help doctor clean; do
    make -C students "$target"
  done
  run make -s -C students lab02
  echo "$output"
  has "$output" "lab02-shm  0/100"
  [ -x students/lab02-shm/shm_creator ]
  run make -s -C students check
  has "$output" "lab03-vsz-rss"
  has "$output" "0/100"
}

@test "with the reference in it, it grades as the full tree does" {
  "$TREE/grader/handout"
  cp -r "$TREE/build/handout" students
  cp "$TREE/lab02-shm/shm_creator.c" students/lab02-shm
  make -C students lab02
}

@test "the tarball is reproducible, and unpacks into one folder" {
  "$TREE/grader/handout"
  cp "$TREE/build/handout.tar.gz" first.tar.gz
  "$TREE/grader/handout"
  cmp first.tar.gz "$TREE/build/handout.tar.gz"
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
    run "$TREE/grader/handout" tree
    echo "$output"
    [ "$status" -eq 1 ]
    has "$output" "handout: lab02-shm/a.c"
    [ ! -e tree/build/handout ]
  done
}
