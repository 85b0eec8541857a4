#!/usr/bin/env bats
# The checks of lab03, task by task; each title is a promise of README.md, with its points.
# The verbs (start, near, ended, errors_at ...) are in grader/lib/.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"
all_require smaps

OUTPUT_LIMIT=400000                               # the file that is mapped is an output too
spare=1                                           # the heading of the table
PAGE=$(($(getconf PAGESIZE) / 1024))              # KiB
NAMED[openat]="" NAMED[mmap]="" NAMED[pipe2]=pipe # what an error of these calls names

pss=0 uss=0 faults=0   # drawn, by pick
declare -gA seen       # what the kernel says at each stop: seen[STOP.KEY], as in /proc/PID/*
declare -ga rows       # the lines that the program has printed
declare -ga options=() # of the next run, besides --mib

# How far what is said may be from what is seen, in pages, faults, KiB: pages of programs and libraries come
# and go, a heap grows, the kernel's counters lag (Linux 6.1).
SAID_PAGES=64 SAID_FILES=400 SAID_FAULTS=24 SAID_VSZ=140
# How far what is seen may be from what is expected, in pages and faults; and where it stands.
declare -gA FAR=([VSZ]=2 [RSS]=32 ["anonymous memory"]=24 ["minor faults"]=24 [PSS]=120 ["private memory"]=60)
declare -gA KEY=([VSZ]=VmSize [RSS]=Rss ["anonymous memory"]=Anonymous ["minor faults"]=minflt [PSS]=Pss
  ["private memory"]=Private_Dirty)

# draw [MIN MAX [UNIT]]: draws how many units of pages a run gets, and mib, the same for --mib; fewer where
# memory is short or pages are large. Draws part, in percent, and count, how many pages that is: never
# near a whole number, where one way to calculate rounds otherwise than another. Sets both, how many are
# among the first and the last count pages.
draw() {
  local tenths=0
  pick pages "${1:-4000}" "${2:-8000}"
  if ((PAGE > 4)) || ! awk '/^MemAvailable/ { exit $2 < 1048576 }' "${MEMINFO:-/proc/meminfo}"; then
    pages=$(((pages + 3) / 4))
  fi
  ((pages % 125)) || ((++pages)) # of a round number each part in tenths of a percent is one
  pages=$((pages * ${3:-1}))
  kib=$((pages * PAGE))
  printf -v mib '%d.%08d' $((kib / 1024)) $((kib % 1024 * 390625 / 4))
  until ((pages * tenths % 1000 / 100 % 9)); do pick tenths 203 797; done
  part=$((tenths / 10)).$((tenths % 10)) count=$((pages * tenths / 1000))
  both=$((count * 2 > pages ? count * 2 - pages : 0))
}

# ---- looking --------------------------------------------------------------------------------------

