#!/usr/bin/env bats
# The checks of lab03, task by task; each title is a promise of README.md, with its points.
# The verbs (start, finish, near, wrong ...) are in grader/lib/checks.bash.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"
all_require smaps

RUN_TIMEOUT=20      # a run stops at each step
OUTPUT_LIMIT=102400 # the step `file` writes one
PAGE=$(($(getconf PAGESIZE) / 1024))
declare -gA told   # what the program says: told[LINE.HEADING]; line 1 is that of "start"
declare -gA kernel # what the kernel says at that stop: kernel[LINE.KEY], as /proc/PID/* call it

# How far two numbers may be apart that should agree, in KiB.
ROLLUP=128    # resident, by smaps_rollup, which counts page by page: libraries' pages, a small array
COUNTERS=1024 # resident, told and true: counters lag (stat today, statm and status before Linux 6.2),
#              and pages of its own code come to a new program or child while it prints
HEAP=132    # virtual: opening a file may enlarge the heap by so much
HEADER=2100 # virtual: a header or alignment may make a mapping larger than asked, never smaller
FORKED=256  # of a fork: other pages that parent and child share
FAULTS=64   # minor faults: printing takes some

# size: sets mib, how much memory the runs get; kib and pages, the same. Less on small machines.
size() {
  if awk '/^MemAvailable/ { exit $2 < 1048576 }' "${MEMINFO:-/proc/meminfo}"; then
    pick mib 20 40
  else
    pick mib 8 12
  fi
  kib=$((mib * 1024)) pages=$((mib * 1024 / PAGE))
}

# ours PID: it is the program of the last run, or a child of it.
ours() {
  [[ $1 == "$pid" || " $(cat "/proc/$pid/task/$pid/children" 2>/dev/null) " == *" $1 "* ]]
}

# observe LINE PID: keeps in kernel[LINE.*] what the kernel says of the process.
observe() {
  local key value rest
  while read -r key value rest; do
    [[ ! $value =~ ^[0-9]+$ ]] || kernel[$1.${key%:}]=$value
  done < <(cat "/proc/$2/status" "/proc/$2/smaps_rollup")
  read -r rest <"/proc/$2/stat"
  read -r _ _ _ _ _ _ _ value _ <<<"${rest##*) }"
  kernel[$1.minflt]=$value
  kernel[$1.uss]=$((kernel[$1.Private_Clean] + kernel[$1.Private_Dirty]))
  : "${kernel[$1.Pss_Anon]:=${kernel[$1.Pss]}}" # which is there since Linux 5.9
}

