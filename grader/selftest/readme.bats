#!/usr/bin/env bats
# What the top README promises. The labs' own READMEs are tested with the labs.
bats_require_minimum_version 1.5.0
# shellcheck source=grader/selftest/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

@test "the top README: its two commands are those that CI runs on a fresh machine" {
  grep -q '^sh grader/setup && make lab02$' "$TREE/README.md"
  grep -q '^make check selftest$' "$TREE/README.md"
}

@test "every make target that the READMEs name exists" {
  local target
  grep -ohE '`make [a-z0-9-]+' "$TREE"/README.md "$TREE"/lab0*/README.md "$TREE/grader/README.md" |
    cut -c7- | sort -u >targets
  make -C "$TREE" -pq >known || true
  while read -r target; do
    echo "$target"
    grep -qE "^([a-z0-9 -]+ )?$target( [a-z0-9 -]+)?:" known
  done <targets
}
