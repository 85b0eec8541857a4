# Results -> the lines that a person reads, 80 columns wide.   $color  "yes" or ""

def paint($code): if $color == "" then . else "\u001b[\($code)m\(.)\u001b[0m" end;
def pad($n): . + " " * ([$n - length, 0] | max);
def left($n): " " * ([$n - length, 0] | max) + .;

# Puts words into lines; a word that is too long for a line stays whole.
def lines($width; words):
  reduce words as $word ([""];
    if .[-1] == "" then .[-1] = $word
    elif (.[-1] | length) + 1 + ($word | length) <= $width then .[-1] += " " + $word
    else . + [$word] end);

def block($head; $text; $indent):
  $head + (lines(80 - $indent; $text | splits(" +")) | join("\n" + " " * $indent));
# The same for a command, so that it can be pasted: never broken between quotes.
def command($head; $text; $indent):
  $head + (lines(78 - $indent; $text | scan("(?:'[^']*'|[^' ])+")) | join(" \\\n" + " " * $indent));

def check:
  .extra_data as $x
  | if $x.skipped != null then
      block("SKIP   -/\($x.points)" | pad(13); .name; 13),
      block(" " * 13 + "skipped   "; $x.skipped; 23)
    elif .status == "passed" then
      block(("PASS" | paint("32")) + ("\(.score)/\(.max_score)" | left(6) | pad(9)); .name; 13)
    else
      block(("FAIL" | paint("31;1")) + ("\(.score)/\(.max_score)" | left(6) | pad(9)); .name; 13),
      ($x.evidence[]
       | (" " * 13 + (.key | pad(10))) as $head
       | if .key == "ran" then command($head; .text; 23) else block($head; .text; 23) end)
    end;