# walk ARGUMENT...: runs the program from stop to stop, to its end. At each stop it keeps what the new
# lines say and what the kernel says of their processes, and calls $at_stop LINE PID, if that is set.
walk() {
  local -a text heading word stopped
  local i seen=1
  start --mib "$mib" --long --stop "$@"
  told=() kernel=()
  until over; do
    nap 0.002
    mapfile -t text <"$run.out"
    read -ra word <<<"${text[seen]-}"
    # whose line comes first is the one that stops last
    [[ ${word[0]-} =~ ^[0-9]+$ ]] && ours "${word[0]}" && in_state T "${word[0]}" || continue
    mapfile -t text <"$run.out"
    read -ra heading <<<"${text[0]}"
    stopped=()
    for (( ; seen < ${#text[@]}; seen++)); do
      read -ra word <<<"${text[seen]}"
      [[ ${word[0]-} =~ ^[0-9]+$ ]] && ours "${word[0]}" || break 2
      for i in "${!heading[@]}"; do
        told[$seen.${heading[i]}]=${word[i]-}
      done
      observe "$seen" "${word[0]}"
      ${at_stop:-:} "$seen" "${word[0]}"
      stopped=("${word[0]}" "${stopped[@]}")
    done
    kill -CONT "${stopped[@]}" || :
  done
  finish
}

# told_of STEP...: each of these steps has its line, and each line says of VSZ and RSS what is true.
told_of() {
  local line=1 got="" before vsz rss step likely="" next
  while [[ -n ${told[$line.PID]-} ]]; do
    got+="${got:+ }${told[$line.STEP]}"
    ((++line))
  done
  if [[ $got != "$*" ]]; then
    next=${!line-}
    [[ "$* " != "$got "* ]] && likely="a step of the child is not the parent's too: skipping"
    [[ $end == "signal 11" ]] && likely="the memory has to be there, to read and write: which pages are in it after the step before?"
    [[ $end == "signal 6" ]] && likely="free looks for its header in front of the memory: the first whole page begins behind the start"
    [[ $next == exit ]] && likely="the last line is the parent's, which has waited for the child"
    wrong expected "the lines of $*" program "the lines of ${got:-(none)}; $(cause "$end")${next:+ in the step '$next'}" \
      stderr "$stderr" likely "$likely"
  fi
  for ((line = 1; line <= $#; line++)); do
    step="after ${!line}" before=$((line > 1 ? line - 1 : 1))
    vsz=${kernel[$line.VmSize]} rss=${kernel[$line.Rss]}
    within "${told[$line.VSZ]}" "$vsz" "$HEAP" ||
      near "VSZ $step" "$vsz" "$HEAP" "$vsz" "${told[$line.VSZ]}" "0=statm, or VmSize in status" \
        "$((vsz / PAGE))=statm counts pages" "$((vsz * 1024))=in KiB, not in bytes" "$rss=that is RSS" \
        "${kernel[$line.VmPeak]}=VmPeak is the largest it ever was; now is VmSize" \
        "${kernel[$before.VmSize]}=that was before the step: read it when you print it" \
        "${kernel[$line.VmData]}=VmData is a part of it: VmSize"
    within "${told[$line.RSS]}" "$rss" "$COUNTERS" ||
      near "RSS $step" "$rss" "$COUNTERS" "$rss" "${told[$line.RSS]}" "0=statm, or VmRSS in status" \
        "$((rss / PAGE))=statm counts pages" "$((rss * 1024))=in KiB, not in bytes" "$vsz=that is VSZ" \
        "${kernel[$before.Rss]}=that was before the step, or VmHWM, the largest ever: read VmRSS when you print it" \
        "${kernel[$line.RssAnon]}=RssAnon is a part of it: VmRSS" \
        "$((rss + vsz - ${kernel[$before.VmSize]}))=is that a guess? What the kernel gives, it gives later"
  done
}

# raised FROM TO WHAT BY TOLERANCE [NUMBER=HINT]...: between these lines the kernel counted so much more.
# WHAT is VSZ, RSS, "anonymous memory" (no file's), "its share" (each page divided by how many have it),
# "private memory" (written, and shared with nobody) or "minor faults".
raised() {
  local -A keys=([VSZ]=VmSize [RSS]=Rss ["anonymous memory"]=Anonymous ["its share"]=Pss_Anon
    ["private memory"]=Private_Dirty ["minor faults"]=minflt)
  local key=${keys[$3]}
  near "$3 from '${told[$1.STEP]}' to '${told[$2.STEP]}' changes by" "$4" "$5" $((kernel[$2.$key] - kernel[$1.$key])) _ "${@:6}"
}

# got FROM TO: the step has got what was asked: VSZ rises by that, and hardly more.
got() {
  local more=$((kernel[$2.VmSize] - kernel[$1.VmSize]))
  ((more >= kib - HEAP && more <= kib + HEADER)) ||
    raised "$1" "$2" VSZ $((kib + HEADER / 2)) $((HEADER / 2)) "0=no memory was got" \
      "$((mib * 1000000 / 1024))=a MiB is 1024 * 1024 bytes"
}

# written FROM TO KIB PAGES: so much is resident now, each page by a fault of its own.
written() {
  local nothing="nothing is written; if your program does write, the compiler leaves it out: volatile"
  raised "$1" "$2" RSS "$3" "$ROLLUP" "0=$nothing" "$(($3 / 2))=each page once: steps of one page, not of two" \
    "$kib=PERCENT of the pages, not all"
  raised "$1" "$2" "anonymous memory" "$3" "$ROLLUP"
  raised "$1" "$2" "minor faults" "$4" "$FAULTS" "$((2 * $4))=write without reading first: a read maps the zero page, by a fault too"
}

# ---- task 1: VSZ and RSS --------------------------------------------------------------------------

@test "1.1 the line says what ps says of the program at the same moment [8]" {
  reads="proc(5) (statm, status), ps(1)"
  local user mem rss vsz
  start --stop sleep:0
  printed 2
  eventually in_state T "$pid" || wrong expected "with --stop it stops after a line" program "$(<"$run.out")"
  read -r user mem rss vsz < <(ps -o user:32=,%mem=,rss=,vsz= -p "$pid")
  observe 1 "$pid"
  kill -CONT "$pid"
  printed 3
  eventually in_state T "$pid" || :
  finish CONT
  sed -i 's/^ *//; s/  */ /g' "$run.out"
  shape lines.txt
  same PID "$pid" "$pid" "${said[pid]}"
  same USER "$user" "$user" "${said[user]}"
  near VSZ "$vsz" "$HEAP" "$vsz" "${said[vsz]}" "0=statm, or VmSize in status" "$((vsz / PAGE))=statm counts pages" \
    "$((vsz * 1024))=in KiB, not in bytes" "$rss=that is RSS" "${kernel[1.VmData]}=VmData is a part of it: VmSize"
  within "${said[rss]}" "$rss" $((COUNTERS / 2)) ||
    near RSS "$rss" $((COUNTERS / 2)) "$rss" "${said[rss]}" "0=statm, or VmRSS in status" "$((rss / PAGE))=statm counts pages" \
      "$((rss * 1024))=in KiB, not in bytes" "$vsz=that is VSZ" "${kernel[1.RssAnon]}=RssAnon is a part of it: VmRSS"
  near "%MEM, times ten" "${mem/./}" 1 "${mem/./}" "${said[mem]/./}"
  ended "exit 0"
}

@test "1.2 --pid: the same of another process; none there is an error [8]" {
  reads="proc(5) (statm, status)"
  local size kept other rss vsz
  pick size 3000 9000
  launch perl -e 'my $x = "x" x ($ARGV[0] << 10); kill STOP => $$' "$size"
  kept=$run other=$pid notes=()
  eventually in_state T "$other"
  observe 1 "$other"
  try --pid "$other"
  ended "exit 0"
  sed -i 's/^ *//; s/  */ /g' "$run.out"
  shape another.txt
  same PID "$other" "$other" "${said[pid]}"
  rss=${kernel[1.Rss]} vsz=${kernel[1.VmSize]}
  near VSZ "$vsz" 0 "$vsz" "${said[vsz]}" "0=statm, or VmSize in status" "$((vsz / PAGE))=statm counts pages" \
    "$((vsz * 1024))=in KiB, not in bytes" "$rss=that is RSS"
  within "${said[rss]}" "$rss" "$ROLLUP" || within "${said[rss]}" "${kernel[1.VmRSS]}" "$ROLLUP" ||
    near RSS "$rss" "$ROLLUP" "$rss" "${said[rss]}" "$((rss / PAGE))=statm counts pages" "$((rss * 1024))=in KiB, not in bytes" \
      "$vsz=that is VSZ" "${kernel[1.RssAnon]}=RssAnon is a part of it: VmRSS"
  finish "$kept" KILL
  try --pid "$other"
  refused "/proc/$other" "No such file or directory"
}

# ---- task 2: ask ----------------------------------------------------------------------------------

@test "2.1 malloc and calloc raise VSZ, not RSS [6]" {
  reads="malloc(3), mmap(2)"
  local how
  for how in malloc calloc; do
    size
    walk "$how"
    told_of start "$how"
    got 1 2
    raised 1 2 RSS 0 64 "$kib=who writes to it has it in RSS: task 3"
  done
}

@test "2.2 mmap raises VSZ; with MAP_POPULATE RSS too, at once [6]" {
  reads="mmap(2)"
  size
  walk mmap
  told_of start mmap
  got 1 2
  raised 1 2 RSS 0 64 "$kib=without MAP_POPULATE no page is there yet"
  walk populate write
  told_of start populate write
  got 1 2
  raised 1 2 RSS "$kib" "$ROLLUP" "0=MAP_POPULATE makes all pages at once, for writing too"
  raised 1 2 "anonymous memory" "$kib" "$ROLLUP" "0=private memory: MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE"
  raised 2 3 "minor faults" 0 "$FAULTS" "$pages=the pages have to be there before, for writing too"
}

@test "2.3 memory that is not to be had: an error, and exit 1 [4]" {
  reads="malloc(3), mmap(2) (ERRORS), getrlimit(2) (RLIMIT_AS)"
  local how call
  for how in malloc calloc mmap populate shared file; do
    one_of call 25 30 35
    as="prlimit --as=${call}000000" launch prlimit "--as=${call}000000" "$PROGRAM" --mib 60 "$how"
    finish
    [[ $how == ?alloc ]] && call=$how || call=mmap
    refused "$call" "Cannot allocate memory" "name the call: populate is mmap, too. malloc and calloc return NULL then, mmap MAP_FAILED, which is not NULL"
  done
}

# ---- task 3: write --------------------------------------------------------------------------------

@test "3.1 writing raises RSS by as much as is written: a page a fault [6]" {
  reads="mmap(2), proc(5) (smaps)"
  local how
  for how in malloc mmap; do
    size
    walk "$how" write write
    told_of start "$how" write write
    written 2 3 "$kib" "$pages"
    raised 2 3 VSZ 0 "$HEAP"
    raised 3 4 RSS 0 "$ROLLUP" "$kib=the second time it has to be the same pages"
    raised 3 4 "minor faults" 0 "$FAULTS"
    ended "exit 0"
  done
}

@test "3.2 a part of the pages, then all of them [4]" {
  reads="sysconf(3) (_SC_PAGESIZE)"
  local part count
  size
  pick part 20 45
  count=$((pages * part / 100))
  walk calloc "write:$part" write
  told_of start calloc "write:$part" write
  written 2 3 $((count * PAGE)) "$count"
  written 3 4 $((kib - count * PAGE)) $((pages - count))
}

# layout LINE PID: how the pages lie that are there after the first step. Sets present, how many they are, in
# the first and the last part of the memory, and in how many runs of neighbours: pagemap in proc(5).
layout() {
  [[ ${told[$1.STEP]} == [rw]*:* ]] || return 0
  read -r present first last runs < <(perl -e '
    my ($pid, $page, $part) = @ARGV;
    my ($from, $to, $all, $first, $last, $runs, $before, $n) = (0) x 8;
    open my $maps, "<", "/proc/$pid/maps";
    while (<$maps>) { ($from, $to) = (hex $1, hex $2) if /^(\w+)-(\w+) rw/ and hex($2) - hex($1) > $to - $from }
    my $pages = ($to - $from) / $page;
    open my $map, "<:raw", "/proc/$pid/pagemap";
    sysseek $map, $from / $page * 8, 0;
    sysread $map, my $entries, $pages * 8;
    for (unpack "Q<*", $entries) {
      my $there = $_ >> 63;
      $all += $there;
      $first += $there if $n < $pages * ($part + 1) / 100;
      $last += $there if $n >= $pages * (99 - $part) / 100;
      $runs++ if $there and not $before;
      $before = $there;
      $n++;
    }
    print "$all $first $last $runs\n"' "$2" $((PAGE * 1024)) "$part")
}

@test "3.3 --order: up from the first page, down from the last, random [5]" {
  reads="proc(5) (pagemap)"
  local part count order step where present first last runs
  pick part 20 45
  for order in "up write" "down read" "random write" "random read"; do
    read -r order step <<<"$order"
    size
    if [[ $order == random ]]; then # a number of pages with many divisors: not every stride reaches all of them
      ((mib >= 20)) && mib=26.25 kib=26880 || mib=13.125 kib=13440
      pages=$((kib / PAGE))
    fi
    count=$((pages * part / 100)) present=0 first=0 last=0 runs=0
    at_stop=layout walk --order "$order" mmap "$step:$part" "$step"
    told_of start mmap "$step:$part" "$step"
    near "--order $order: pages touched" "$count" 16 "$present" _ "0=no page is touched" "$pages=PERCENT of the pages, not all" \
      "$((present > 0 && present < count ? present : -1))=each page once: a page that comes twice is one page"
    where="$first of $present pages in the first $part %, $last in the last $part %, runs of neighbours: $runs (pagemap)"
    case $order in
    up) ((first >= count * 95 / 100)) ;;
    down) ((last >= count * 95 / 100)) ;;
    random) ((first * 200 >= count * part && last * 200 >= count * part && runs >= count / 32)) ;;
    esac || wrong expected "--order $order: the pages $(
      case $order in up) echo "from the first on" ;; down) echo "from the last one down" ;; *) echo "all over the memory" ;; esac
    )" kernel "$where" likely "up: 0, 1, 2 ...; down: the last one first; random: each page once, in no order"
    note kernel "--order $order: $where"
    raised 3 4 "minor faults" $((pages - count)) "$FAULTS" "0=each page once: the second step touches them all"
  done
}

