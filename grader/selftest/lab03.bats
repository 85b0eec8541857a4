#!/usr/bin/env bats
# lab03: the reference passes, the starter fails, every right and wrong program gets what it states.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "lab03: the reference gets 100 of 100" { full_marks lab03-vsz-rss; }
@test "lab03: checks and handout agree" { handout_agrees lab03-vsz-rss; }
@test "lab03: a seed repeats the inputs" { seeds_matter lab03-vsz-rss 2.1; }
@test "lab03: with tasks 1 to N done, their points are there, for every N" { no_task_needs_a_later_one lab03-vsz-rss; }
@test "lab03: different right programs all get 100" { "$VERDICTS" right lab03; }
@test "lab03: every wrong program is caught by the check that it names" { "$VERDICTS" wrong lab03; }

@test "lab03: the untouched starter gets 0 on every check, on one screen" {
  starter_fails lab03-vsz-rss
  one_screen lab03
}

@test "lab03: every session of the handout prints what it says" {
  # numbers that hang on the machine become N; those of 250 MiB and of its parts stay, rounded
  sessions_are_true lab03-vsz-rss <<'SED'
s/^ +PID USER/PID USER/
s/^ *[0-9]+ [^ ]+ +[0-9.]+ /PID USER MEM /
s/(child|parent) +[0-9]+/\1 PID/
s/ +/ /g
s/ 25[5-9][0-9]{3}/ ~256000/g
s/ 19[1-4][0-9]{3}/ ~192000/g
s/ (12[6-9]|13[0-2])[0-9]{3}/ ~128000/g
s/ 9[67][0-9]{3}/ ~96000/g
s/ 6[45][0-9]{3}/ ~64000/g
s/ 3[2367][0-9]{3}/ ~32000/g
s/ [0-9]{2,5}/ N/g
SED
}

@test "lab03: the demonstration runs by itself, and leaves nothing" {
  demo_works lab03-vsz-rss
  local word
  for word in "PID USER     %MEM   RSS    VSZ COMMAND" "dontneed:50" "fork       child" "write:50" "file  "; do
    has "$(cat out)" "$word"
  done
  run ! pgrep -fx './memory malloc write stop'
}

@test "lab03: make plot03 draws it as text and as a picture, beside the report's figures" {
  NO_COLOR=1 run make -s -C "$TREE" plot03
  echo "$output"
  [ "$status" -eq 0 ]
  has "$output" "VSZ ***A***"
  has "$output" "RSS of the report (Python)       9472   265472   256000"
  [ "$(wc -l <<<"$output")" -le 24 ]
  [ "$(awk '{ if (length > n) n = length } END { print n }' <<<"$output")" -le 80 ]
  xmllint --noout "$TREE/lab03-vsz-rss/plot.svg"
  awk '/^[RV]S[SZ] here/ { if ($NF < 255990 || $NF > 256600) bad = 1; n++ } END { exit bad || n != 2 }' <<<"$output"
}

@test "lab03: on a machine with little memory the runs get less" {
  sed 's/^MemAvailable:.*/MemAvailable: 700000 kB/' /proc/meminfo >meminfo
  MEMINFO=$PWD/meminfo graded lab03-vsz-rss
  [ "$status" -eq 0 ]
  result '.tests[].extra_data.evidence[] | select(.key == "ran") | .text' | grep -oE -- '--mib [0-9]+' | sort -u >sizes
  cat sizes
  grep -vE -- '--mib (4[01][0-9]{2})' sizes >small # those of 2.3 are refused
  run ! grep -vE -- '--mib ([0-9]|1[0-3])$' small
}

@test "lab03: usage, given another lab's process, is right beside it" {
  make -s -C "$TREE/lab03-vsz-rss"
  sleep 30 &
  run "$TREE/lab03-vsz-rss/usage" $!
  kill $!
  [ "$(awk 'NR == 2 { print ($4 > 0), ($5 > $4), $NF }' <<<"$output")" = "1 1 sleep" ]
}