# look STOP PID: keeps what the kernel says of the process.
look() {
  local line lines more=()
  mapfile -t lines <"/proc/$2/status"
  mapfile -t more 2>/dev/null <"/proc/$2/smaps_rollup" || : # a process that has ended has none
  for line in "${lines[@]}" "${more[@]}"; do
    [[ ! $line =~ ^([A-Za-z_]+):[[:space:]]+([0-9]+)\ kB$ ]] ||
      seen[$1.${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
  done
  read -r line <"/proc/$2/stat"
  read -r _ _ _ _ _ _ _ line _ <<<"${line##*) }"
  seen[$1.pid]=$2 seen[$1.minflt]=$line seen[$1.Uss]=$((seen[$1.Private_Clean] + seen[$1.Private_Dirty]))
}

# child_of PID: sets child to the pid of its child.
child_of() {
  children_of "$1"
  child=${children[0]-}
  [[ -n $child ]]
}

# walk ./NAME STEP...: runs it with a stop after each line, from stop to stop, to its end, and looks at the
# process each time; at a child, if there is one, as STOP.child. With pagemap=BIT also which pages have it.
walk() {
  local stop steps=(stop)
  for stop in "${@:2}"; do steps+=("$stop" stop); done
  RUN_TIMEOUT=20 quiet=yes start "$1" --mib "$mib" "${options[@]}" "${steps[@]}" || return
  note ran "${as-}${as:+ }$1 --mib $mib ${options[*]}${options[*]:+ }${*:2}"
  seen=()
  for ((stop = 0; stop < $#; stop++)); do
    eventually in_state T "$pid" || break
    look "$stop" "$pid"
    [[ -z ${pagemap-} ]] || present "$pid" >"present.$stop"
    if child_of "$pid"; then
      look "$stop.child" "$child"
      [[ -z ${pagemap-} ]] || present "$child" >"present.$stop.child"
    fi
    files_open
    while_it_waits=$open
    kill -CONT "$pid"
  done
  finish
  open=${while_it_waits-}
  mapfile -t rows < <(sed -E 's/ +/ /g; s/^ //' "$run.out")
}

# present PID: of the largest memory that it can write to, the pages that have the bit $pagemap in
# /proc/PID/pagemap: $THERE, or $ALONE, in no other process.
THERE=63 ALONE=56
present() {
  perl -e '
    my ($pid, $page, $bit) = @ARGV;
    my ($from, $to) = (0, 0);
    open my $maps, "<", "/proc/$pid/maps";
    while (<$maps>) {
      ($from, $to) = (hex $1, hex $2) if /^(\w+)-(\w+) rw/ and hex($2) - hex($1) > $to - $from;
    }
    open my $map, "<:raw", "/proc/$pid/pagemap";
    sysseek $map, $from / $page * 8, 0;
    sysread $map, my $entries, ($to - $from) / $page * 8;
    my $at = $from / $page;
    for (unpack "Q<*", $entries) { print "$at\n" if $_ >> $bit & 1; $at++ }' "$1" $((PAGE * 1024)) "$pagemap"
}

# fresh FROM TO: sets fresh, how many pages have come between these stops, in how many pieces; first; last.
fresh() {
  read -r first last fresh < <(awk 'FILENAME == ARGV[1] { old[$1]; next } $1 in old { next }
    { if (!n++) first = $1; if ($1 != last + 1) runs++; last = $1 }
    END { printf "%.0f %.0f %d in %d\n", first, last, n, runs }' "present.$1" "present.$2")
}

# ---- judging --------------------------------------------------------------------------------------

# says WHAT KEY STOP TOLERANCE NUMBER: the program says this number; the kernel's KEY at that stop is it.
says() {
  local now=${seen[$3.$2]} earlier=${seen[$((${3%.*} - 1)).$2]--1}
  near "$1" "$now" "$4" _ "$5" "0=the kernel tells it" "$((now / PAGE))=pages? in KiB" \
    "${seen[$3.VmPeak]}=VmPeak is the largest ever" "${seen[$3.VmHWM]}=VmHWM is the largest ever" \
    "$earlier=that was before the step" "${seen[$3.VmSize]}=that is VSZ" "${seen[$3.Rss]}=that is RSS" \
    "${seen[$3.Pss]}=that is PSS" "${seen[$3.Private_Dirty]}=and Private_Clean"
}

# memory STEP...: walks ./memory. It prints the lines of these steps, each with the VSZ and the RSS of that
# moment, and ends well.
memory() {
  local i row got="" vsz rss
  walk ./memory "$@"
  for row in "${rows[@]:1}"; do got+="${got:+ }${row%% *}"; done
  [[ ${rows[0]-} == "STEP VSZ RSS MINFL" && $got == "start $*" ]] ||
    wrong expected "the lines of start $*" program "the lines of ${got:-(none)}; $(cause "$end")" \
      stderr "$stderr" || return
  for ((i = 0; i <= $#; i++)); do
    read -r row vsz rss _ <<<"${rows[i + 1]}"
    says "VSZ after $row" VmSize $i "$SAID_VSZ" "$vsz" || return
    within "$rss" "${seen[$i.VmRSS]}" $((SAID_PAGES * PAGE)) ||
      says "RSS after $row" Rss $i $((SAID_PAGES * PAGE)) "$rss" || return
  done
  ended "exit 0"
}

# cow STEP...: walks ./cow. It prints the lines of these steps, the child's first, and they are true.
cow() {
  local stop=-1 line=0 who step of word=()
  walk ./cow "$@"
  for step in start "$@"; do
    ((++stop)) || :
    for of in "$stop.child" "$stop"; do
      [[ -n ${seen[$of.pid]-} || $of == "$stop" ]] || continue
      [[ $of == "$stop" ]] && who=parent || who=child
      read -ra word <<<"${rows[++line]-}"
      same "STEP, WHO, PID in line $((line + 1))" "$step $who ${seen[$of.pid]-}" _ "${word[*]:0:3}" || return
      says "RSS of the $who after $step" Rss "$of" $((SAID_FILES * PAGE)) "${word[3]}" &&
        says "PSS of the $who after $step" Pss "$of" $((SAID_PAGES * PAGE)) "${word[4]}" &&
        says "USS of the $who after $step" Uss "$of" $((SAID_PAGES * PAGE)) "${word[5]}" &&
        near "MINFL of the $who after $step" "${seen[$of.minflt]}" "$SAID_FAULTS" _ "${word[6]}" || return
    done
  done
  ended "exit 0"
}

# grew FROM TO WHAT NUMBER [NUMBER=HINT]...: between these stops the kernel counts so many pages, faults more.
grew() {
  local key=${KEY[$3]} unit=$PAGE what="$3, in pages"
  [[ $key != minflt ]] || unit=1 what=$3
  near "$what, from stop $1 to $2: +" "$4" "${FAR[$3]}" $(((seen[$2.$key] - seen[$1.$key]) / unit)) _ "${@:5}"
}

# got [TOLERANCE]: the first step has got what was asked for, in VSZ, and none of it is there.
got() {
  local -A FAR=([RSS]=${1:-32} ["anonymous memory"]=${1:-6})
  local plus=$((seen[1.VmSize] - seen[0.VmSize]))
  ((plus >= kib && plus <= kib + 2100)) || # a header, alignment, a larger heap; never less
    near "VSZ, in KiB: +" "$kib" 0 "$plus" _ "0=nothing is got" \
      "$((kib * 1000 / 1024))=a MiB is 1048576 bytes"
  grew 0 1 RSS 0 "$pages=a page comes with its first touch: why touch it here?"
  grew 0 1 "anonymous memory" 0
}

# placed ORDER STEP: in the end all pages are touched; those of STEP, which came first, lie as ORDER says.
placed() {
  local whole_first whole_last
  fresh 1 3
  same "touched in the end, in a row" "$pages in 1" "$fresh" _ "*=each page once, from 0 to pages - 1"
  whole_first=$first whole_last=$last
  fresh 1 2
  same "touched by $2" "$count" "${fresh% in *}" _ "$pages=PERCENT of the pages, not all" "*=each page once"
  case $1 in
  up) [[ ${fresh#*in } == 1 && $first == "$whole_first" ]] ;;
  down) [[ ${fresh#*in } == 1 && $last == "$whole_last" ]] ;;
  random) ((${fresh#*in } > count / 128 && last - first > pages * 9 / 10)) ;;
  esac || wrong expected "--order $1, for $2" \
    kernel "$((first - whole_first)) to $((last - whole_first)) of $pages, in ${fresh#*in } pieces" \
    likely "up: 0, 1, 2 ...; down: the last one first; random: each once, in no order"
}

# clean ./NAME ARGUMENT...: compiled with sanitizers it ends well, and they find nothing.
clean() {
  sanitized "$@"
  ended "exit 0"
}

# squeezed FILE: the last run has the shape of FILE, with one space between columns.
squeezed() {
  sed -Ei 's/ +/ /g; s/^ //' "$run.out"
  shape "$1"
}

# usage PID: runs ./usage to its end, which is good; said[...] is its line.
usage() {
  try ./usage "$@"
  ended "exit 0"
  squeezed usage.txt
}

# sleeper: starts a process to look at, with a child that has ended; stops it. Its pid is other, its run kept.
# It is a bash, as the check is: its files are shared, whatever starts and ends meanwhile.
sleeper() {
  draw 1000 3000
  quiet=yes launch bash -c 'printf -v x "%$(($1 << 10))s"
    until read -r _ _ state _ <"/proc/$$/stat" && [[ $state == T ]]; do :; done &
    kill -STOP $$
    sleep 50' sleeper "$kib"
  other=$pid kept=$run
  eventually in_state T "$other"
  child_of "$other"
  eventually in_state Z "$child"
  look 0 "$other"
}

# captured: ./usage tells of a process as it is on a machine with pages of 64 KiB; draws vsz, rss, pss, uss,
# faults.
captured() {
  local name private huge
  for name in vsz:2200000000-3000000000 rss:40000000-90000000 \
    pss:2200000000-3000000000 uss:2200000000-3000000000 faults:2200000000-3000000000 \
    private:1000-9000 huge:1-9; do
    pick "${name%:*}" "$(cut -d: -f2 <<<"${name%-*}")" "${name#*-}"
  done
  mkdir captured
  echo "$vsz $rss 400 30 0 20000 0" >captured/statm
  vsz=$((vsz * 64)) rss=$((rss * 64))
  echo "a b) c" >captured/comm
  echo "7 (a b) c) S 1 7 7 0 -1 4194304 $faults 91 17 5 12 34 0 0 20 0 1 0 99 $((vsz << 10)) 9" >captured/stat
  printf '%s kB\n' "VmPeak: $((vsz + 64))" "VmSize: $vsz" "VmHWM: $((rss + 64))" "VmRSS: $rss" \
    "RssAnon: $((rss - 25600))" "RssFile: 25600" "RssShmem: 0" "VmData: 1280000" >captured/status
  printf '%s kB\n' "Rss: $rss" "Pss: $pss" "Pss_Dirty: 64" "Pss_Anon: 128" "Shared_Clean: 640" \
    "Shared_Dirty: 64" "Private_Clean: $private" "Private_Dirty: $((uss - private - huge))" "Referenced: 99" \
    "Anonymous: 64" "Swap: 192" "SwapPss: 130" "Private_Hugetlb: $huge" "Locked: 0" >captured/smaps_rollup
  local -a before=("${OWN_MOUNTS[@]}" sh -c 'mount --bind captured "/proc/$0" && exec "$@"' $$)
  believing 65536 usage $$
  note here "here /proc/$$ is that of a machine with pages of 64 KiB, and sysconf(3) says so"
}

# ---- task 1: a line about any process -------------------------------------------------------------

@test "1.1 the line is that of ps for the same process [5]" {
  sleeper
  read -r user mem rss vsz < <(ps -o user:32=,%mem=,rss=,vsz= -p "$other")
  usage "$other"
  same "PID, USER, COMMAND" "$other $user bash" _ "${said[pid]} ${said[user]} ${said[name]}"
  near VSZ "$vsz" 0 _ "${said[vsz]}" "0=statm, or VmSize in status" "$((vsz / PAGE))=statm counts pages" \
    "$((vsz * 1024))=in KiB, not in bytes" "$rss=that is RSS" "${seen[0.VmData]}=VmData is a part of it"
  [[ ${said[rss]} == "${seen[0.Rss]}" ]] || # which counts page by page
    near RSS "$rss" 0 _ "${said[rss]}" "0=statm, or VmRSS in status" "$((rss / PAGE))=statm counts pages" \
      "$((rss * 1024))=in KiB, not in bytes" "$vsz=that is VSZ" "${seen[0.RssAnon]}=RssAnon is a part of it"
  near "%MEM, times ten" "${mem/./}" 1 _ "${said[mem]/./}"
}

@test "1.2 several processes, one without memory; none there: an error [4]" {
  sleeper
  usage "$other"
  says VSZ VmSize 0 0 "${said[vsz]}"
  try ./usage "$other" "$child"
  ended "exit 0" "a process that has ended, and was not waited for, has no memory: 0"
  sed -i 2d "$run.out"
  squeezed usage.txt
  same "RSS and VSZ" "0 0" _ "${said[rss]} ${said[vsz]}"
  of="*\"/proc/$other/@(comm|stat|statm|status)\"*" errors_at openat ./usage "$other"
  finish "$kept" KILL
  try ./usage "$other"
  fails 1 "/proc/$other...: No such file or directory"
}

@test "1.3 the same on a machine with pages of 64 KiB [5]" {
  requires mount
  captured
  same VSZ "$vsz" _ "${said[vsz]}" "$((vsz / 16))=a page is not always 4096 bytes" "*=up to 128 TiB: long"
  same RSS "$rss" _ "${said[rss]}" "$((rss / 16))=a page is not always 4096 bytes"
}

# ---- task 2: ask ----------------------------------------------------------------------------------

@test "2.1 malloc and calloc raise VSZ, not RSS [6]" {
  for how in malloc calloc; do
    draw
    memory "$how"
    got
  done
}

@test "2.2 mmap raises VSZ; with MAP_POPULATE RSS too, at once [5]" {
  draw
  memory mmap
  got
  memory populate write
  grew 0 1 "anonymous memory" "$pages" "0=private memory, and MAP_POPULATE makes all its pages at once"
  grew 1 2 "minor faults" 0 "$pages=the pages have to be there before, for writing too"
  traced -e trace=mmap -- ./memory --mib "$mib" populate
  called "mmap.*, $((kib * 1024)), .*MAP_POPULATE" "mmap with MAP_POPULATE"
}

@test "2.3 the allocation fails: an error, and exit 1 [5]" {
  for how in malloc calloc mmap populate; do
    pick mib 4097 4120 # a little more than 32 bits can count
    with prlimit --as=1000000000 -- try ./memory --mib "$mib" "$how"
    fails 1 "...: Cannot allocate memory" "malloc and calloc return NULL then, mmap MAP_FAILED"
  done
  of='*"/proc/*/*stat*"*' errors_at openat ./memory --mib 1 malloc
}

# ---- task 3: touch --------------------------------------------------------------------------------

@test "3.1 writing raises RSS by what is written, a fault a page [6]" {
  for how in malloc mmap; do
    draw
    memory "$how" write write
    grew 1 2 "anonymous memory" "$pages" "0=write; volatile, or it is left out" "$((pages / 2))=each page"
    grew 1 2 "minor faults" "$pages" "$((2 * pages))=write without reading first: reading costs a fault too"
    grew 2 3 "anonymous memory" 0
    grew 2 3 "minor faults" 0 "$pages=the second time it has to be the same pages"
  done
}

@test "3.2 reading maps the zero page: a fault a page, no memory [5]" {
  one_of how malloc mmap calloc
  draw
  memory "$how" read write
  grew 1 2 "minor faults" "$pages" "0=read; volatile, or the compiler leaves it out"
  grew 1 2 "anonymous memory" 0 "$pages=that is written, not read"
  grew 2 3 "anonymous memory" "$pages" "0=nothing is written: faults, but no memory"
  grew 2 3 "minor faults" "$pages"
}

@test "3.3 a part of the pages: the first, the last, or any, each once [5]" {
  for how in "up write" "down read" "random write" "random read"; do
    options=(--order "${how% *}")
    # with many divisors: no stride up to 18 reaches all
    [[ $how == "random read" ]] && draw 4 6 663 || draw 2 3 2310
    pagemap=$THERE memory mmap "${how#* }:$part" "${how#* }"
    placed "${how% *}" "${how#* }:$part"
    clean ./memory --mib 0.3 "${options[@]}" malloc read write:99.9
  done
}

@test "3.4 MINFL counts minor faults, whatever the name of a program [3]" {
  requires mount
  draw
  memory mmap write
  for i in 0 1 2; do
    near "MINFL in line $((i + 2))" "${seen[$i.minflt]}" "$SAID_FAULTS" _ "${rows[i + 1]##* }" "0=ru_minflt"
  done
  captured
  same MINFL "$faults" _ "${said[minfl]}" "*=behind the name, which may hold ' ' and ')': find the last ')'"
}

@test "3.5 a page has the size that sysconf says [3]" {
  draw 1000 2000 4
  pagemap=$THERE believing $((PAGE * 4096)) walk ./memory mmap write
  ended "exit 0"
  fresh 1 2
  same "pages of $PAGE KiB that are touched" "$((pages / 4)) in $((pages / 4))" "$fresh" _ \
    "*=sysconf(3) says that a page has $((PAGE * 4)) KiB here: a byte in each, at start + i * page"
}

# ---- task 4: shared memory, and files -------------------------------------------------------------

@test "4.1 shared memory has no zero page: what is read is resident [5]" {
  draw
  memory shared "read:$part" write
  got
  grew 1 2 "minor faults" "$count"
  grew 1 2 RSS "$count" "0=is it private memory? MAP_SHARED | MAP_ANONYMOUS"
  grew 1 3 "anonymous memory" 0 "$pages=is it private memory? MAP_SHARED | MAP_ANONYMOUS"
  of="*, $((kib * 1024)), *" errors_at mmap ./memory --mib "$mib" shared
}

@test "4.2 a file: read, its pages are resident; written, they are copied [5]" {
  draw 1000 2000
  memory file read "write:$part"
  got 100 # a file is written through a buffer
  grew 1 2 RSS "$pages" "0=is it read, and is it the file? volatile; map its descriptor"
  grew 1 2 "anonymous memory" 0 "$pages=is it the file? map its descriptor"
  grew 2 3 "anonymous memory" "$count" "0=MAP_PRIVATE copies a written page; MAP_SHARED writes the file"
  draw 200 300 # more than what the dynamic linker maps for itself
  of="*, $((kib * 1024)), *" errors_at mmap ./memory --mib "$mib" file
  with env --ignore-signal=XFSZ prlimit --fsize=65536:unlimited -- try ./memory --mib "$mib" file
  fails 1 "...: File too large" "look at what putc and fflush return"
  start ./memory --mib "$mib" stop file
  eventually in_state T "$pid" && prlimit --pid "$pid" --nofile=3
  finish CONT
  fails 1 "...: Too many open files" "look at what tmpfile returns"
}

# ---- task 5: give back ----------------------------------------------------------------------------

@test "5.1 MADV_DONTNEED lowers RSS at once and keeps the addresses [4]" {
  for how in "malloc free" "mmap munmap"; do
    draw
    memory "${how% *}" write dontneed:0 "dontneed:$part" "write:$part" "${how#* }"
    grew 2 3 "anonymous memory" 0
    grew 3 4 "anonymous memory" -"$count" "-$pages=PERCENT of the pages, not all" \
      "0=did madvise fail? It wants the start of a page. (MADV_FREE: only when memory is short)"
    grew 3 4 VSZ 0 "-$count=that is munmap: the addresses are gone too"
    grew 4 5 "minor faults" "$count" "$both=the first pages, not the last"
  done
}

@test "5.2 free, and munmap of a part or all, lower both [4]" {
  draw
  memory malloc write free
  grew 0 3 VSZ 0 "$pages=nothing is freed"
  memory mmap "write:$part" munmap:0 "munmap:$part" write dontneed munmap
  grew 2 4 VSZ -"$count" "0=munmap takes an address and a length in bytes" "-$pages=PERCENT of the pages"
  grew 2 4 "anonymous memory" -"$count" "-$both=from its start, not from its end"
  grew 4 5 "anonymous memory" $((pages - count))
  grew 0 7 VSZ 0 "$pages=the rest begins later, and is shorter"
  memory mmap munmap:50 munmap:50
  grew 0 3 VSZ $(((pages + 1) / 2 - (pages + 1) / 4)) _ "*=PERCENT of what is left"
}

@test "5.3 after dontneed: zeros, or the pages of the file; it can fail [3]" {
  draw 1000 2000
  memory mmap write dontneed read
  grew 3 4 "anonymous memory" 0
  grew 3 4 "minor faults" "$pages"
  memory file read dontneed read
  grew 2 3 RSS -"$pages"
  grew 3 4 RSS "$pages"
  of="*, $((kib * 1024))[,)]*" errors_at "madvise munmap" ./memory --mib "$mib" mmap dontneed munmap
}

@test "5.4 with larger pages too; sanitizers and the compiler find nothing [3]" {
  until ((pages / 16 % 2)); do draw 101 202 16; done # odd: half of them is half a page less
  believing $((PAGE * 16384)) walk ./memory mmap write munmap:50 dontneed
  ended "exit 0"
  grew 2 3 VSZ -$((pages / 32 * 16))
  grew 2 4 "anonymous memory" -$((pages / 16))
  clean ./memory --mib 0.3 malloc write dontneed:99.9 read free calloc free mmap munmap:99.9 munmap malloc
  no_warning memory
}

# ---- task 6: what is shared -----------------------------------------------------------------------

@test "6.1 PSS and USS are those of smaps_rollup [5]" {
  requires mount
  captured
  same PSS "$pss" _ "${said[pss]}" "$rss=that is Rss" "*=the line Pss: alone; SwapPss and others are not it"
  same USS "$uss" _ "${said[uss]}" "*=Private_Clean + Private_Dirty + Private_Hugetlb"
}

@test "6.2 they are - where the kernel does not tell; no memory error [3]" {
  sleeper
  usage "$other"
  says PSS Pss 0 $((SAID_FILES * PAGE)) "${said[pss]}"
  says USS Uss 0 $((SAID_FILES * PAGE)) "${said[uss]}"
  traced -P "/proc/$other/smaps_rollup" -e inject=openat,open:error=EACCES -- ./usage "$other"
  ended "exit 0" "of another user's process it is not told (EACCES), and that is no error"
  squeezed usage.txt
  same "PSS and USS" "- -" _ "${said[pss]} ${said[uss]}"
  traced -P "/proc/$other/smaps_rollup" -e inject=read:error=ESRCH -- ./usage "$other"
  ended "exit 0" "of a process without memory it is not told, and that is no error"
  squeezed usage.txt
  same "PSS and USS" "- -" _ "${said[pss]} ${said[uss]}" "0 0=0 is a number; not told is -"
  no_memory_error ./usage "$other" "$other"
  ended "exit 0"
  near "USS, told twice" "$(awk 'NR == 2 { print $7 }' "$run.out")" $((SAID_FILES * PAGE)) \
    _ "$(awk 'NR == 3 { print $7 }' "$run.out")" "*=each process begins at 0"
  no_warning usage
}

# ---- task 7: copy on write ------------------------------------------------------------------------

@test "7.1 after fork each has it in RSS, half of it in PSS, none in USS [4]" {
  draw
  pagemap=$ALONE cow fork read
  grew 0 1 "anonymous memory" 0
  grew 0 1 PSS -$((pages / 2)) "0=fork, and let the child live on"
  fresh 1 0
  near "pages that the parent had alone before" "$pages" 24 "${fresh% in *}" _ "0=fork, and share each page"
  grew 0 1.child "anonymous memory" 0 "-$pages=the child has all that its parent has"
  grew 1.child 2.child "minor faults" 0 "$pages=fork copies the page table: the child has the pages"
}

@test "7.2 the first write to a page copies it: a fault, and USS in both [4]" {
  draw
  pagemap=$ALONE cow fork "write:$part"
  fresh 1.child 2.child
  same "pages that the child has alone" "$count in 1" "$fresh" _ "*=write to each of the first pages, once"
  grew 1 2 "minor faults" 0 "$count=it is the child that writes"
  grew 1 2 "private memory" "$count"
  grew 1.child 2.child "minor faults" "$count"
  grew 1.child 2.child "anonymous memory" 0
  grew 1.child 2.child "private memory" "$count"
}

@test "7.3 the child ends: all is its parent's, which faults once more [3]" {
  draw
  cow fork write:50 read exit write
  same "child after exit" "" "${seen[4.child.pid]-}" _
  inheriting try ./cow --mib 1 fork exit
  ended "exit 0" "wait for the child that fork returned, not for any"
  grew 0 4 PSS 0
  grew 0 4 "private memory" 0
  grew 4 5 "minor faults" "$pages" "0=the parent writes after exit"
  try ./cow --mib 1.5
  squeezed cow.txt
  ended "exit 0"
}

# no_orphan: kills ./cow; its child ends too.
no_orphan() {
  launch sh -c '"$0" "$@"; exec sleep 50' "$PROGRAMS/cow" --mib 1 fork stop # a parent, to see what is left
  eventually child_of "$pid" || wrong expected "a process" kernel "none" || return
  local parent=$child
  eventually in_state T "$parent" && child_of "$parent" && kill -KILL "$parent"
  gone() { [[ ! -e /proc/$child ]] || in_state Z "$child"; }
  eventually gone || wrong expected "no process left" kernel "the child lives on when its parent is killed" \
    likely "each process closes the end that is not its own: then recv returns 0"
}

@test "7.4 a call fails, a process is killed: nothing is left [3]" {
  errors_at "socketpair|pipe2?|clone3?|v?fork" ./cow --mib 1 fork exit
  of="*/smaps_rollup*" errors_at openat ./cow --mib 1 read
  for how in read exit ""; do
    start ./cow --mib 1 fork stop $how
    eventually in_state T "$pid" && child_of "$pid" || wrong expected "a child" kernel "none"
    kill -KILL "$child"
    eventually in_state Z "$child"
    finish CONT
    fails 1 "..." "waitpid tells how the child has ended"
  done
  no_orphan
}

@test "7.5 sanitizers and the compiler find nothing [2]" {
  clean ./cow --mib 0.3 fork read:0 write:99.9 exit read
  no_warning cow
}