@test "3.4 MINFL is the count of minor faults, in --csv too [3]" {
  reads="proc(5) (stat)"
  local line other kept word
  size
  walk malloc write
  told_of start malloc write
  for line in 1 2 3; do
    near "minor faults after '${told[$line.STEP]}'" "${kernel[$line.minflt]}" "$FAULTS" "${kernel[$line.minflt]}" "${told[$line.MINFL]}" \
      "0=minflt in stat" "4194304=that is flags, the field before" "${kernel[$((line > 1 ? line - 1 : 1)).minflt]}=that was before the step"
  done
  launch perl -e 'my $x = "x" x 9e6; kill STOP => $$'
  other=$pid kept=$run
  eventually in_state T "$other"
  observe 4 "$other"
  try --long --pid "$other"
  read -ra word < <(tail -n 1 "$run.out")
  near "MINFL with --pid" "${kernel[4.minflt]}" 0 "${kernel[4.minflt]}" "${word[7]-}" \
    "${word[7]-0}=getrusage tells of its own process; /proc/PID/stat of any"
  finish "$kept" KILL
  cp "$PROGRAM" "./a b) c" # a name to be read with care
  launch "./a b) c" --mib "$mib" --csv malloc write
  note ran "cp memory 'a b) c'; './a b) c' --mib $mib --csv malloc write"
  finish
  ended "exit 0" "minflt comes after the name, which may hold ' ' and ')': search for the last ')'"
  shape csv.txt
  near "minor faults of a program named 'a b) c'" "$pages" "$FAULTS" _ $((said[faults] - said[faults_start])) \
    "0=minflt comes after the name, which may hold ' ' and ')': search for the last ')'"
  near "RSS in --csv: +" "$kib" "$COUNTERS" _ $((said[rss] - said[rss_start]))
}

