#!/usr/bin/env bash
# plot.sh - draw VSZ and RSS over the steps of ./memory: here as text, and in plot.svg
#
# Usage: bash plot.sh [STEP...]      (malloc read write:50 write dontneed:50 free)
# Beside them stand the figures of the report that this lab comes from: a Python with and without a
# string of 250 MiB.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
[[ -x ./memory ]] || {
  echo "plot.sh: no ./memory: run make first" >&2
  exit 1
}
command -v gnuplot >/dev/null || {
  echo "plot.sh: no gnuplot: make setup, or apt-get install gnuplot-nox" >&2
  exit 1
}
[[ $# -gt 0 ]] || set -- malloc read write:50 write dontneed:50 free

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
./memory --csv "$@" >"$work/steps.csv"
# the report's two figures, where they belong: at the start, and at the step that has most
awk -F, '$3 > most { most = $3; at = NR - 2 } END { print "0,9472"; print at ",265472" }' \
  <(sed 's/step,.*/step,pid,0/' "$work/steps.csv") >"$work/report.csv"

# draw TERMINAL: as gnuplot's terminal does
draw() {
  gnuplot <<GNUPLOT
    set terminal $1
    set datafile separator ","
    set ylabel "MiB"
    set yrange [0:*]
    set xtics rotate by -30
    set key outside bottom center horizontal width 3
    set grid ytics
    plot "$work/steps.csv" using 0:(\$4/1024):xtic(1) skip 1 with linespoints title "VSZ", \
      "" using 0:(\$3/1024) skip 1 with linespoints title "RSS", \
      "$work/report.csv" using 1:(\$2/1024) with points pointsize 2 title "RSS of the report"
GNUPLOT
}

draw "dumb 79 24" | sed 's/ *$//'
draw "svg size 800,480 background 'white'" >plot.svg
awk -F, '
  NR == 2 { rss = $3; vsz = $4 }
  NR > 1 { if ($3 - rss > most) most = $3 - rss; if ($4 - vsz > wide) wide = $4 - vsz }
  END {
    printf "%-36s %8s %8s %8s\n", "KiB", "without", "with", "more"
    printf "%-36s %8d %8d %8d\n", "RSS of the report (Python)", 9472, 265472, 256000
    printf "%-36s %8d %8d %8d\n", "RSS here (C)", rss, rss + most, most
    printf "%-36s %8d %8d %8d\n", "VSZ of the report (Python)", 17260, 273268, 256008
    printf "%-36s %8d %8d %8d\n", "VSZ here (C)", vsz, vsz + wide, wide
  }' "$work/steps.csv"
echo "The same as a picture: lab03-vsz-rss/plot.svg"
