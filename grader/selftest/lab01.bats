#!/usr/bin/env bats
# lab01: the reference passes, the starter fails, every right and wrong program gets what it states.
# What needs systemd is graded in the lab VM.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

setup_file() { "$BATS_TEST_DIRNAME/../vm/vm" build >&2 3>&-; }

# lost: the points of lab01 that this machine cannot grade.
lost() {
  # shellcheck source=grader/lib/machine.bash
  source "$GRADER/lib/machine.bash"
  local line sum=0
  while IFS= read -r line; do
    ! lacks "$line" || sum=$((sum + $(jq .max <<<"$line")))
  done < <("$GRADER/list" lab01-systemd)
  echo "$sum"
}

@test "lab01: the reference gets 100 of 100, what needs systemd in the lab VM" {
  full_marks lab01-systemd
  [ "$(result '[.tests[] | select(.extra_data.where == "in the lab VM") | .max_score] | add // 0')" -eq "$(lost)" ]
}
@test "lab01: without the VM those points leave the denominator, with the remedy" {
  VM=0 graded lab01-systemd
  [ "$status" -eq 0 ]
  [ "$(score)" = "$((100 - $(lost)))/$((100 - $(lost)))" ]
  [ "$(lost)" -eq 0 ] || has "$report" "make vm"
}
@test "lab01: checks and handout agree" { handout_agrees lab01-systemd; }
@test "lab01: with tasks 1 to N done, their points are there, for every N" { no_task_needs_a_later_one lab01-systemd; }
@test "lab01: a seed repeats the inputs" { seeds_matter lab01-systemd 1.3; }
@test "lab01: different right programs and units all get 100" { "$VERDICTS" right lab01; }
@test "lab01: every wrong program or unit is caught by the check that it names" { "$VERDICTS" wrong lab01; }

@test "lab01: the untouched starter gets 0 on every check, on one screen" {
  starter_fails lab01-systemd
  one_screen lab01
}

@test "lab01: every session of the handout prints what it says" {
  sessions_are_true lab01-systemd <<'SED'
s/^(Service heartbeat:) .* 20[0-9]{2}$/\1 DATE/
s/^[0-9]+ part$/N part/
SED
}

@test "lab01: without the unit or the answers, their checks fail and say so" {
  mkdir -p in/lab01-systemd
  cp "$TREE/lab01-systemd/homework_service.c" in/lab01-systemd
  graded --submission in --task "3 5.1 7" lab01-systemd
  [ "$(result .score)" -eq 0 ]
  [ "$(grep -c 'there is no such file' <<<"$report")" -eq 2 ] # one for the unit, one for the answers
}

@test "lab01: the demonstration, in the lab VM: every step, and nothing is left" {
  PAUSE=0.2 make -s -C "$TREE" demo01 </dev/null >out 2>&1 3>&-
  cat out
  local word
  for word in "My custom service has started" "activating (auto-restart)" "NRestarts=1" "(Result: signal)" \
    "inactive (dead)" "Created symlink" "(Result: watchdog)" "homework.service" "RestartUSec=3s"; do
    has "$(cat out)" "$word"
  done
  run "$GRADER/vm/vm" run "$TREE" 'PAUSE=0 bash lab01-systemd/demo.sh start >/dev/null; systemctl is-active homework.service;
    find / -xdev -name "homework*" -not -path "/srv/*" -not -path "/sys/*"; bash lab01-systemd/demo.sh nonsense'
  [ "$status" -eq 2 ]
  [ "$output" = "inactive"$'\n'"demo.sh: no step 'nonsense'" ]
}

@test "lab01: an interrupted run leaves no unit, no process, and no file of it" {
  kit_for_the_guest lab01-systemd "4 6.5"
  cat >kit/script <<'SH'
running() { pgrep -f "homework_servic[e] --interval" >/dev/null; }
left() {
  pgrep -af "homework_servic[e] --interval"
  find /run/systemd/system -name "labs-*"
  systemctl list-units --all --plain --no-legend "labs-[0-9]*"
}
none() { [[ -z $(left) ]]; }
until_() { for ((i = 0; i < 900; i++)); do "$@" && return; sleep 0.1; done; return 1; }
for signal in INT TERM; do
  env --default-signal=INT,TERM,HUP setsid grader/run lab01-systemd >/dev/null 2>&1 &
  until_ running || echo "nothing was running"
  kill -$signal -- -$!
  wait $!
  until_ none
  left
done
echo over
SH
  run "$GRADER/vm/vm" run kit "bash script"
  echo "$output"
  [ "$output" = over ]
}

@test "lab01: an ordinary user with a login session has the points of the units, too" {
  run session lab01-systemd "3.3 4.1 7.1"
  echo "$output"
  [ "$(grep -c '"verdict":"passed"' <<<"$output")" -eq 3 ]
  [ "${#lines[@]}" -eq 3 ]
}