# ---- task 4: read ---------------------------------------------------------------------------------

@test "4.1 reading maps the zero page: a fault a page, no memory [6]" {
  reads="mmap(2), proc(5) (smaps)"
  local how nothing="nothing is read; if your program does read, the compiler leaves it out: volatile"
  one_of how malloc mmap calloc
  size
  walk "$how" read write
  told_of start "$how" read write
  raised 2 3 "minor faults" "$pages" "$FAULTS" "0=$nothing" "$((pages / 2))=each page once: steps of one page, not of two"
  raised 2 3 RSS 0 "$ROLLUP" "$kib=that is written, not read"
  written 3 4 "$kib" "$pages"
}

@test "4.2 shared memory has no zero page: what is read is resident [4]" {
  reads="mmap(2) (MAP_SHARED, MAP_ANONYMOUS)"
  local part count
  size
  pick part 30 70
  count=$((pages * part / 100))
  walk shared "read:$part" write
  told_of start shared "read:$part" write
  got 1 2
  raised 1 2 RSS 0 "$ROLLUP"
  raised 2 3 "minor faults" "$count" "$FAULTS" "0=nothing is read; if your program does read, the compiler leaves it out: volatile"
  raised 2 3 RSS $((count * PAGE)) "$ROLLUP" "0=is it private memory? MAP_SHARED | MAP_ANONYMOUS"
  raised 2 3 "anonymous memory" 0 "$ROLLUP" "$((count * PAGE))=is it private memory? MAP_SHARED | MAP_ANONYMOUS"
  raised 3 4 "anonymous memory" 0 "$ROLLUP" "$kib=is it private memory? MAP_SHARED | MAP_ANONYMOUS"
}

