#!/usr/bin/env bats
# lab04: the reference passes, the starter fails, every right and wrong program gets what it states.
# What needs cgroup v2, two nodes or systemd is graded in the lab VM.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

VM=$TREE/grader/vm/vm
LAB=lab04-numa-cgroups
setup_file() { [[ -n ${IN_LAB_VM:-} ]] || "$BATS_TEST_DIRNAME/../vm/vm" build >&2 3>&-; }

@test "lab04: the reference gets 100 of 100 here, what is not here in the lab VM" { full_marks $LAB; }
@test "lab04: checks and handout agree" { handout_agrees $LAB; }
@test "lab04: a seed repeats the inputs" { VM=0 seeds_matter $LAB 2.3; }
@test "lab04: with tasks 1 to N done, their points are there, for every N" { no_task_needs_a_later_one $LAB; }
@test "lab04: different right programs all get 100" { "$VERDICTS" right lab04; }
@test "lab04: every wrong program or slice is caught by the check that it names" { "$VERDICTS" wrong lab04; }

@test "lab04: the untouched starter gets 0 on every check, on one screen" {
  starter_fails $LAB
  one_screen lab04
}

@test "lab04: without the slice its checks fail and say so" {
  mkdir -p in/$LAB
  cp "$TREE/$LAB"/*.c in/$LAB
  graded --submission in --task 6 $LAB
  [ "$(result .score)" -eq 0 ]
  has "$report" 'there is no such file'
}

@test "lab04: hog is given: that of a submission is not taken" {
  mkdir -p in/$LAB
  cp "$TREE/$LAB"/*.c in/$LAB
  echo 'int main(void) { return 3; }' >in/$LAB/hog.c
  "$GRADER/build" $LAB in built
  cmp built/hog.c "$TREE/$LAB/hog.c"
}

@test "lab04: with libnuma the Makefile links it, and all points are there" {
  [[ -e /usr/include/numaif.h ]] || skip "libnuma-dev is not installed"
  mkdir -p in/$LAB
  cp "$TREE/$LAB"/* in/$LAB 2>/dev/null || true
  cp "$BATS_TEST_DIRNAME"/right/lab04/libnuma/* in/$LAB
  graded --submission in --task 2 $LAB
  [ "$(score)" = 16/16 ]
}

@test "lab04: what is expected of captured machines is what numactl says of them" {
  command -v numactl >/dev/null && unshare --mount true || skip "no numactl 2.0.16, or no mount namespaces"
  [[ $(dpkg-query -f '${Version}' -W numactl) == 2.0.16* ]] || skip "another numactl"
  local machine node
  for machine in "$TREE/$LAB"/sysroots/*; do
    cp -rL "$machine/sys/devices/system/node" node
    for node in node/node*; do # which numactl reads in place of cpulist
      perl -e '$_ = <>; $m |= 1 << $_ for map { /(\d+)-(\d+)/ ? $1 .. $2 : /(\d+)/ } split /,/; printf "%x\n", $m' \
        "$node/cpulist" >"$node/cpumap"
    done
    unshare --mount sh -c 'mount --bind node /sys/devices/system/node && numactl --hardware' >said
    diff said "$TREE/$LAB/expected/topology-${machine##*/}.txt"
    rm -r node
  done
}

@test "lab04: every session of the handout prints what it says" {
  if [[ -z ${IN_LAB_VM:-} ]]; then
    make -s -B -C "$TREE/$LAB" LDFLAGS=-static
    run "$VM" run "$TREE" "cd $LAB && sh delegated.sh bats -f 'lab04: every session' ../grader/selftest/lab04.bats"
    make -s -C "$TREE/$LAB" clean
    echo "$output"
    [ "$status" -eq 0 ]
    has "$output" "ok 1 lab04: every session"
    return
  fi
  sessions_are_true $LAB <<'SED'
s/^(node [01] (free|size):) .*/\1 MB/
s/^(process) [0-9]+: (.*) at .*/\1 PID: \2 at ADDRESS/
s,^group: .*,group: PATH,
s/usage_usec [0-9]+/usage_usec N/
s/^window: 1.*/window: W/
s/^(weight [0-9]+:) [0-9]+ us, share 0\.(1[5-9]|2[0-9]|3[0-5])[0-9]/\1 a quarter/
s/^(weight [0-9]+:) [0-9]+ us, share 0\.(6[5-9]|7[0-9]|8[0-5])[0-9]/\1 three quarters/
s/^(weight [0-9]+:) [0-9]+ us, share 0\.(4[0-9]|5[0-9]|500)[0-9]/\1 half/
s/.*Killed.*/Killed/
s/ +$//
SED
}

