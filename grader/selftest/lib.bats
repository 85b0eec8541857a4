#!/usr/bin/env bats
# The verbs of grader/lib, by small checks that are run as a lab's are.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

setup_file() {
  GRADER=$BATS_TEST_DIRNAME/..
  # shellcheck source=grader/lib/machine.bash
  source "$GRADER/lib/machine.bash"
  runs_are_possible "$BATS_FILE_TMPDIR"
}

# checks BODY...: runs a check with each body (lines) as a lab's; the program is sh. Sets records to what came of it.
checks() {
  local n=0 body
  rm -rf kit
  mkdir -p kit/{expected,programs}
  cp -r expected/. kit/expected 2>/dev/null || :
  touch kit/programs/{sh.c,build.log}
  ln -s /bin/sh kit/programs/sh
  echo 'source "$GRADER/lib/checks.bash"' >kit/checks.bats
  for body; do
    ((++n))
    printf '@test "1.%d a check [1]" {\n%s\n}\n' "$n" "$body" >>kit/checks.bats
    printf '{"lab":"lab09-test","number":"1.%d","title":"a check","max":1,"requires":[]}\n' "$n" >>kit/checks.jsonl
  done
  records=$(SEED=1 "$BATS_FILE_TMPDIR/grader/run" kit 3>&-)
  echo "$records"
}

# verdicts WORD...: of the checks, in order.
verdicts() { [ "$(jq -rs 'group_by(.number | split(".") | map(tonumber)) | map(last.verdict) | join(" ")' <<<"$records")" = "$*" ]; }

# says KEY TEXT: the last record has that evidence, or a part of it.
says() { jq -se --arg key "$1" --arg text "$2" 'any(last.evidence[]; .key == $key and (.text | contains($text)))' <<<"$records" >/dev/null; }

@test "finish tells exit codes, signals, stops and timeouts apart" {
  checks 'try -c "exit 143"; [ "$end" = "exit 143" ]
    try -c "kill -TERM \$\$"; [ "$end" = "signal 15" ]; [ "$(cause "$end")" = "killed by SIGTERM" ]' \
    'RUN_TIMEOUT=1 try -c "kill -STOP \$\$"; [ "$end" = timeout ]'
  verdicts passed passed
}

@test "finish counts what was left running, even out of the group, and what was not waited for" {
  checks 'try -c "sleep 60 & setsid sleep 60 & exit 0"; [ "$left" = 2 ]' \
    'try -c "true & exec sleep 0.2"; [ "$left $unreaped" = "0 1" ]' \
    'try -c "true & wait"; [ "$left $unreaped" = "0 0" ]'
  verdicts passed passed passed
}

@test "a flood of output, a closed stdin and descriptor 3" {
  checks 'OUTPUT_LIMIT=64 try -c "exec cat /dev/zero"; [ "$end" = output ]' \
    'try -c "cat; echo >&3"; [ "$end" != "exit 0" ]; [ -z "$stdout" ]'
  verdicts passed passed
}

@test "every run that is judged: another end, a process, a zombie, an IPC object, a file in /tmp or /dev/shm" {
  [ "$(bwrap --dev-bind / / --unshare-pid --unshare-ipc echo yes)" = yes ] || skip "no namespaces here"
  checks 'try -c "exit 3"; ended "exit 0"' 'try -c "kill -SEGV \$\$"; ended "exit 0"' \
    'try -c "sleep 60 & exit 0"; ended "exit 0"' 'try -c "true & exec sleep 0.2"; ended "exit 0"' \
    'try -c "exec perl -e \"shmget(0x4244, 100, 01600)\""; ended "exit 0"' \
    'try -c "exec perl -e \"semget(0x4244, 1, 01600)\""; ended "exit 0"' \
    'try -c "echo >/tmp/left"; ended "exit 0"' 'try -c "echo >/dev/shm/sem.left; exit 1"; fails 1 ...' \
    'start -c "exec 5</etc/passwd; exec sleep 60"; eventually sleeps "$pid"; finish KILL; ended "signal 9"' \
    'try -c "exit 0"; ended "exit 0"'
  verdicts failed failed failed failed failed failed failed failed failed passed
}

@test "a crash is what the student reads first, and no other hint" {
  checks 'start -c "kill -SEGV \$\$"; becomes attachments 1 false -- "*=shmget makes a segment, only shmat attaches it"'
  verdicts failed
  says ended "killed by SIGSEGV"
  says likely "it crashed"
  run ! says likely shmat
}

