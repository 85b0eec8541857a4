# results.json -> the score by lab and task.
include "terminal";

def points($t): "\([$t[].score] | add)/\([$t[].max_score] | add)";

(.extra_data.labs | map(.name | length) | max) as $width
| .tests as $all
| (.extra_data.labs[]
   | .name as $lab
   | [$all[] | select(.extra_data.lab == $lab)] as $tests
   | ($lab | pad($width)) + "  "
     + if .state != "graded" then .state
       else (points($tests) | pad(9))
         + ([$tests | group_by(.extra_data.task)[] | "\(.[0].extra_data.task): \(points(.))"] | "tasks " + join("  "))
       end),
  ([$all[] | select(.extra_data.skipped != null)]
   | group_by(.extra_data.skipped)[]
   | block("note   "; "\([.[].extra_data.points] | add) points could not be graded here: \(.[0].extra_data.skipped)"; 7)),
  ("total" | pad($width)) + "  " + points($all) + "   SEED=\(.extra_data.seed)"
