# shellcheck shell=bash
# What the grader's own tests share. They run on the tree that they are in.

TREE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
GRADER=$TREE/grader
GRADE=$GRADER/grade
# shellcheck disable=SC2034 # for the tests
VERDICTS=$GRADER/selftest/verdicts
PATH=${PATH//"$BATS_LIBEXEC:"/} # where bats puts its inner parts, which the bats of grade must not meet

setup() {
  cd "$BATS_TEST_TMPDIR" || return
}

# result OPTION... FILTER: asks the results in out/ by jq.
result() { jq -r "$@" "$BATS_TEST_TMPDIR/out/results.json"; }
score() { result '"\(.score)/\(.extra_data.max_score)"'; }

# graded ARGUMENT...: runs grade into out/, keeps its status and its report.
graded() {
  # shellcheck disable=SC2034 # for the tests
  status=0
  # shellcheck disable=SC2034
  report=$("$GRADE" --out "$BATS_TEST_TMPDIR/out" "$@" 2>&1 3>&-) || status=$?
  printf "%s\n" "$report" # bats shows it when the test fails
}

# impossible TEXT ARGUMENT...: grade says in one line that it cannot, with that text, and leaves no results.
impossible() {
  mkdir -p out
  echo old >out/results.json
  graded "${@:2}"
  [ "$status" -eq 2 ]
  [ "$(wc -l <<<"$report")" -eq 1 ]
  has "$report" "$1"
  [ ! -e out/results.json ]
}

# has TEXT PART: the text contains the part; prints the text when not.
has() { [[ $1 == *"$2"* ]] || { printf 'no "%s" in:\n%s\n' "$2" "$1" && return 1; }; }
hasnt() { [[ $1 != *"$2"* ]] || { printf 'there is "%s" in:\n%s\n' "$2" "$1" && return 1; }; }

# students [N]: makes the students' tree in students/, with the solutions of tasks 1 to N.
students() { "$GRADER/handout" --keep "${1:-0}" "$TREE" "$PWD/students" >/dev/null; }

# ---- what holds for every lab; each lab's file of tests asks it of its own ------------------------

# full_marks LAB: the reference gets 100 of 100, and exit status 0.
full_marks() {
  graded "$1"
  [ "$status" -eq 0 ]
  [ "$(score)" = 100/100 ]
}

# handout_agrees LAB: the points sum to 100 and to those of the handout; each check stands there and
# fits on a line of 80 columns.
handout_agrees() {
  local promised asked
  "$GRADER/list" "$1" >list
  asked=$(jq -rs 'group_by(.number | split(".")[0] | tonumber)[] | "\(.[0].number | split(".")[0]):\(map(.max) | add)"' list | tr '\n' ' ')
  promised=$(sed -nE 's/^## Task ([0-9]): .*\(([0-9]+) points\)$/\1:\2/p' "$TREE/$1/README.md" | tr '\n' ' ')
  echo "checks: $asked, handout: $promised"
  [ "$asked" = "$promised" ]
  [ "$(jq -s 'map(.max) | add' list)" -eq 100 ]
  [ "$(jq -rs 'map("\(.number) \(.title)" | select(length > 67))[]' list)" = "" ]
  for number in $(jq -r .number list); do
    echo "$number"
    grep -q "^\* $number " "$TREE/$1/README.md"
  done
}

# starter_fails LAB: the untouched starter compiles without a warning and gets 0 on every check, on one screen that
# says where to begin.
starter_fails() {
  students
  make -C "students/$1" >log 2>&1
  cat log
  run ! grep -q warning log
  graded --submission students "$1"
  [ "$status" -eq 1 ]
  [ "$(score)" = 0/100 ]
  [ "$(result '[.tests[] | select(.status != "failed")] | length')" -eq 0 ]
  [ "$(result '.tests[] | [.number, (.extra_data.evidence | map(.key) | (["ran", "expected", "read", "again"] - .))[]]
    | select(length > 1) | @tsv')" = "" ]
}

# one_screen: the report that graded left fits on 24 lines of 80 columns, and ends with where to begin.
one_screen() {
  [ "$(wc -l <<<"$report")" -le 24 ]
  [ "$(awk 'length > 80 && NF > 2' <<<"$report")" = "" ]
  [ "$(tail -n 1 <<<"$report")" = "begin with: make $1 TASK=1" ]
}

# no_task_needs_a_later_one LAB: for every N, with tasks 1 to N done the points of 1 to N are there.
no_task_needs_a_later_one() {
  local n last
  last=$("$GRADER/list" "$1" | tail -n 1 | jq -r '.number | split(".")[0]')
  for ((n = 1; n < last; n++)); do
    rm -rf students
    students "$n"
    graded --task "$(seq -s ' ' "$n")" --submission students "$1"
    echo "tasks 1 to $n: $(score)"
    [ "$status" -eq 0 ]
  done
}

# seeds_matter LAB CHECK: the same seed repeats the inputs, another takes others.
seeds_matter() {
  local n
  for n in 1 1 2; do
    SEED=$n graded --task "$2" "$1"
    result '.tests[0].extra_data.evidence[0].text' >>ran
  done
  cat ran
  [ "$(sort -u ran | wc -l)" -eq 2 ]
  [ "$(sed -n 1p ran)" = "$(sed -n 2p ran)" ]
}

# demo_works LAB: every step without a key pressed; with pauses of 3 s it takes a minute at most.
demo_works() {
  local began=$SECONDS looks
  make -s -C "$TREE/$1"
  PAUSE=0.2 bash "$TREE/$1/demo.sh" </dev/null >out 2>&1 3>&-
  cat out
  looks=$(($(grep -cE '^  (look|table)$|sleep "\$PAUSE" &&' "$TREE/$1/demo.sh") * 3))
  echo "$looks s of pauses, and $((SECONDS - began)) s"
  [ $((looks + SECONDS - began)) -le 75 ]
  PAUSE=0 run -2 bash "$TREE/$1/demo.sh" nonsense
}

# sessions_are_true LAB: the commands in the ```console blocks of its handout print what stands there;
# the sed commands on stdin make equal, on both sides, what differs from machine to machine.
sessions_are_true() {
  local own="" command
  cat >alike.sed
  [[ -n ${IN_LAB_VM-} ]] || make -s -C "$TREE/$1"
  find "$TREE/$1" -maxdepth 1 -type f -perm -100 ! -name '*.*' -exec cp {} . \;
  awk '/^```console$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$TREE/$1/README.md" >said
  sed -n 's/^\$ //p' said >commands
  [ -s commands ]
  {
    echo "key() { ipcs -m | awk '\$6 == 0 { print \$1 }'; } # which the reader takes from the screen"
    while IFS= read -r command; do
      printf 'echo %q\n%s\n' "\$ $command" "${command//0x41000011/\$(key)}"
    done <commands
  } >script
  # other users' segments are not in the sessions
  ! unshare --ipc true 2>/dev/null || own="unshare --ipc"
  LC_ALL=C $own bash script >got 2>&1 3>&-
  diff -u <(sed -Ef alike.sed said) <(sed -Ef alike.sed got)
}

# kit_for_the_guest LAB TASK: in kit/, what running these checks of the reference in the lab VM takes.
kit_for_the_guest() {
  mkdir -p "kit/$1"
  # shellcheck source=grader/lib/machine.bash
  source "$GRADER/lib/machine.bash"
  runs_are_possible kit
  "$GRADER/list" --task "$2" "$1" >"kit/$1/checks.jsonl"
  cp -r "$TREE/$1/checks.bats" "$TREE/$1/expected" "kit/$1"
  "$GRADER/build" --static "$1" "$TREE" "kit/$1/programs"
}

# session LAB TASK: these checks of the reference, run in the guest by an ordinary user with a service manager of its
# own, as a login starts one. Prints the records, and what is left.
session() {
  kit_for_the_guest "$1" "$2"
  cat >kit/script <<'SH'
unset IN_LAB_VM
chown -R student .
chgrp -R systemd-journal /run/log/journal # so do systemd-tmpfiles and pam_systemd, which the guest does without
usermod -aG systemd-journal student
id=$(id -u student) drop_in=/etc/systemd/system/user@.service.d user=/etc/systemd/user
export XDG_RUNTIME_DIR=/run/user/$id
mkdir $drop_in $user/sockets.target.wants
printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' >$drop_in/labs.conf
printf '[Socket]\nListenStream=%%t/bus\n' >$user/dbus.socket
printf '[Service]\nExecStart=dbus-daemon --session --address=systemd: --nofork --nopidfile --systemd-activation\n' \
  >$user/dbus.service
ln -s ../dbus.socket $user/sockets.target.wants
systemctl start "user@$id.service"
user() { setpriv --reuid=student --regid=student --init-groups "$@"; }
user systemd-run --user -q --wait --pipe --working-directory="$PWD" -p Delegate=yes grader/run "$1"
find /sys/fs/cgroup "$XDG_RUNTIME_DIR/systemd/user" -name "labs*[0-9]*"
user systemctl --user list-units --all --plain --no-legend "labs*[0-9]*"
SH
  "$GRADER/vm/vm" run kit "bash script $1"
}
