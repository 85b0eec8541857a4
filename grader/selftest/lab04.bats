#!/usr/bin/env bats
# lab04: the reference passes, the starter fails, every right and wrong program gets what it states.
# What needs cgroup v2, two nodes or systemd is graded in the lab VM.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

VM=$TREE/grader/vm/vm
setup_file() { [[ -n ${IN_LAB_VM:-} ]] || "$BATS_TEST_DIRNAME/../vm/vm" build >&2 3>&-; }

@test "lab04: the reference gets 100 of 100 here, what is not here in the lab VM" { full_marks lab04-numa-cgroups; }
@test "lab04: checks and handout agree" { handout_agrees lab04-numa-cgroups; }
@test "lab04: the untouched starter gets 0 on every check, and is told why" { starter_fails lab04-numa-cgroups; }
@test "lab04: a seed repeats the inputs" { VM=0 seeds_matter lab04-numa-cgroups 1.3; }
@test "lab04: different right programs all get 100" { "$VERDICTS" right lab04; }
@test "lab04: every wrong program or slice is caught by the check that it names" { "$VERDICTS" wrong lab04; }

@test "lab04: without the slice its checks fail and say so" {
  mkdir -p in/lab04-numa-cgroups
  cp "$TREE/lab04-numa-cgroups/resources.c" in/lab04-numa-cgroups
  graded --submission in --task 6 lab04-numa-cgroups
  echo "$report"
  [ "$(result .score)" -eq 0 ]
  [ "$(grep -c 'there is no such file' <<<"$report")" -eq 2 ]
}

@test "lab04: what numactl says in the lab VM is what the captured tree of it says" {
  mkdir empty
  run "$VM" run empty 'numactl --hardware | grep -v free'
  diff <(sed -E 's/ +/ /g; s/^ | $//g' <<<"$output") \
    <(sed -E '/free/d; s/ +/ /g; s/^ | $//g' "$TREE/lab04-numa-cgroups/expected/topology-two-nodes.txt")
}

@test "lab04: every session of the handout prints what it says" {
  if [[ -z ${IN_LAB_VM:-} ]]; then
    make -s -B -C "$TREE/lab04-numa-cgroups" LDFLAGS=-static
    run "$VM" run "$TREE" 'bats -f "lab04: every session" grader/selftest/lab04.bats'
    echo "$output"
    [ "$status" -eq 0 ]
    has "$output" "ok 1 lab04: every session"
    return
  fi
  sessions_are_true lab04-numa-cgroups <<'SED'
s/^(node [01] free:) .*/\1 MB/
s/^(process) [0-9]+: (.*) at .*/\1 PID: \2 at ADDRESS/
s/resources-[0-9]+/resources-PID/
s/^(cpu.stat:) [0-9.]+ s/\1 S/
s/^(memory.peak: 1)[0-9]+ KiB/\1 KiB/
s/^(weight [0-9]+:) [0-9.]+ s, share 0\.(2[0-9]|7[0-9]|4[5-9]|5[0-4])[0-9]/\1 S, share \2/
s/share 2[0-9]/share a quarter/
s/share 7[0-9]/share three quarters/
s/share (4|5)[0-9]/share half/
s/ +$//
SED
}

@test "lab04: the demonstration, in the lab VM: every step, and nothing is left" {
  PAUSE=0.2 make -s -C "$TREE" demo04 </dev/null >out 2>&1 3>&-
  cat out
  local word
  for word in "available: 2 nodes" "node 1: 4096 pages" "verdict: killed by the OOM killer" "(Result: oom-kill)" "verdict: survived" \
    "weight 300: ####" "Result=oom-kill" "two.service" "MemoryMax=314572800"; do
    has "$(cat out)" "$word"
  done
  run "$VM" run "$TREE" 'PAUSE=0 bash lab04-numa-cgroups/demo.sh limit unit slice >/dev/null;
    systemctl list-units --all --plain --no-legend "one.*" "two.*" "highload.*" testing.slice; find /sys/fs/cgroup -name "testing.*" -o -name "resources-*";
    find /run/systemd /etc/systemd -name "testing.slice*"; bash lab04-numa-cgroups/demo.sh nonsense'
  echo "$output"
  [ "$status" -eq 2 ]
  [ "$output" = "demo.sh: no step 'nonsense'" ]
}

@test "lab04: an interrupted run leaves no group, no unit and no hog" {
  local task
  for task in 3.6 5 "6.2 7.1"; do
    kit_for_the_guest lab04-numa-cgroups "$task"
    mkdir -p kits/"${task// /-}"
    mv kit/lab04-numa-cgroups kits/"${task// /-}"
    mv -T kit/grader kits/grader 2>/dev/null || rm -r kit/grader
  done
  cat >kits/script <<'SH'
for signal in INT TERM; do
  for task in 3.6 5 6.2-7.1; do
    env --default-signal=INT setsid grader/run "$task"/lab04-numa-cgroups >/dev/null 2>&1 &
    for ((i = 0; i < 600; i++)); do
      ! compgen -G "/sys/fs/cgroup/labs[-0-9][0-9]*" >/dev/null || break
      sleep 0.05
    done
    sleep 0.5
    kill -$signal -- -$!
    wait $!
    for ((i = 0; i < 150; i++)); do
      sleep 0.1
      compgen -G "/sys/fs/cgroup/labs[-0-9][0-9]*" >/dev/null || pgrep -f "resources (run|weigh|hog)" >/dev/null ||
        [[ -n $(systemctl list-units --all --plain --no-legend "labs[-0-9][0-9]*") ]] || break
    done
    find /sys/fs/cgroup -name "labs[-0-9][0-9]*" -o -name "resources-*"
    systemctl list-units --all --plain --no-legend "labs[-0-9][0-9]*"
    pgrep -af "resources (run|weigh|hog)"
  done
done
echo over
SH
  run "$VM" run kits "bash script"
  echo "$output"
  [ "$output" = over ]
}
