# Extended TAP of bats (raw lines) -> one result per check, as soon as it is known. The schema is
# Gradescope's `tests[]`; what we add stands under extra_data. A check that bats did not come to,
# because it did not build or bats was ended, has failed.
#   $lab, $seed   as they stand in the result
#   $titles       the checks that were asked for, a line each
#   $where        "in the lab VM", or "" on this machine
#   $absent       why one of them is missing

def title: capture("^(?<number>[0-9]+\\.[0-9]+) (?<text>.*) \\[(?<points>[0-9]+)\\]$");

def result:
  (.name | title) as $t
  | ($t.points | tonumber) as $points
  | .skipped as $skipped
  | { name: "\($t.number) \($t.text)",
      number: $t.number,
      score: (if .ok and $skipped == null then $points else 0 end),
      max_score: (if $skipped == null then $points else 0 end) }
    + (if $skipped == null then { status: (if .ok then "passed" else "failed" end) } else {} end)
    + { output: (if $skipped != null then "skipped: \($skipped)"
                 else [.notes[] | "\(.key + "          " | .[:10])\(.text)"] | join("\n") end),
        tags: [$lab, "task \($t.number | split(".")[0])"],
        extra_data: { lab: $lab, task: ($t.number | split(".")[0] | tonumber), points: $points,
                      seed: $seed, where: $where, skipped: $skipped, evidence: .notes } };

def start: { name: ., ok: false, skipped: null, notes: [] };
def note($key; $text): .current.notes += [{ key: $key, text: $text }];

foreach (inputs, null) as $line (
  { current: null, seen: [], done: [] };

  .done = []
  | if $line == null then
      .done = [.current // empty]
        + [ (($titles | split("\n")) - .seen)[] | start | .notes = [{ key: "likely", text: $absent }] ]
    elif $line | startswith("begin ") then
      .done = [.current // empty]
      | .current = ($line | sub("^begin [0-9]+ "; "") | start)
      | .seen += [.current.name]
    elif .current == null then .
    elif $line | startswith("ok ") then
      .current.ok = true
      | .current.skipped = ($line | capture("# skip (?<why>.*)$").why // null)
    elif $line | startswith("#: ") then
      ($line[3:] | capture("^(?<key>[^ ]+) (?<text>.*)$")) as $n | note($n.key; $n.text)
    elif ($line | startswith("# ")) and (.current.notes | any(.key == "again") | not) then
      note("check"; $line[2:]) # a check that broke, not one that failed: bats' own words
    else . end;

  .done[] | result)