@test "4.3 a file: read, its pages are resident; written, they are copied [6]" {
  reads="mmap(2) (MAP_PRIVATE)"
  local part count
  size
  pick part 30 70
  count=$((pages * part / 100))
  walk file read "write:$part"
  told_of start file read "write:$part"
  got 1 2
  raised 1 2 RSS 0 "$ROLLUP" "$kib=mapped, not read: no page has to be there yet"
  raised 2 3 RSS "$kib" "$ROLLUP" "0=is it read, and is it the file? volatile; map its descriptor"
  raised 2 3 "anonymous memory" 0 "$ROLLUP" "$kib=is it the file? map its descriptor"
  raised 3 4 RSS 0 "$ROLLUP"
  raised 3 4 "anonymous memory" $((count * PAGE)) "$ROLLUP" "0=with MAP_PRIVATE a written page is copied; with MAP_SHARED the file is written"
  ended "exit 0"
}

# ---- task 5: give back ----------------------------------------------------------------------------

@test "5.1 MADV_DONTNEED lowers RSS at once and keeps the addresses [5]" {
  reads="madvise(2)"
  local part how given back
  for how in malloc mmap; do
    size
    pick part 20 80
    given=$((pages * part / 100 * PAGE))
    [[ $how == malloc ]] && back=free || back=munmap
    walk "$how" write "dontneed:$part" "write:$part" "$back"
    told_of start "$how" write "dontneed:$part" "write:$part" "$back"
    written 2 3 "$kib" "$pages"
    raised 3 4 RSS "-$given" "$ROLLUP" "0=did madvise fail? It wants the start of a page. (MADV_FREE: only when memory is short)" \
      "-$kib=PERCENT of the pages, not all"
    raised 3 4 VSZ 0 "$HEAP" "-$given=that is munmap: the addresses are gone too"
    raised 4 5 "minor faults" $((given / PAGE)) "$FAULTS" "$((part > 50 ? pages * (2 * part - 100) / 100 : 0))=the first pages, not the last"
  done
  try --mib 1 malloc write dontneed free malloc write dontneed free
  ended "exit 0" "whole pages of the block, no byte before or behind it: those are malloc's own"
}

