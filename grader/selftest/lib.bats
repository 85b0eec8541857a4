#!/usr/bin/env bats
# The verbs of grader/lib/checks.bash, by small checks that are run as a lab's are.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

# check BODY...: runs a check with this body; its extended TAP is in $tap.
check() {
  local lab=$BATS_TEST_TMPDIR/lab
  mkdir -p "$lab/expected"
  {
    echo 'source "$GRADER/lib/checks.bash"'
    printf '@test "1.1 a check [1]" {\n'
    printf '  %s\n' "$@"
    echo '}'
  } >"$lab/checks.bats"
  [[ -x $TREE/build/bin/supervise ]] || graded --task 1.1 lab02-shm
  tap=$(
    unset "${!BATS_@}"
    env GRADER="$TREE/grader" LAB=lab LAB_DIR="$lab" BIN="$TREE/build/bin" PROGRAM=/bin/sh SEED=1 \
      PRIVATE_IPC=no BUILD_LOG=/dev/null bats -F "$TREE/grader/lib/raw" "$lab/checks.bats" 2>&1
  ) || :
  echo "$tap"
}

@test "finish tells exit codes, signals and timeouts apart" {
  check 'try -c "exit 143"' '[ "$end" = "exit 143" ]' \
    'try -c "kill -TERM \$\$"' '[ "$end" = "signal 15" ]' '[ "$(cause "$end")" = "killed by SIGTERM" ]' \
    'LIMIT=0.2 try -c "kill -STOP \$\$"' '[ "$end" = timeout ]'
  has "$tap" "ok 1"
  hasnt "$tap" "not ok"
}

@test "finish counts what was left running, even out of the group, and what was not waited for" {
  check 'try -c "sleep 60 & setsid sleep 60 & exit 0"' '[ "$left" = 2 ]' \
    'try -c "true & exec sleep 0.2"' '[ "$left $unreaped" = "0 1" ]' \
    'try -c "true & wait"' '[ "$left $unreaped" = "0 0" ]'
  hasnt "$tap" "not ok"
}

@test "a flood of output, a closed stdin and descriptor 3" {
  check 'FILE_LIMIT=64 try -c "exec cat /dev/zero"' '[ "$end" = "signal 25" ]' \
    'try -c "cat; echo >&3"' '[ "$end" != "exit 0" ]' '[ -z "$stdout" ]'
  hasnt "$tap" "not ok"
}

@test "ended fails for another cause, a left process and a zombie" {
  local body
  for body in "exit 3" "kill -SEGV \\\$\\\$" "sleep 60 & exit 0" "true & exec sleep 0.2"; do
    check "try -c \"$body\"" 'ended "exit 0"'
    has "$tap" "not ok 1"
    has "$tap" "#: read "
  done
}

@test "near takes numbers within the tolerance, and hints at the nearest one; text is no number" {
  check 'near RSS 1000 10 990 1010' 'near RSS 1000 10 _ 1000' 'near RSS -5 0 -5 _'
  hasnt "$tap" "not ok"
  has "$tap" "#: kernel RSS 990"
  check 'near RSS 1000 10 989 1000'
  has "$tap" "#: expected RSS 1000, give or take 10"
  check 'near RSS 1000 10 1000 502 "0=none" "500=half" "510=a little more"'
  has "$tap" "#: likely half"
  hasnt "$tap" "#: likely a"
  check 'near RSS 1000 10 1000 700 "500=half"'
  hasnt "$tap" "likely"
  check 'near RSS 1000 10 1000 "x[\$(touch $BATS_FILE_TMPDIR/../run)]" "500=half"' # data is never code
  has "$tap" "not ok 1"
  [ ! -e "$BATS_FILE_TMPDIR/../run" ]
}

@test "shape takes what varies, keeps it by name, and refuses everything else" {
  mkdir -p lab/expected
  printf 'ID: <int:id>\nKey: <hex:key>.\n' >lab/expected/a.txt
  check 'try -c "echo ID: 12; echo Key: 0x1f."' 'shape a.txt' '[ "${said[id]} ${said[key]}" = "12 0x1f" ]'
  hasnt "$tap" "not ok"
  local wrong
  for wrong in "ID: 12" "ID: 12\\nKey: 0x1f" "ID: x\\nKey: 0x1f." "ID: 12\\nKey: 0x1F." " ID: 12\\nKey: 0x1f." \
    "ID: 12\\nKey: 0x1f.\\nmore" "ID: 12\\000\\nKey: 0x1f." ""; do
    check "try -c \"printf '$wrong'\"" 'shape a.txt'
    has "$tap" "not ok 1"
    has "$tap" "#: expected line "
  done
}

@test "shape shows a hint by pattern, and compares what follows after N lines" {
  mkdir -p lab/expected
  printf '... 2 lines\nlast <int:n>\n' >lab/expected/b.txt
  check 'try -c "echo a; echo b; echo last 5"' 'shape b.txt' '[ "${said[n]}" = 5 ]'
  hasnt "$tap" "not ok"
  check 'try -c "echo a; echo b; echo last five"' 'shape b.txt "last [a-z]*=in digits"'
  has "$tap" "#: likely in digits"
  has "$tap" "#: program line 3: last five"
}

@test "same: the kernel's word, then the program's; '_' is not asked, '-' is a value" {
  check 'same n 1 1 1' 'same n 1 _ 1' 'same n 1 1 _' 'same n - - -'
  hasnt "$tap" "not ok"
  local bad
  for bad in "1 0 1" "1 1 0" "1 _ 0" "1 0 _" "locked - locked" "1 '' 1"; do
    check "same n $bad '0=a zero' '*=something else'"
    has "$tap" "not ok 1"
    has "$tap" "#: expected n ${bad%% *}"
  done
  check "same n 1 0 1 '0=a zero'"
  has "$tap" "#: likely a zero"
}

@test "requires: an unknown word is a fault of the check, a missing tool a skip with its remedy" {
  check 'requires strice'
  has "$tap" "not ok 1"
  check 'can_strace() { false; }' 'requires strace'
  has "$tap" "ok 1"
  has "$tap" "# skip needs strace"
}

@test "what a program says cannot end a note, nor smuggle in another" {
  check $'wrong program $\'a\\n#: kernel forged\\nok 1 forged\\e[31m\''
  hasnt "$tap" $'\n#: kernel'
  hasnt "$tap" $'\nok 1'
  hasnt "$tap" $'\e'
}

@test "eventually waits for a state, and gives up" {
  check 'n=0' 'third() { ((++n >= 3)); }' 'eventually third' 'if eventually false; then return 1; fi'
  hasnt "$tap" "not ok"
}

@test "ipc_left sees what a run made, and nothing that was there" {
  local other
  other=$(perl -e 'print shmget(0x4243, 100, 01600)')
  check 'launch perl -e "print shmget(0x4244, 100, 01600)"' finish ipc_left \
    '[ "${#left[@]} ${left[0]}" = "1 shm $stdout" ]' 'ipc_clear; ipc_left; [ "${#left[@]}" = 0 ]'
  ipcrm -m "$other"
  hasnt "$tap" "not ok"
}

@test "supervise: a command that is not there, a status file that cannot be" {
  check 'launch /no/such/command' finish '[ "$end" = "exit 127" ]'
  hasnt "$tap" "not ok"
  run "$TREE/build/bin/supervise" /no/such/dir/status 1 1 true
  [ "$status" -eq 2 ]
}