@test "lab04: the demonstration, in the lab VM: every step, and nothing is left" {
  PAUSE=0.2 make -s -C "$TREE" demo04 </dev/null >out 2>&1 3>&-
  cat out
  local word
  for word in "available: 2 nodes" "node 1: 4096 pages" 157286400 "verdict: killed by the OOM killer" "(Result: oom-kill)" \
    "verdict: survived" "weight 300: ####" "Result=oom-kill" "two.service" "MemoryMax=314572800"; do
    has "$(cat out)" "$word"
  done
  run "$VM" run "$TREE" "PAUSE=0 bash $LAB/demo.sh hand limit unit slice >/dev/null
    systemctl list-units --all --plain --no-legend 'one.*' 'two.*' 'highload.*' testing.slice; find /sys/fs/cgroup -name 'testing.*' -o -name 'limit-*' 2>/dev/null
    find /run/systemd /etc/systemd -name 'testing.slice*'; bash $LAB/demo.sh nonsense"
  echo "$output"
  [ "$status" -eq 2 ]
  [ "$output" = "demo.sh: no step 'nonsense'" ]
}

@test "lab04: as root or not, outside the VM too, groups are made in a delegated place, and it is left clean" {
  kit_for_the_guest $LAB "3.1 3.4 5.4"
  cat >kit/script <<'SH'
unset IN_LAB_VM
grader/run lab04-numa-cgroups
find /sys/fs/cgroup -name "labs-[0-9]*" 2>/dev/null
for ((i = 0; i < 100; i++)); do # it ends with the run, soon
  [[ -n $(systemctl list-units --plain --no-legend 'run-*.scope') ]] || break
  sleep 0.1
done
systemctl list-units --plain --no-legend 'run-*.scope'
cat /sys/fs/cgroup/cgroup.subtree_control >after
SH
  run "$VM" run kit "cat /sys/fs/cgroup/cgroup.subtree_control >before; bash script; cmp before after"
  echo "$output"
  [ "$(grep -c '"verdict":"passed"' <<<"$output")" -eq 3 ]
  [ "${#lines[@]}" -eq 3 ]
}

@test "lab04: an interrupted run leaves no group, no unit and no hog" {
  kit_for_the_guest $LAB "3.5 5.1 6.2"
  cat >kit/script <<'SH'
for signal in INT TERM; do
  env --default-signal=INT,TERM,HUP setsid grader/run lab04-numa-cgroups >/dev/null 2>&1 &
  until compgen -G "/sys/fs/cgroup/system.slice/*/labs-*" >/dev/null; do sleep 0.1; done
  sleep 1
  kill -$signal -- -$!
  wait $!
  for ((i = 0; i < 300; i++)); do
    [[ -n $(find /sys/fs/cgroup -name "labs-[0-9]*" -o -name "labs[0-9]*" 2>/dev/null; pgrep -f "programs/(limit|weigh|hog)") ]] || break
    sleep 0.1
  done
  find /sys/fs/cgroup -name "labs-[0-9]*" -o -name "labs[0-9]*" 2>/dev/null
  pgrep -af "programs/(limit|weigh|hog)"
done
echo over
SH
  run "$VM" run kit "bash script"
  echo "$output"
  [ "$output" = over ]
}

@test "lab04: an ordinary user with a login session has the points of groups and slices, too" {
  run session $LAB "3.1 5.2 6"
  echo "$output"
  [ "$(grep -c '"verdict":"passed"' <<<"$output")" -eq "$(wc -l <kit/$LAB/checks.jsonl)" ]
  [ "${#lines[@]}" -eq "$(wc -l <kit/$LAB/checks.jsonl)" ]
}