@test "5.2 free, and munmap of all or a part, lower both [5]" {
  reads="free(3), munmap(2)"
  local part given
  size
  pick part 20 80
  given=$((pages * part / 100 * PAGE))
  walk malloc write free
  told_of start malloc write free
  written 2 3 "$kib" "$pages"
  raised 1 4 VSZ 0 "$HEAP" "$kib=nothing is freed"
  raised 1 4 RSS 0 "$ROLLUP" "$kib=nothing is freed"
  walk mmap "write:$part" "munmap:$part" write dontneed munmap
  told_of start mmap "write:$part" "munmap:$part" write dontneed munmap
  raised 3 4 VSZ "-$given" "$HEAP" "0=munmap takes an address and a length in bytes" "-$kib=PERCENT of the pages, not all"
  raised 3 4 RSS "-$given" "$ROLLUP" "$((part > 50 ? -(kib * (2 * part - 100) / 100) : 0))=from its start, not from its end"
  written 4 5 $((kib - given)) $((pages - given / PAGE))
  raised 1 7 VSZ 0 "$HEAP" "$((kib - given))=what is left begins behind what is gone" "$given=what is left begins later, and is shorter"
}

@test "5.3 what comes back: of memory the zero page, of a file its pages [2]" {
  reads="madvise(2) (MADV_DONTNEED)"
  size
  walk mmap write dontneed read
  told_of start mmap write dontneed read
  written 2 3 "$kib" "$pages"
  raised 3 4 RSS "-$kib" "$ROLLUP" "0=MADV_FREE waits until memory is short"
  raised 4 5 RSS 0 "$ROLLUP"
  raised 4 5 "minor faults" "$pages" "$FAULTS"
  walk file read dontneed read
  told_of start file read dontneed read
  raised 3 4 RSS "-$kib" "$ROLLUP"
  raised 4 5 RSS "$kib" "$ROLLUP"
}

