#!/usr/bin/env bash
# plot.sh - draw VSZ and RSS over the steps of ./memory: here as text, and in plot.svg
#
# Usage: bash plot.sh [STEP...]      (malloc read write:50 write dontneed:50 free)
# Beside them stand the figures of the report that this lab comes from: a Python with and without a
# string of 250 MiB.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
[[ -x ./memory ]] || { echo "plot.sh: no ./memory: run make first" >&2 && exit 1; }
command -v gnuplot >/dev/null ||
  { echo "plot.sh: no gnuplot: make setup, or apt-get install gnuplot-nox" >&2 && exit 1; }
[[ $# -gt 0 ]] || set -- malloc read write:50 write dontneed:50 free

steps=$#
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
./memory "$@" >"$work/steps"
# the report's two figures, where they belong: at the start, and at the step that has most
awk 'NR > 1 && $3 > most { most = $3; at = NR - 2 } END { print 0, 9472; print at, 265472 }' \
  "$work/steps" >"$work/report"

# draw TERMINAL: as gnuplot's terminal does
draw() {
  gnuplot <<GNUPLOT
    set terminal $1
    set ylabel "MiB"
    set xrange [-0.4:$steps.4]
    set yrange [-20:*]
    set xtics rotate by -30
    set key outside bottom center horizontal width 3
    set grid ytics
    plot "$work/steps" using 0:(\$2/1024):xtic(1) skip 1 with linespoints title "VSZ", \
      "" using 0:(\$3/1024) skip 1 with linespoints title "RSS", \
      "$work/report" using 1:(\$2/1024) with points pointsize 2 title "RSS of the report"
GNUPLOT
}

draw "dumb 79 17" | sed 's/ *$//'
draw "svg size 800,480 background 'white'" >plot.svg
awk '
  function row(what, without, with) { printf "%-28s %8d %8d %8d\n", what, without, with, with - without }
  NR == 2 { vsz = wide = $2; rss = most = $3 }
  NR > 2 { if ($2 > wide) wide = $2; if ($3 > most) most = $3 }
  END {
    printf "%-28s %8s %8s %8s\n", "KiB", "without", "with", "more"
    row("RSS of the report (Python)", 9472, 265472)
    row("RSS here (C)", rss, most)
    row("VSZ of the report (Python)", 17260, 273268)
    row("VSZ here (C)", vsz, wide)
  }' "$work/steps"
echo "The same as a picture: lab03-vsz-rss/plot.svg"
