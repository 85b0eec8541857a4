# results.json -> the score by lab and task.
include "terminal";

def points($t): "\([$t[].score] | add)/\([$t[].max_score] | add)";

(.extra_data.labs | map(.name | length) | max + 2) as $width
| .tests as $all
| (.extra_data.labs[]
   | .name as $lab
   | [$all[] | select(.extra_data.lab == $lab)] as $tests
   | block($lab | pad($width);
       if .state == "not there yet" then .state
       else (points($tests) | pad(9))
         + ([$tests | group_by(.extra_data.task)[] | "\(.[0].extra_data.task):\(points(.))"] | join("  "))
         + ([$tests[] | select(.extra_data.where != "") | .max_score] | add // 0
            | if . == 0 then "" elif . == ([$tests[].max_score] | add) then "  (in the lab VM)" else "  (\(.) points in the lab VM)" end)
       end; $width)),
  ([$all[] | select(.extra_data.skipped != null)]
   | group_by(.extra_data.skipped)[]
   | block("not here" | pad($width);
       "\([.[].extra_data.points] | add) points, they need \(.[0].extra_data.skipped | ltrimstr("needs "))"; $width)),
  ("total" | pad($width)) + points($all) + "   (SEED=\(.extra_data.seed) repeats these inputs)"