@test "5.4 madvise or munmap fails: an error, and exit 1 [2]" {
  requires strace
  reads="madvise(2), munmap(2) (ERRORS)"
  traced -e trace=madvise -e inject=madvise:error=EAGAIN -- --mib 1 mmap dontneed write
  refused madvise "Resource temporarily unavailable"
  traced -e trace=munmap -e inject=munmap:error=ENOMEM -- --mib 1 mmap munmap:50 write
  refused munmap "Cannot allocate memory"
}

# ---- task 6: fork ---------------------------------------------------------------------------------

# shares_told LINE...: there PSS, USS and MINFL are the kernel's, of the process of the line.
shares_told() {
  local line of
  for line; do
    of="after '${told[$line.STEP]}'"
    near "PSS $of" "${kernel[$line.Pss]}" "$ROLLUP" "${kernel[$line.Pss]}" "${told[$line.PSS]}" "0=Pss in smaps_rollup" \
      "${kernel[$line.Rss]}=that is Rss" \
      "$((2 * ${kernel[$line.Pss]}))=the line Pss: alone" \
      "$((3 * ${kernel[$line.Pss]}))=the line Pss: alone; Pss_Anon, Pss_Dirty ... are parts of it" "${kernel[$line.Pss_Anon]-0}=Pss_Anon is a part of it"
    near "USS $of" "${kernel[$line.uss]}" "$ROLLUP" "${kernel[$line.uss]}" "${told[$line.USS]}" "0=Private_Clean + Private_Dirty in smaps_rollup" \
      "${kernel[$line.Pss]}=that is Pss" \
      "${kernel[$line.Private_Clean]}=Private_Clean + Private_Dirty in smaps_rollup" "${kernel[$line.Private_Dirty]}=Private_Clean too"
    near "minor faults $of" "${kernel[$line.minflt]}" "$FAULTS" "${kernel[$line.minflt]}" "${told[$line.MINFL]}" \
      "${kernel[$((line - 1)).minflt]:--1}=each line tells of its own process: /proc/PID"
  done
}

@test "6.1 after fork each has it in RSS, half of it in PSS, none in USS [6]" {
  reads="fork(2), proc(5) (smaps_rollup)"
  local kept other word
  size
  walk malloc write fork read
  told_of start malloc write fork fork read read exit
  shares_told 3 4 5 6 7
  same "the second line of a pair: PID" "$pid" _ "${told[5.PID]}" "*=first the child's line, then its parent's"
  same "the first line of a pair: PID" "${told[6.PID]}" _ "${told[4.PID]}" "$pid=first the child's line, then its parent's"
  raised 3 4 "anonymous memory" 0 "$ROLLUP" "-$kib=the child has all that its parent has: fork, not exec"
  raised 3 5 "its share" -$((kib / 2)) "$FORKED" "0=nobody shares the pages: fork, and let the child live on"
  raised 3 5 "private memory" "-$kib" "$FORKED"
  raised 4 6 "minor faults" 0 "$FAULTS" "$pages=fork copies the page table: the child has the pages"
  ended "exit 0"
  # a program that nobody else runs: its pages are private and clean
  cp "$(command -v perl)" other
  sync other
  launch ./other -e 'kill STOP => $$'
  kept=$run other=$pid
  eventually in_state T "$other"
  for _ in 1 2 3 4 5 6; do # others begin and end that share its libraries: until nothing has changed
    observe 9 "$other"
    try --long --pid "$other"
    observe after "$other"
    ! within "${kernel[after.uss]}" "${kernel[9.uss]}" 16 || ! within "${kernel[after.Pss]}" "${kernel[9.Pss]}" 16 || break
  done
  read -ra word < <(tail -n 1 "$run.out")
  told[9.STEP]="--pid $other" told[9.PSS]=${word[5]-} told[9.USS]=${word[6]-} told[9.MINFL]=${word[7]-}
  shares_told 9
  finish "$kept" KILL
}

