# shellcheck shell=bash
# What the grader's own tests share. They run on the tree that they are in.

TREE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
GRADE=$TREE/grader/grade
PATH=${PATH//"$BATS_LIBEXEC:"/} # where bats puts its inner parts, which the bats of grade must not meet

setup() {
  cd "$BATS_TEST_TMPDIR" || return
}

# result OPTION... FILTER: asks the results in out/ by jq.
result() { jq -r "$@" "$BATS_TEST_TMPDIR/out/results.json"; }

# graded ARGUMENT...: runs grade into out/, keeps its status and its report.
graded() {
  # shellcheck disable=SC2034 # for the tests
  status=0
  # shellcheck disable=SC2034
  report=$("$GRADE" --out "$BATS_TEST_TMPDIR/out" "$@" 2>&1) || status=$?
}

# has TEXT PART: the text contains the part; prints the text when not.
has() { [[ $1 == *"$2"* ]] || { printf 'no "%s" in:\n%s\n' "$2" "$1" && return 1; }; }
hasnt() { [[ $1 != *"$2"* ]] || { printf 'there is "%s" in:\n%s\n' "$2" "$1" && return 1; }; }

# ---- what holds for every lab; each lab's file of tests asks it of its own ------------------------

# full_marks LAB: the reference gets 100 of 100, and exit status 0.
full_marks() {
  graded "$1"
  echo "$report"
  [ "$status" -eq 0 ]
  [ "$(result '"\(.score)/\(.extra_data.max_score)"')" = 100/100 ]
}

# handout_agrees LAB: the points sum to 100 and to those of the handout; each check stands there and
# fits on a line of 80 columns.
handout_agrees() {
  local promised title
  run awk -F'[][]' '/^@test/ { split($0, word, /[".]/); points[word[2]] += $(NF - 1); all += $(NF - 1) }
    END { for (t = 1; t in points; t++) printf "%d:%d ", t, points[t]; print all }' "$TREE/$1/checks.bats"
  promised=$(sed -nE 's/^## Task ([0-9]): .*\(([0-9]+) points\)$/\1:\2/p' "$TREE/$1/README.md" | tr '\n' ' ')
  echo "checks: $output, handout: $promised"
  [ "$output" = "${promised}100" ]
  sed -n 's/^@test "\(.*\) \[.*/\1/p' "$TREE/$1/checks.bats" >titles
  while read -r title; do
    echo "$title"
    [ ${#title} -le 67 ]
    grep -q "^\* ${title%% *} " "$TREE/$1/README.md"
  done <titles
}

# starter_fails LAB: the untouched starter compiles without a warning and gets 0 on every check; each
# says what was run, what is expected and where to read.
starter_fails() {
  "$TREE/grader/handout"
  cp -r "$TREE/build/handout" students
  make -C "students/$1" >log 2>&1
  cat log
  run ! grep -q warning log
  graded --submission students "$1"
  echo "$report"
  [ "$status" -eq 1 ]
  [ "$(result '[.tests[] | select(.status != "failed")] | length')" -eq 0 ]
  [ "$(result '.extra_data.max_score')" -eq 100 ]
  result '.tests[] | [.number, (.extra_data.evidence | map(.key) | (["ran", "expected", "read", "again"] - .))[]] | @tsv' >lacking
  cat lacking
  [ "$(awk 'NF > 1' lacking)" = "" ]
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
  looks=$(($(grep -cE '^  look$|sleep "\$PAUSE" &&' "$TREE/$1/demo.sh") * 3))
  echo "$looks s of pauses, and $((SECONDS - began)) s"
  [ $((looks + SECONDS - began)) -le 60 ]
  PAUSE=0 run -2 bash "$TREE/$1/demo.sh" nonsense
}

# sessions_are_true LAB: the commands in the ```console blocks of its handout print what stands there;
# the sed commands on stdin make equal, on both sides, what differs from machine to machine.
sessions_are_true() {
  local own="" command
  cat >alike.sed
  make -s -C "$TREE/$1"
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
  # other people's segments are not in the sessions
  ! unshare --ipc true 2>/dev/null || own="unshare --ipc"
  LC_ALL=C $own bash script >got 2>&1 3>&-
  diff -u <(sed -Ef alike.sed said) <(sed -Ef alike.sed got)
}
