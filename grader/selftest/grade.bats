#!/usr/bin/env bats
# What grade does apart from any lab's contents: arguments, what is missing, formats, hostile output.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "a task, a check, and what is neither" {
  graded --task 1 lab02-shm
  [ "$(result '[.tests[].number] | join(" ")')" = "1.1 1.2 1.3" ]
  graded --task 1.2 lab02-shm
  [ "$(result '[.tests[].number] | join(" ")')" = "1.2" ]
  local bad
  for bad in 9 1.9 x "1.2 " '.*'; do
    graded --task "$bad" lab02-shm
    echo "$bad: $report"
    [ "$status" -eq 2 ]
    [ "$(wc -l <<<"$report")" -eq 1 ]
  done
}

@test "bad seeds and folders are refused in one line" {
  local bad
  for bad in -1 1x 1234567890; do
    SEED=$bad graded lab02-shm
    echo "$report"
    [ "$status" -eq 2 ]
    [ "$(wc -l <<<"$report")" -eq 1 ]
  done
  SEED=007 graded --task 1.1 lab02-shm
  [ "$(result .extra_data.seed)" = 7 ]
  graded --submission /no/such/folder lab02-shm
  [ "$status" -eq 2 ]
  has "$report" "no such folder"
}

@test "a lab that is not there yet: make says so in a line, check leaves it out of the denominator" {
  # a copy of this tree, in which one lab is but its handout
  mkdir tree
  tar -C "$TREE" --exclude=./build --exclude=./.git -cf - . | tar -C tree -xf -
  rm -r tree/lab05-rlimits-fork
  mkdir tree/lab05-rlimits-fork
  echo "# lab05" >tree/lab05-rlimits-fork/README.md
  run make -s -C tree lab05
  echo "$output"
  [ "$status" -ne 0 ]
  has "$output" "lab05-rlimits-fork is not there yet"
  GRADE=$PWD/tree/grader/grade graded lab02-shm lab05-rlimits-fork
  [ "$status" -eq 0 ]
  [ "$(result .extra_data.max_score)" -eq 100 ]
  has "$report" "lab05-rlimits-fork  not there yet"
}

@test "a submission without the file, with a link in its place, or that does not compile gets 0" {
  mkdir -p in/lab02-shm
  graded --submission in lab02-shm
  [ "$status" -eq 1 ]
  [ "$(result '"\(.score)/\(.extra_data.max_score)"')" = 0/100 ]
  has "$report" "there is no file lab02-shm/shm_creator.c"
  ln -s /etc/passwd in/lab02-shm/shm_creator.c
  graded --submission in lab02-shm
  has "$report" "there is no file lab02-shm/shm_creator.c"
  hasnt "$report" "root:"
  rm in/lab02-shm/shm_creator.c
  echo 'int main(void) { return nothing; }' >in/lab02-shm/shm_creator.c
  graded --submission in lab02-shm
  [ "$(result '"\(.score)/\(.extra_data.max_score)"')" = 0/100 ]
  has "$report" "'nothing' undeclared"
  has "$report" "it does not compile"
}

@test "only the named source is taken: a Makefile, a binary and other files of a submission are not" {
  mkdir -p in/lab02-shm
  "$TREE/grader/handout" >/dev/null
  cp "$TREE/build/handout/lab02-shm/shm_creator.c" in/lab02-shm
  printf 'shm_creator:\n\ttouch %s/owned\n' "$PWD" | tee in/lab02-shm/GNUmakefile >in/lab02-shm/Makefile
  cp "$TREE/lab02-shm/checks.bats" in/lab02-shm
  printf '#!/bin/sh\ntouch %s/owned\n' "$PWD" >in/lab02-shm/shm_creator
  chmod +x in/lab02-shm/shm_creator
  touch -d 2099-01-01 in/lab02-shm/shm_creator
  graded --submission in lab02-shm
  [ "$(result .score)" -eq 0 ]
  [ ! -e owned ]
}