@test "6.2 who writes gets a copy of the page: faults, USS; RSS stays [5]" {
  reads="fork(2)"
  local part count
  size
  pick part 20 80
  count=$((pages * part / 100))
  walk malloc write fork "write:$part" free
  told_of start malloc write fork fork "write:$part" "write:$part" free free exit
  shares_told 6 7 8 9
  raised 5 7 "minor faults" 0 "$FAULTS" "$count=it is the child that does the steps after fork"
  raised 4 6 "minor faults" "$count" "$FAULTS" "0=it is the child that does the steps after fork"
  raised 4 6 "anonymous memory" 0 "$ROLLUP"
  raised 4 6 "private memory" $((count * PAGE)) "$ROLLUP"
  raised 5 7 "private memory" $((count * PAGE)) "$ROLLUP"
}

@test "6.3 the child ends: all is the parent's alone, and it goes on [4]" {
  reads="wait(2), fork(2)"
  size
  walk malloc write fork write:50 exit sleep:0 write free
  told_of start malloc write fork fork write:50 write:50 exit sleep:0 write free
  shares_told 9
  same "the process that goes on: PID" "$pid" _ "${told[8.PID]}"
  raised 3 9 "its share" 0 "$FORKED" "-$((kib / 2))=the child has to have ended: waitpid"
  raised 3 9 "private memory" 0 "$FORKED"
  raised 9 10 RSS 0 "$ROLLUP"
  raised 9 10 "minor faults" "$pages" "$FAULTS" "0=the parent does the steps after exit"
  ended "exit 0"
}

@test "6.4 fork fails, the child or its parent is killed: nothing is left [3]" {
  requires strace
  reads="fork(2), waitpid(2), prctl(2) (PR_SET_PDEATHSIG)"
  local child parent forks='?fork,?vfork,clone,?clone3'
  traced -e "trace=$forks" -e "inject=$forks:error=EAGAIN" -- --mib 1 malloc fork write
  refused fork "Resource temporarily unavailable" "fork returns -1 when there can be no more processes"
  start --mib 1 malloc fork sleep:50
  printed 5
  child_is() { child=$(cat "/proc/$1/task/$1/children" 2>/dev/null) && child=${child%% *} && [[ -n $child ]]; }
  eventually child_is "$pid" || wrong expected "a child" kernel "process $pid has none"
  kill -KILL "$child"
  finish
  [[ $end == "exit 1" && -n $stderr ]] || wrong expected "exit 1 and a reason, when the child was killed" program "$(cause "$end"); stderr: ${stderr:-(nothing)}" \
    likely "the status of waitpid tells how the child ended; say so on stderr"
  ended "exit 1"
  try --mib 1 malloc fork munmap
  [[ $end != "exit 0" && -n $stderr ]] || wrong expected "a status that is not 0, when the child has failed" program "$(cause "$end"); stderr: ${stderr:-(nothing)}"
  # a shell as its parent, so that we see what it leaves behind
  as="sh -c './memory --mib 1 malloc fork sleep:50; sleep 50' # and kill the parent" \
    launch sh -c '"$0" "$@"; exec sleep 50' "$PROGRAM" --mib 1 malloc fork sleep:50
  printed 5
  child_is "$pid" && parent=$child && eventually child_is "$parent" || wrong expected "a child" kernel "there is none"
  kill -STOP "$child" # as --stop does
  eventually in_state T "$child"
  kill -KILL "$parent"
  gone() { in_state Z "$child" || [[ ! -e /proc/$child ]]; }
  eventually gone || wrong expected "no process left" kernel "the child $child lives on when its parent $parent is killed" \
    likely "PR_SET_PDEATHSIG in the child; it may be stopped, so SIGKILL"
  finish KILL
}

@test "6.5 valgrind and the compiler have nothing to complain about [2]" {
  requires valgrind
  reads="valgrind(1)"
  no_memory_error --mib 1 --long malloc write:50 fork read write exit dontneed free file read munmap:30 munmap calloc read
  ended "exit 0"
  same "number of lines" 19 _ "$(wc -l <"$run.out")" "*=a step is missing: they all have to be done"
  no_warning
}
