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