@test "kill(-1) from a program ends its check, by name, and nothing outside; the next checks have verdicts" {
  [ "$(bwrap --dev-bind / / --unshare-pid --unshare-ipc echo yes)" = yes ] || skip "no namespaces here"
  sleep 300 3>&- &
  local other=$!
  checks 'try -c "exit 0"; ended "exit 0"' 'try -c "exec perl -e \"kill TERM => -1; sleep 9\""; ended "exit 0"' \
    'try -c "exec perl -e \"kill KILL => -1; sleep 9\""; ended "exit 0"' 'try -c "exit 0"; ended "exit 0"'
  verdicts passed failed failed passed
  jq -se 'all(.[1:3][].evidence[]; .key != "likely" or (.text | contains("kill(-1")))' <<<"$records"
  kill "$other"
}

@test "supervise says what signalled it, and is not ended by it" {
  checks 'try -c "kill -TERM \$PPID; exit 0"; [ "$end $hit" = "exit 0 15" ]; ended "exit 0"'
  verdicts failed
  says kernel "it sent SIGTERM to the process that runs it"
  checks 'try -c "kill -KILL \$PPID; sleep 60"; ended "exit 0"'
  verdicts failed
  says program "killed supervise"
}

@test "a signal to its own process group hits the bystander in it; a fork loop is ended" {
  checks 'try -c "trap : TERM; kill -TERM 0; exit 0"; [ "$end $hit" = "exit 0 15" ]; ended "exit 0"'
  verdicts failed
  says likely "kill(0, ...)"
  checks 'try -c "i=0; while [ \$i -lt 900 ]; do i=\$((i+1)); sleep 60 & done; wait"; ended "exit 0"'
  verdicts failed
  says program "started more than 500 processes"
}

@test "signals_from: a flag that is looked at before the wait is not enough; nor a result after the signal" {
  local look='select undef, undef, undef, $ARGV[0] unless $came' handlers='$SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub'
  sweep() { printf '%s\n' 'requires strace; RUN_TIMEOUT=1' "signals_from 'p?select6?' '$1' ./sh -c 'PERL_SIGNALS=unsafe exec perl -e \"\$0\" \"\$1\"' ${2@Q} @"; }
  checks "$(sweep "exit 0" "$handlers { exit 0 }; $look")" "$(sweep "exit 0" "$handlers { \$came = 1 }; $look")" \
    "$(sweep "exit 1" "$handlers { exit 1 }; $look; print qq(5\n)")" "$(sweep "exit 1" "$handlers { print qq(5\n); exit 1 }; $look")"
  verdicts passed failed passed failed
  says ran "comes just before"
  says expected "no more than 0 lines on stdout"
}

@test "limits of strace are not the program's: a long trace, a child that outlives the program" {
  checks 'requires strace; OUTPUT_LIMIT=64 traced -- -c "i=0; while [ \$i -lt 3000 ]; do i=\$((i+1)); cd /; done"; ended "exit 0"' \
    'requires strace; RUN_TIMEOUT=1 traced -- -c "sleep 60 & exit 3"; [ "$end $left" = "exit 3 1" ]'
  verdicts passed passed
}

@test "near takes numbers within the tolerance, and hints at the nearest one; text is no number" {
  checks 'near RSS 1000 10 990 1010; near RSS 1000 10 _ 1000; near RSS -5 0 -5 _'
  verdicts passed
  says kernel "RSS 990"
  checks 'near RSS 1000 10 1000 502 "0=none" "500=half" "510=a little more"'
  says expected "RSS 1000, give or take 10"
  says likely half
  checks 'near RSS 1000 10 1000 700 "500=half"'
  run ! says likely ""
  checks 'near RSS 1000 10 1000 "x[\$(touch $BATS_FILE_TMPDIR/../run)]" "500=half"' # data is never code
  verdicts failed
  [ ! -e "$BATS_FILE_TMPDIR/../run" ]
}

@test "shape takes what varies, keeps it by name, and refuses everything else" {
  mkdir expected
  printf 'ID: <int:id>\nKey: <hex:key>.\n' >expected/a.txt
  local wrong bodies=("try -c \"printf 'ID: 12\\nKey: 0x1f.'\"; shape a.txt")
  for wrong in "ID: 12" "ID: 12\\nKey: 0x1f" "ID: x\\nKey: 0x1f." "ID: 12\\nKey: 0x1F." " ID: 12\\nKey: 0x1f." \
    "ID: 12\\nKey: 0x1f.\\nmore" "ID: 12\\000\\nKey: 0x1f." "" "ID: 12\\nKey: 1f."; do
    bodies+=("try -c \"printf '$wrong\\n'\"; shape a.txt")
  done
  checks 'try -c "echo ID: 12; echo Key: 0x1f."; shape a.txt; [ "${said[id]} ${said[key]}" = "12 0x1f" ]' "${bodies[@]}"
  verdicts passed failed failed failed failed failed failed failed failed failed failed
  says expected "line 2: Key: 0x<hex>."
  says differs "0x and hex digits wanted, '1f.' found"
}

