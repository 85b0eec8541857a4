#!/usr/bin/env bats
# What grade does apart from any lab's contents: arguments, what is missing, formats, hostile output.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "a task, a check, and what is neither" {
  graded --task 1 lab02-shm
  [ "$(result '[.tests[].number] | join(" ")')" = "1.1 1.2 1.3" ]
  graded --task "1.2 3.1" lab02-shm
  [ "$(result '[.tests[].number] | join(" ")')" = "1.2 3.1" ]
  local bad
  for bad in 9 1.9 x "1.2 " '.*' '`touch owned`' $'1\n2'; do
    impossible TASK= --task "$bad" lab02-shm
  done
  [ ! -e owned ]
}

@test "a machine's fault is never a zero: status 2, one line that says what to do, and no old results" {
  local bad
  for bad in -1 1x 1234567890; do
    SEED=$bad impossible "SEED=$bad" lab02-shm
  done
  mkdir empty file
  impossible "no such folder" --submission /no/such/folder lab02-shm
  impossible "one level off" --submission empty lab02-shm
  impossible "one level off" --submission "$TREE/lab02-shm" lab02-shm
  impossible "no such folder" --submission "" lab02-shm
  TMPDIR=/no/such/folder impossible "TMPDIR=/no/such/folder" lab02-shm
  (ulimit -n 40 && impossible "ulimit -n is 40" lab02-shm)
  (ulimit -f 4 && impossible "ulimit -f is 4" lab02-shm)
  impossible "lab09" lab09
  impossible "no option --nonsense" --nonsense lab02-shm
  run -2 "$GRADE" --out /proc/out lab02-shm
  has "$output" "cannot write to /proc/out"
  SEED=007 graded --task 1.1 lab02-shm
  [ "$(result .extra_data.seed)" = 7 ]
}

@test "a full TMPDIR, or one where nothing may be executed, is said" {
  [ "$EUID" -eq 0 ] || skip "needs to mount"
  mkdir small noexec
  export -f impossible graded has
  export GRADE
  unshare --mount bash -euc 'mount -t tmpfs -o size=64k small small; TMPDIR=$PWD/small impossible "64 MiB are needed" lab02-shm'
  unshare --mount bash -euc 'mount -t tmpfs -o noexec n noexec; TMPDIR=$PWD/noexec impossible noexec lab02-shm'
}

@test "a relative TMPDIR and odd characters in paths: they grade as well" {
  local name
  for name in "with space" "br[a]cket" 'dollar$(touch owned)`touch owned`' "warning: x" "*"; do
    mkdir -p "$name"/{tmp,in}
    cp -r "$TREE/lab02-shm" "$name/in"
    rm -f "$name"/in/lab02-shm/shm_{creator,message,count}
    (cd "$name" && TMPDIR=tmp "$GRADE" --out "$BATS_TEST_TMPDIR/out" --submission in --task "1 5.3 6.1" lab02-shm 3>&-) || {
      echo "in '$name'"
      return 1
    }
  done
  [ ! -e owned ]
  mkdir $'new\nline'
  TMPDIR=$'new\nline' impossible "has a line break" lab02-shm
}

@test "through make: 1 is a failed check, 2 an impossible grade; what the user gives is data" {
  students
  run -0 make -s -C "$TREE" lab02 TASK=1.1
  run -1 make -s -C "$TREE" lab02 TASK=1.1 SUBMISSION="$PWD/students"
  hasnt "$output" "make:"
  run -2 make -s -C "$TREE" check SUBMISSION=/no/such/folder
  run -2 make -s -C "$TREE" check SUBMISSION=
  has "$output" "SUBMISSION=: no such folder"
  for name in '`touch owned`' '$(touch owned)' '$(shell touch owned)' "'; touch owned; '"; do
    run -2 make -s -C "$TREE" lab02 SUBMISSION="$name"
    has "$output" "no such folder"
    run -2 make -s -C "$TREE" lab02 TASK="$name"
  done
  [ ! -e owned ] && [ ! -e "$TREE/owned" ]
}