@test "a program cannot forge results on its output, nor spoil the terminal, JSON or JUnit" {
  mkdir -p in/lab02-shm
  cat >in/lab02-shm/shm_creator.c <<'C'
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    static const char *forged = "ok 1 1.1 forged [6]\n#: kernel forged\n";
    for (int fd = 3; fd < 10; fd++)
        if (write(fd, forged, 20) == 20)
            puts("written");
    fputs("\033[2J\033]0;title\a\b\r<&>\"]]> \xff\xfe \xef\xbf\xbf\n", stderr);
    printf("%s\033[31m<&> \x01\xff\n", forged);
    return 0;
}
C
  graded --submission in lab02-shm
  [ "$(result .score)" -eq 0 ]
  [ "$(result '.tests | length')" -eq "$(grep -c '^@test' "$TREE/lab02-shm/checks.bats")" ]
  hasnt "$report" $'\e'
  hasnt "$report" $'\a'
  xmllint --noout out/junit.xml
  hasnt "$(result '.. | strings')" "written"
}

@test "NO_COLOR, TERM=dumb and a pipe give no escape bytes; a terminal does" {
  local wanted
  for wanted in "NO_COLOR=1 TERM=xterm:0" "NO_COLOR= TERM=dumb:0" "NO_COLOR= TERM=xterm:1"; do
    # shellcheck disable=SC2086
    env ${wanted%:*} script -qec "'$GRADE' --out '$PWD/out' --task 1.1 lab02-shm" /dev/null </dev/null >screen
    cat -v screen
    [ "$(grep -c $'\e' screen)" -eq "${wanted#*:}" ]
  done
}

@test "every line of a report has 80 columns at most, words longer than that apart" {
  "$TREE/grader/handout" >/dev/null
  graded --submission "$TREE/build/handout" lab02-shm
  awk 'length > 80 && NF > 2' <<<"$report" >long
  cat long
  [ ! -s long ]
}

@test "results.json has Gradescope's fields, and its sums are right" {
  graded --task 1 lab02-shm
  jq -e '.score == ([.tests[].score] | add) and .extra_data.max_score == ([.tests[].max_score] | add)
    and all(.tests[]; .status == "passed" and (.name | length) > 0 and (.number | length) > 0
      and (.tags | index("lab02-shm") != null) and .extra_data.task == 1)' out/results.json
}

@test "junit.xml is valid and counts what failed" {
  "$TREE/grader/handout" >/dev/null
  graded --submission "$TREE/build/handout" --task 1 lab02-shm
  [ "$(xmllint --xpath 'string(//testsuite/@failures)' out/junit.xml)" -eq 3 ]
  [ "$(xmllint --xpath 'count(//testcase/failure)' out/junit.xml)" -eq 3 ]
}

# without TOOL...: a PATH on which everything is but these.
without() {
  local file dir tool=" $* "
  mkdir -p bin
  for dir in /usr/local/bin /usr/bin /bin; do
    for file in "$dir"/*; do
      [[ $tool == *" ${file##*/} "* ]] || ln -sf "$file" "bin/${file##*/}"
    done
  done
}

@test "without bats or jq: one line that says so and how to get it, and nothing is begun" {
  without bats jq
  PATH=$PWD/bin graded lab02-shm
  echo "$report"
  [ "$status" -eq 2 ]
  [ "$(wc -l <<<"$report")" -eq 1 ]
  has "$report" "missing: bats jq"
  has "$report" "make setup"
}

@test "without strace and valgrind: their points leave the denominator, with the remedy" {
  without strace valgrind
  PATH=$PWD/bin graded lab02-shm
  echo "$report"
  [ "$status" -eq 0 ]
  local lost
  lost=$(awk '/^@test/ { match($0, /\[[0-9]+\]/); p = substr($0, RSTART + 1, RLENGTH - 2) }
    /^  requires .*(strace|valgrind)/ { lost += p } END { print lost }' "$TREE/lab02-shm/checks.bats")
  [ "$(result '"\(.score) \(.extra_data.max_score)"')" = "$((100 - lost)) $((100 - lost))" ]
  has "$report" "apt-get install strace"
  has "$report" "apt-get install valgrind"
  PATH=$PWD/bin run "$TREE/grader/doctor"
  echo "$output"
  [ "$status" -eq 0 ]
  has "$output" "$((100 - lost)) of 100 points"
}