@test "shape shows a hint by pattern, compares what follows after N lines, and blames no buffer for an error" {
  mkdir expected
  printf '... 2 lines\nlast <int:n>\n' >expected/b.txt
  checks 'try -c "echo a; echo b; echo last 5"; shape b.txt; [ "${said[n]}" = 5 ]' \
    'try -c "echo a; echo b; echo last five"; shape b.txt "last [a-z]*=in digits"'
  verdicts passed failed
  says likely "in digits"
  says program "line 3: last five"
  checks 'WAIT_TIMEOUT=1 start -c "echo no such key >&2; sleep 60"; eventually test -s "$run.err"; shape b.txt'
  says stderr "no such key"
  run ! says likely buffer
}

@test "same: the kernel's word, then the program's; '_' is not asked, '-' is a value" {
  local bad bodies=()
  for bad in "1 0 1" "1 1 0" "1 _ 0" "1 0 _" "locked - locked" "1 '' 1"; do
    bodies+=("same n $bad '0=a zero' '*=something else'")
  done
  checks 'same n 1 1 1; same n 1 _ 1; same n 1 1 _; same n - - -' "${bodies[@]}" "same n 1 0 1 '0=a zero'"
  verdicts passed failed failed failed failed failed failed failed
  says likely "a zero"
}

@test "becomes waits for the kernel's word; eventually gives up, and at once when the program has ended" {
  checks 'n=0; count() { value=$((++n)); }; becomes n 3 count' 'becomes n 0 count 2>/dev/null || [ $verdict = failed ]' \
    'start -c "exit 0"; WAIT_TIMEOUT=60; began=$SECONDS; if eventually false; then return 1; fi; ((SECONDS - began < 20))'
  verdicts passed passed passed
}

@test "requires: an unknown word is a fault of the check, a missing tool a skip with its remedy" {
  checks 'requires strice' 'can_strace() { false; }; requires strace'
  verdicts broken skipped
  says reason "needs strace"
}

@test "a trace or a sweep that does not say requires strace is broken, also after a check that says it" {
  checks 'requires strace; traced -- -c "exit 0"; ended "exit 0"' 'traced -- -c "exit 0"' 'errors_at openat ./sh -c "exit 0"'
  verdicts passed broken broken
}

@test "a broken check names its own line" {
  checks 'try -c "exit 0"
    ended "exit 0"
    [ 1 = 2 ]
    ended "exit 0"' 'no_such_verb'
  verdicts broken broken
  [ "$(jq -rs '.[0].evidence[-1].text' <<<"$records")" = "lab09-test/checks.bats, line 5" ]
}

@test "a file of checks that is wrong itself is broken; its own setup is refused" {
  checks 'if then'
  verdicts broken
  mkdir -p tree/grader tree/lab09-test && touch tree/lab09-test/README.md
  cp "$GRADER/list" tree/grader
  printf 'source x\nsetup() {\n  :\n}\n@test "1.1 a [1]" {\n  :\n}\n' >tree/lab09-test/checks.bats
  run -2 tree/grader/list lab09-test
  has "$output" "list: lab09-test/checks.bats:2: its own setup"
}

@test "what a program says cannot end a note, nor smuggle in another; a record that it writes is a failure" {
  checks $'wrong program $\'a\\n"},{"key":"forged\\e[31m\\\\\''
  verdicts failed
  [ "$(jq '.evidence | length' <<<"$records")" -eq 3 ]
  hasnt "$records" $'\e'
  checks 'sed "s/}$/,\"points\":1,\"verdict\":\"passed\",\"seconds\":0,\"evidence\":[]}/" "$LAB_DIR/checks.jsonl" >>"$LAB_DIR/records"; wrong expected x'
  verdicts failed
}

@test "ipc_left sees what a run made, and nothing that was there" {
  local other
  other=$(perl -e 'print shmget(0x4243, 100, 01600)')
  checks 'launch perl -e "print shmget(0x4244, 100, 01600)"; finish; ipc_left
    [ "${#objects[@]} ${objects[0]}" = "1 shm $stdout" ]; ipc_clear; ipc_left; [ "${#objects[@]}" = 0 ]'
  ipcrm -m "$other"
  verdicts passed
}

@test "drawn values differ from seed to seed, and keep to their range" {
  checks 'for i in {1..200}; do pick n 3 7; ((n >= 3 && n <= 7)); seen[n]=1; done; [ "${!seen[*]}" = "3 4 5 6 7" ]'
  verdicts passed
}

@test "supervise: a command that is not there, a status file that cannot be" {
  checks 'launch /no/such/command; finish; [ "$end" = "exit 127" ]'
  verdicts passed
  run -2 "$BATS_FILE_TMPDIR/grader/lib/supervise" /no/such/dir/status 1 1 true
}