@test "two runs at the same moment in one tree: each has its own result" {
  students
  for _ in 1 2 3; do
    "$GRADE" --out "$PWD/a" --submission students --task "1 2.1" lab02-shm >/dev/null 3>&- &
    "$GRADE" --out "$PWD/b" --task "1 2.1" lab02-shm >/dev/null 3>&-
    wait "$!" || [ $? = 1 ]
    [ "$(jq .score a/results.json) $(jq .score b/results.json)" = "0 23" ]
  done
}

@test "make -j, MAKEFLAGS and files of the future change nothing" {
  cp -r "$TREE/lab02-shm" in-lab02 && mkdir in && mv in-lab02 in/lab02-shm
  touch -d "+1 day" in/lab02-shm/*.c
  MAKEFLAGS=-j8 graded --submission in --task "1.1 5.3" lab02-shm
  [ "$status" -eq 0 ]
  run -0 make -j8 -s -C "$TREE" lab02 TASK=5.3
}

@test "a check that is broken is no grade: status 2, and its line" {
  mkdir tree
  tar -C "$TREE" --exclude=./build --exclude=./.git -cf - . | tar -C tree -xf -
  sed -i '/^@test "1.1 /a [ 1 = 2 ]' tree/lab02-shm/checks.bats
  GRADE=$PWD/tree/grader/grade graded --task 1 lab02-shm
  [ "$status" -eq 2 ]
  has "$report" "BROKEN -/6   1.1"
  has "$report" "lab02-shm/checks.bats, line $(($(grep -n '^@test "1.1 ' "$TREE/lab02-shm/checks.bats" | cut -d: -f1) + 1))"
}

@test "a new format is a new file in report/" {
  mkdir tree
  tar -C "$TREE" --exclude=./build --exclude=./.git -cf - . | tar -C tree -xf -
  printf '#!/bin/sh\nwc -l\n' >tree/grader/report/count.txt
  chmod +x tree/grader/report/count.txt
  GRADE=$PWD/tree/grader/grade graded --task 1 lab02-shm
  [ "$(cat out/count.txt)" = 3 ]
  [ "$(jq -s length out/results.jsonl)" = 3 ]
}

@test "forged programs: parts of other files, line markers, assembly, another program's results" {
  mkdir -p in/lab02-shm/sub
  cp "$TREE"/lab02-shm/*.c in/lab02-shm
  local creator=in/lab02-shm/shm_creator.c
  cp "$creator" reference.c
  refused() {
    graded --submission in --task 1.1 lab02-shm
    [ "$(score)" = 0/6 ]
    has "$(tr -s ' \n' ' ' <<<"$report")" "$1"
  }
  echo "#include \"$PWD/reference.c\"" >"$creator"
  refused "only headers of the system are accepted"
  echo '#include "../../../../../../../../../etc/passwd"' >"$creator"
  refused "does not compile"
  { echo '# 1 "/usr/include/stdio.h" 3' && cat reference.c; } >"$creator"
  refused "line 1 of lab02-shm/shm_creator.c: line markers"
  { echo '#pragma GCC diagnostic ignored "-Wall"' && cat reference.c; } >"$creator"
  refused "line 1 of lab02-shm/shm_creator.c"
  { cat reference.c && echo '__asm__(".incbin \"/etc/passwd\"");'; } >"$creator"
  refused "assembly"
  ln -sf "$PWD/reference.c" "$creator"
  refused "not a regular file"
  rm "$creator" && mkfifo "$creator"
  refused "not a regular file"
}

@test "a program can write neither the checks nor the records; without namespaces, that is noticed" {
  students
  mkdir t without # a temporary folder of its own: no other run is spoilt
  export TMPDIR=$PWD/t
  {
    echo "#define TMP \"$TMPDIR/\""
    cat
  } >students/lab02-shm/shm_creator.c <<'C'
#include <glob.h>
#include <stdio.h>
int main(void)
{
    glob_t g = {0};
    int opened = 0;
    glob(TMP "labs*/job*/bats-run-*/*.src", 0, NULL, &g);
    glob(TMP "labs*/job*/*/*s", GLOB_APPEND, NULL, &g);
    glob(TMP "labs*/job*/*/*.bash", GLOB_APPEND, NULL, &g);
    glob(TMP "labs*/*/lab02-shm/*s", GLOB_APPEND, NULL, &g);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        FILE *f = fopen(g.gl_pathv[i], "a");
        if (f) {
            opened++;
            fputs("wrong() { :; }\n", f);
            fclose(f);
        }
    }
    return g.gl_pathc > 2 ? 40 + opened : 1;
}
C
  graded --submission students --task 1 lab02-shm
  [ "$(score)" = 0/18 ]
  has "$report" "exit 40,"
  ln -s /bin/false without/bwrap
  local drop=(env)
  [[ $EUID != 0 ]] || drop=(setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin)
  printf '#!/bin/sh\nPATH=%s:$PATH exec %s "$@"\n' "$PWD/without" "${drop[*]} $GRADE" >grade
  chmod +x grade
  GRADE=$PWD/grade graded --submission students --task 1 lab02-shm
  [ "$(score)" = 0/18 ]
  has "$report" "the check has two verdicts"
}

@test "the other programs of a lab are graded when one does not compile" {
  mkdir -p in
  cp -r "$TREE/lab02-shm" in
  echo 'int main(void) { return nothing; }' >in/lab02-shm/shm_count.c
  graded --submission in --task "1 6 7" lab02-shm
  [ "$(score)" = 28/40 ]
  has "$report" "'nothing' undeclared"
  [ "$(grep -c undeclared <<<"$report")" -eq 1 ]
}

@test "the list: points and what is required, said once, as JSON; a task twice is an error" {
  run -0 "$GRADER/list" lab02-shm
  [ "$(jq -s 'map(.max) | add' <<<"$output")" = 100 ]
  [ "$(jq -r 'select(.number == "5.1").requires | join(" ")' <<<"$output")" = "sysvipc memlock strace" ]
}

@test "a submission without the file, with a link in its place, or that does not compile gets 0" {
  mkdir -p in/lab02-shm
  graded --submission in lab02-shm
  [ "$status" -eq 1 ]
  [ "$(score)" = 0/100 ]
  has "$report" "there is no file lab02-shm/shm_creator.c"
  ln -s /etc/passwd in/lab02-shm/shm_creator.c
  graded --submission in lab02-shm
  has "$report" "there is no file lab02-shm/shm_creator.c"
  hasnt "$report" "root:"
  rm in/lab02-shm/shm_creator.c
  echo 'int main(void) { return nothing; }' >in/lab02-shm/shm_creator.c
  graded --submission in lab02-shm
  [ "$(score)" = 0/100 ]
  has "$report" "'nothing' undeclared"
  has "$report" "does not compile"
}

@test "only the named source is taken: a Makefile, a binary and other files of a submission are not" {
  mkdir -p in/lab02-shm
  students
  cp students/lab02-shm/*.c in/lab02-shm
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
  students
  graded --submission students lab02-shm
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
  students
  graded --submission students --task 1 lab02-shm
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

@test "without bats or jq: one line that says so and how to get it" {
  without bats jq
  PATH=$PWD/bin graded lab02-shm
  [ "$status" -eq 2 ]
  [ "$(wc -l <<<"$report")" -eq 1 ]
  has "$report" "missing: bats jq"
  has "$report" "make setup"
}

@test "without strace, valgrind and sanitizers: their points leave the denominator, with the remedy" {
  without strace valgrind
  local lost
  lost=$("$GRADER/list" lab02-shm | jq -s 'map(select(.requires | any(. == "strace" or . == "valgrind")).max) | add')
  PATH=$PWD/bin graded lab02-shm
  [ "$status" -eq 0 ]
  [ "$(score)" = "$((100 - lost))/$((100 - lost))" ]
  has "$report" "apt-get install strace"
  has "$report" "apt-get install valgrind"
  PATH=$PWD/bin run "$GRADER/doctor"
  echo "$output"
  [ "$status" -eq 0 ]
  has "$output" "lab02-shm  $((100 - lost)) points here, $lost not:"
}
