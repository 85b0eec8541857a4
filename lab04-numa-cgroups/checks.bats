#!/usr/bin/env bats
# The checks of lab04, task by task; each title is a promise of README.md, with its points.
# The verbs (start, finish, same ...) are in grader/lib/checks.bash, those about groups in cgroup.bash,
# those about units in systemd.bash.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"
# shellcheck source=grader/lib/cgroup.bash
source "$GRADER/lib/cgroup.bash"
# shellcheck source=grader/lib/systemd.bash
source "$GRADER/lib/systemd.bash"

RUN_TIMEOUT=20
before=(prlimit --as=700000000 --cpu=20) # whatever becomes of a group, a hog is bounded
# shellcheck disable=SC2034 # for has_unit
UNIT=${PROGRAM%/*}/testing.slice
NODES=sys/devices/system/node
FORKS='?fork,?vfork,clone,?clone3' # '?': not every architecture has them all

# ---- task 1: topology -----------------------------------------------------------------------------

# numactl_of ROOT: what `numactl --hardware` says of a machine whose /sys is ROOT/sys.
numactl_of() {
  perl -e '
    my $dir = shift;
    sub content { open my $file, "<", "$dir/$_[0]" or die "$dir/$_[0]: $!"; local $/; my $text = <$file>; $text =~ s/\s+\z//; $text }
    sub members { map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /,/, content(shift) }
    my @nodes = members("online");
    printf "available: %d nodes (%s)\n", scalar @nodes, content("online");
    for my $node (@nodes) {
      print "node $node cpus:", (map " $_", members("node$node/cpulist")), "\n";
      my %kib = content("node$node/meminfo") =~ /(MemTotal|MemFree): +(\d+) kB/g;
      printf "node %d size: %d MB\nnode %d free: %d MB\n", $node, $kib{MemTotal} / 1024, $node, $kib{MemFree} / 1024;
    }
    print "node distances:\nnode ", (map sprintf("%3d ", $_), @nodes), "\n";
    printf "%3d: %s\n", $_, join "", map sprintf("%3d ", $_), split " ", content("node$_/distance") for @nodes;
  ' "${1%/}/$NODES"
}

# make_tree ROOT: a machine that does not exist: nodes with gaps in their numbers, one without CPUs, one
# without memory, one with some TiB, more that are possible than there are, distances that depend on the
# direction.
make_tree() {
  perl -e '
    my ($dir, $seed) = @ARGV;
    srand $seed;
    sub put { my ($name, $text) = @_; open my $file, ">", "$dir/$name" or die "$dir/$name: $!"; print $file "$text\n" }
    sub list { my @parts; for (@_) { if (@parts && $parts[-1][1] == $_ - 1) { $parts[-1][1] = $_ } else { push @parts, [$_, $_] } }
      join ",", map { $_->[0] == $_->[1] ? $_->[0] : "$_->[0]-$_->[1]" } @parts }
    my $first = 2 + int rand 3;
    my @nodes = (0, $first, $first + 1, $first + 3 + int rand 9); # some next to each other, some not
    my ($no_cpus, $no_memory) = (1 + int rand 2, 3);
    my @cpus = map [], @nodes;
    for my $cpu (0 .. 23) { my $n; do { $n = int rand @nodes } while $n == $no_cpus; push @{$cpus[$n]}, $cpu if rand() < 0.9 }
    put("online", list(@nodes));
    put("possible", "0-" . ($nodes[-1] + 1 + int rand 9));
    for my $n (0 .. $#nodes) {
      mkdir "$dir/node$nodes[$n]";
      put("node$nodes[$n]/cpulist", list(@{$cpus[$n]}));
      my $total = $n == $no_memory ? 0 : 1024 * (500 + int rand 90000) + 700 + int rand 300;
      $total += 2 ** 32 if $n == 0;
      my $free = int $total * (0.1 + rand 0.8);
      put("node$nodes[$n]/meminfo", join "\n", map sprintf("Node %d %-15s %8d kB", $nodes[$n], @$_),
        ["MemTotal:", $total], ["MemFree:", $free], ["MemUsed:", $total - $free]);
      put("node$nodes[$n]/distance", join " ", map { $_ == $n ? 10 : 11 + int rand 80 } 0 .. $#nodes);
    }' "$1/$NODES" "$RANDOM"
}

# told_as FILE ROOT: the finished run has printed these lines, but for the number of blanks.
told_as() {
  local -a want got
  local i
  ended "exit 0" "$([[ $stderr != */node[0-9]* ]] || echo "the nodes are those of the list in online: numbers may be missing")" || return
  mapfile -t want < <(sed -E 's/ +/ /g; s/^ | $//g' "$1")
  mapfile -t got < <(sed -E 's/ +/ /g; s/^ | $//g' "$run.out")
  for ((i = 0; i < ${#want[@]} || i < ${#got[@]}; i++)); do
    [[ ${want[i]-} == "${got[i]-}" ]] || wrong expected "line $((i + 1)): ${want[i]-(no more lines)}" \
      kernel "online $(<"$2/$NODES/online"), possible $(<"$2/$NODES/possible")" \
      program "line $((i + 1)): ${got[i]-(nothing)}" likely "$(misread "${want[i]-}" "${got[i]-}" "$2/$NODES")" || return
  done
}

# misread WANT GOT DIR: what makes one line of the other.
misread() {
  local node kind total
  read -r _ node kind _ <<<"$1"
  kind=${kind%:}
  case $1 in
  available*)
    [[ $2 == *"($(<"$3/possible"))"* && $1 != *"($(<"$3/possible"))"* ]] && echo "online: not every node that is possible is there" && return
    echo "as many as there are in the list of online: that may have ranges, and gaps"
    ;;
  node*size* | node*free*)
    [[ $2 == "node $node $kind:"* ]] || { echo "the nodes are those of the list in online: numbers may be missing" && return; }
    total=$(awk -v what="$kind" '$3 == (what == "free" ? "MemFree:" : "MemTotal:") { print $4 }' "$3/node$node/meminfo")
    case ${2##*: } in
    "$((total / 1000)) MB") echo "MB are MiB here: 1024 kB each" ;;
    "$(((total + 1023) / 1024)) MB" | "$(((total + 512) / 1024)) MB") echo "numactl rounds down" ;;
    *)
      ((${total:-0} < 1 << 31)) || { echo "this node has some TiB: its kB are too many for an int" && return; }
      echo "MemTotal and MemFree in meminfo of the node, in MB of 1024 kB"
      ;;
    esac
    ;;
  node*cpus*)
    [[ $2 == "node $node cpus:"* ]] || { echo "the nodes are those of the list in online: numbers may be missing" && return; }
    echo "cpulist of the node: ranges with both ends, and a node may have none"
    ;;
  node\ [0-9]*) echo "the nodes are those of the list in online" ;;
  [0-9]*) echo "the i-th number in distance belongs to the i-th node of online, whatever its number; the row is the node whose file it is" ;;
  esac
}

@test "1.1 this machine, as numactl --hardware shows it [4]" {
  local tries
  reads="numa(7), numactl(8)"
  # what is free changes, in some guests the rest too: until the kernel says the same before and after
  for tries in 1 2 3 4 5 6; do
    numactl_of "" | sed '/ free: /d' >want
    try topology
    numactl_of "" | sed '/ free: /d' >after
    ! cmp -s want after || break
  done
  sed -i '/ free: [0-9]* MB$/d' "$run.out"
  told_as want ""
  try topology
  same "lines about free memory" "$(grep -c ' size: ' want)" _ "$(grep -c ' free: [0-9]* MB$' "$run.out")"
  ! command -v numactl >/dev/null || {
    numactl --hardware | sed '/ free: /d' >want
    sed -i '/ free: /d' "$run.out"
    told_as want ""
  }
}

@test "1.2 other machines: one, two and four nodes, one without memory [5]" {
  reads="numa(7), numactl(8)"
  local machine
  for machine in one-node two-nodes four-nodes memoryless gaps; do
    try topology --sysroot "$LAB_DIR/sysroots/$machine"
    told_as "$LAB_DIR/expected/topology-$machine.txt" "$LAB_DIR/sysroots/$machine"
  done
}

@test "1.3 a machine of the seed: gaps, nodes without CPUs or memory [5]" {
  reads="numa(7), numactl(8)"
  local sysroot="machine-$RANDOM"
  mkdir -p "$sysroot/$NODES"
  make_tree "$sysroot"
  numactl_of "$sysroot" >want
  try topology --sysroot "$sysroot"
  told_as want "$sysroot"
}

@test "1.4 a file that is not there, or makes no sense, is an error [4]" {
  reads="err(3), strtol(3)"
  local file bad
  for file in online node0/cpulist node0/meminfo node0/distance; do
    rm -rf machine
    cp -r "$LAB_DIR/sysroots/two-nodes" machine
    chmod -R u+w machine
    rm "machine/$NODES/$file"
    try topology --sysroot machine
    refused "${file##*/}" "No such file or directory" "fopen returns NULL; err(1, \"%s\", path) says the rest"
  done
  rm -rf machine
  cp -r "$LAB_DIR/sysroots/two-nodes" machine
  chmod -R u+w machine
  for file in online node1/cpulist; do
    for bad in "0-x" "0-1x" "x" "0;1"; do
      echo "$bad" >"machine/$NODES/$file"
      try topology --sysroot machine
      [[ $end == "exit 1" && -n $stderr && $stderr != *$'\n'* ]] ||
        wrong expected "exit 1, and one line on stderr, when $file is '$bad'" \
          program "$(cause "$end"); stderr: ${stderr:-(nothing)}" \
          likely "strtol(3) tells where the number ends: look there, only '-', ',' or the end may follow"
    done
    cp "$LAB_DIR/sysroots/two-nodes/$NODES/$file" "machine/$NODES/$file"
  done
}

# ---- task 2: place --------------------------------------------------------------------------------

# placed ARGUMENT...: `place` with these, up to its stop. told[NODE] is what it says, kernel[NODE] what
# numa_maps says, told[nowhere], told[pages]; policy is the policy of its memory.
placed() {
  local -a word
  local node pages=$((mib * 1048576 / $(getconf PAGESIZE)))
  declare -gA told=() kernel=()
  start place "$@" --mib "$mib" --stop
  eventually in_state T "$pid" || finish
  while read -ra word; do
    case "${word[*]}" in
    "process $pid: "*" pages at 0x"*) told[pages]=${word[2]} address=${word[5]} ;;
    "node "*": "*" pages") told[${word[1]%:}]=${word[2]} ;;
    "nowhere: "*" pages") told[nowhere]=${word[1]} ;;
    *) wrong expected "process $pid: N pages at ADDRESS, node 0: N pages, ..., nowhere: N pages" program "${word[*]}" || return ;;
    esac
  done <"$run.out"
  [[ -n ${told[nowhere]-} && -n ${told[pages]-} ]] ||
    wrong expected "process $pid: N pages at ADDRESS, node 0: N pages, ..., nowhere: N pages" program "${stdout:-(nothing)}" stderr "$(head -n 1 "$run.err")" || return
  # the last mapping that begins at or below the address
  read -ra word < <(perl -ane 'BEGIN { $at = hex shift } $best = "@F[1 .. $#F]\n" if hex $F[0] <= $at; END { print $best }' "$address" "/proc/$pid/numa_maps")
  policy=${word[0]-}
  for node in "${word[@]}"; do
    [[ ! $node =~ ^N([0-9]+)=([0-9]+)$ ]] || kernel[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
  done
  finish CONT
  same "pages" "$pages" _ "${told[pages]}"
}

# lies_on NODE [PATTERN=HINT]...: all of it does, says the kernel, and so says the program.
lies_on() {
  local node hint="nobody has touched them: a page is made, somewhere, at the first touch"
  ((${#kernel[@]} == 0)) || hint="bind the memory before it is touched: a page stays where it is, unless it is moved"
  for node in $(sed 's/.*node//' <<<"$(printf '%s\n' /"$NODES"/node[0-9]*)"); do
    if [[ $node == "$1" ]]; then
      near "pages on node $node" "${told[pages]}" 16 "${kernel[$node]-0}" "${told[$node]-none}" "0=$hint" "${@:2}"
    else
      near "pages on node $node" 0 16 "${kernel[$node]-0}" "${told[$node]-none}" \
        "${told[pages]}=bind the memory before it is touched: a page stays where it is, unless it is moved" "${@:2}"
    fi || return
  done
  same "pages that are nowhere" 0 _ "${told[nowhere]}"
}

# cpu_far_from NODE: a CPU of another node, if there is one.
cpu_far_from() {
  local file cpu=0
  for file in /"$NODES"/node[0-9]*/cpulist; do
    [[ $file == */node$1/* || -z $(<"$file") ]] || cpu=$(sed 's/[,-].*//' "$file")
  done
  echo "$cpu"
}

nodes_with_memory() { awk '$3 == "MemTotal:" && $4 > 65536 { print $2 }' /"$NODES"/node[0-9]*/meminfo; }

@test "2.1 --node N: all pages lie on that node, bound to it [6]" {
  requires numa nodes
  reads="mbind(2), move_pages(2), numa(7) (numa_maps)"
  local node mib
  for node in $(nodes_with_memory); do
    pick mib 4 12
    placed --cpu "$(cpu_far_from "$node")" --node "$node"
    [[ $policy == bind*:"$node" ]] || wrong expected "policy bind:$node" kernel "policy $policy (/proc/$pid/numa_maps)" \
      likely "mbind(2) or set_mempolicy(2) with MPOL_BIND, before the first touch"
    lies_on "$node"
    ended "exit 0"
  done
}

@test "2.2 else on the node of the CPU; what is said is what is [4]" {
  requires numa nodes strace
  reads="numa(7), move_pages(2), get_mempolicy(2)"
  local node mib cpu from
  pick mib 4 12
  for node in $(nodes_with_memory); do
    cpu=$(sed 's/[,-].*//' "/$NODES/node$node/cpulist")
    [[ -n $cpu ]] || continue
    placed --cpu "$cpu"
    lies_on "$node"
    [[ -n ${from-} ]] || from=$cpu
  done
  # half here, half there
  ! command -v numactl >/dev/null || {
    before+=(numactl --interleave=all)
    placed --cpu "$from"
    before=("${before[@]:0:${#before[@]}-2}")
    for node in $(nodes_with_memory); do
      near "pages on node $node, when they take turns" "${kernel[$node]-0}" 16 "${kernel[$node]-0}" "${told[$node]-none}" \
        "0=ask the kernel where they are, for every one of them" "${told[pages]}=ask the kernel where they are, for every one of them"
    done
  }
  # the kernel never hears of the binding, and still the program says where the pages are
  traced -e trace=mbind,set_mempolicy -e inject=mbind,set_mempolicy:retval=0 -- place --cpu "$from" --node "$node" --mib "$mib"
  same "pages on node $node, when the binding has done nothing" 0 _ "$(sed -n "s/^node $node: \(.*\) pages/\1/p" "$run.out")" \
    "*=ask the kernel where they are, do not tell what you have asked for"
}

@test "2.3 a node that is not there, calls that fail: one line, exit 1 [4]" {
  requires numa strace
  reads="mbind(2) (ERRORS), move_pages(2) (ERRORS)"
  local absent call node hint
  absent=$(($(sed 's/.*[-,]//' /$NODES/online) + 1 + RANDOM % 20))
  traced -e trace=mbind,set_mempolicy,move_pages,get_mempolicy -- place --node 0 --mib 2
  ended "exit 0"
  cp strace.log calls.log
  grep -qE '(mbind|set_mempolicy)\(' calls.log || wrong expected "mbind or set_mempolicy is called" kernel "neither is (strace)"
  for call in mbind set_mempolicy; do
    grep -q "$call(" calls.log || continue
    for node in "$absent" $((64 * (4 + RANDOM % 4))); do
      hint="$call returns -1; err(1, \"$call\") says the rest"
      [[ $node == "$absent" ]] || hint="a mask of one word has room for 64 nodes: 1UL << $node is no bit of its own in it"
      try place --node "$node" --mib 2
      [[ $end == "exit 1" && -n $stderr && $stderr != *$'\n'* ]] ||
        wrong expected "exit 1, and one line on stderr, for node $node" program "$(cause "$end"); stderr: ${stderr:-(nothing)}" likely "$hint"
    done
  done
  for call in mbind set_mempolicy move_pages get_mempolicy; do
    grep -q "$call(" calls.log || continue
    traced -e "trace=$call" -e "inject=$call:error=ENOMEM" -- place --node 0 --mib 2
    refused "$call" "Cannot allocate memory"
  done
}

# ---- task 3: run ----------------------------------------------------------------------------------

# running ARGUMENT...: `run` with these in the background, until the command NAME is in the group. Sets group.
running() {
  start run "$@"
  in_group() { found && [[ -n $(members) ]]; }
  eventually in_group || {
    finish TERM
    wrong expected "group: PATH, of a group with the command in it" program "$(paste -sd ';' <<<"${stdout:-(nothing)}")" stderr "$stderr" \
      kernel "${group:+$group: $([[ -d $group ]] && echo "no process in it" || echo "there is no such group")}" \
      likely "make the group, let the child join it before exec, and wait for its end"
  }
}

@test "3.1 the group has the limits, and the command alone is in it [5]" {
  requires cgroup2
  reads="cgroups(7), Documentation/admin-guide/cgroup-v2.rst"
  local mib weight most swap quota child was
  pick mib 20 60
  pick swap 5 15
  pick weight 200 900
  pick most 20 40
  pick quota 30000 90000
  at_end+=(groups_clear)
  was=$(<"/proc/self/cgroup")
  running --memory.max "${mib}M" --memory.swap.max "${swap}M" --cpu.weight "$weight" --pids.max "$most" --cpu.max "$quota 100000" sleep 50
  asleep() { child=$(members) && [[ $(cat "/proc/$child/comm" 2>/dev/null) == sleep ]]; }
  eventually asleep || :
  same "the group above" "$CGROUPS" _ "${group%/*}"
  same memory.max $((mib << 20)) "$(fact memory.max)" _ "max=it has not been written" \
    "$((mib * 1000000 / 4096 * 4096))=MiB: $mib * 1024 * 1024 bytes; the kernel itself understands ${mib}M" "*=as it is given: the kernel understands ${mib}M"
  same memory.swap.max $((swap << 20)) "$(fact memory.swap.max)" _ "max=it has not been written" "0=0 only when no --memory.swap.max is given"
  same cpu.weight "$weight" "$(fact cpu.weight)" _ "100=it has not been written: that is what every group begins with"
  same pids.max "$most" "$(fact pids.max)" _ "max=it has not been written"
  same cpu.max "$quota 100000" "$(fact cpu.max)" _ "max*=it has not been written"
  same cgroup.procs "$(children "$pid")" "$(members)" _ \
    "$pid*=that is the program itself: the child has to be in it, not its parent" "*\ $pid=that is the program itself" "*=the command, and nobody else"
  same "the group of ./resources itself" "$was" "$(<"/proc/$pid/cgroup")" _ "*=its child joins the group, it stays where it is"
  finish TERM
  nothing_left
}

@test "3.2 the command is in the group before it does anything [4]" {
  requires cgroup2 strace
  reads="cgroups(7), clone3(2) (CLONE_INTO_CGROUP), open(2) (O_CLOEXEC)"
  local mib weight most file
  pick mib 20 60
  own_group
  pick weight 200 900
  pick most 20 40
  # the parent is held up as soon as the child is there, longer than a child would sleep instead of waiting
  # shellcheck disable=SC2016
  traced -e "trace=$FORKS" -e "inject=$FORKS:delay_exit=2500000:when=1" -- run --parent "$parent" --memory.max "${mib}M" --cpu.weight "$weight" --pids.max "$most" \
    perl -e '$groups = shift; $_ = <>; chomp; s/^0:://; print "in $_\n"
      ; for $file (qw(memory.max memory.swap.max cpu.weight pids.max)) { open F, "$groups$_/$file" and print "$file ", <F>; close F }
      for $to (map readlink, </proc/self/fd/*>) { print "open $to\n" if index($to, $groups) == 0 }' "$CGROUPS" /proc/self/cgroup
  group=$(sed -n 's/^group: //p' "$run.out")
  same "the group of the command, when it starts" "${group#"$CGROUPS"}" "$(sed -n 's/^in //p' "$run.out")" _ \
    "*=the parent moves it, and the command does not wait: let the child join before exec, or hold it back until it is in"
  same "memory.max, when it starts" $((mib << 20)) "$(sed -n 's/^memory.max //p' "$run.out")" _ "max=limits first, then the command"
  for file in "memory.swap.max 0" "cpu.weight $weight" "pids.max $most"; do
    same "$file, when it starts" "${file#* }" "$(sed -n "s/^${file% *} //p" "$run.out")" _ "*=all limits first, then the command"
  done
  same "files of the group that the command has open" "" "$(sed -n 's/^open //p' "$run.out" | paste -sd ' ')" _ \
    "*=a command inherits what is open: close(2) what has been written, or open it with O_CLOEXEC"
  nothing_left
}

@test "3.3 under 150M, 300M and 150M are killed and 100M lives [5]" {
  requires cgroup2
  reads="cgroups(7), Documentation/admin-guide/cgroup-v2.rst (memory.max)"
  local size killed=0 hint="the limit does not hold: memory.max and memory.swap.max, both before the command begins"
  own_group
  for size in 300M 150M; do
    try run --parent "$parent" --memory.max 150M "$PROGRAM" hog --vm-bytes "$size"
    group=$parent
    same "oom_kill, of $size" 1 "$(($(fact memory.events oom_kill) - killed))" _ "*=$hint"
    killed=$(fact memory.events oom_kill)
    shape run-signal.txt "*exited*=the end of the child is WIFSIGNALED here"
    same signal SIGKILL _ "${said[signal]}"
    ended "exit 137" "128 + the signal that killed the command, as a shell says it"
  done
  try run --parent "$parent" --memory.max 150M "$PROGRAM" hog --vm-bytes 100M
  same "oom_kill, of 100M" 0 "$(($(fact memory.events oom_kill) - killed))" _ "*=100 MiB fit into 150M"
  shape run-exit.txt
  ended "exit 0"
  (($(fact memory.peak) >= 104857600)) || wrong expected "100 MiB touched" kernel "memory.peak $(fact memory.peak)"
  nothing_left
}

@test "3.4 a limit holds where there is swap, unless swap is given [3]" {
  requires cgroup2 swap
  reads="Documentation/admin-guide/cgroup-v2.rst (memory.swap.max)"
  own_group memory.swap.max=64M
  try run --parent "$parent" --memory.max 30M "$PROGRAM" hog --vm-bytes 50M
  group=$parent
  same "oom_kill, of 50M under 30M" 1 "$(fact memory.events oom_kill)" _ "0=it went on in swap: memory.swap.max 0 with memory.max"
  shape run-signal.txt
  try run --parent "$parent" --memory.max 30M --memory.swap.max 40M "$PROGRAM" hog --vm-bytes 50M
  same "oom_kill, with 40M of swap" 0 "$(($(fact memory.events oom_kill) - 1))" _ "1=--memory.swap.max 40M gives it the room"
  shape run-exit.txt
  running --parent "$parent" --pids.max 20 sleep 50
  same "memory.swap.max, without --memory.max" max "$(fact memory.swap.max)" _ "0=only together with --memory.max"
  finish TERM
  nothing_left
}

@test "3.5 what cannot be done is said; the command does not run [4]" {
  requires cgroup2 strace
  reads="cgroups(7), write(2)"
  local bad tries gone
  not_run() {
    [[ $stdout != *"the command runs"* ]] || wrong expected "the command does not run" program "$stdout" \
      likely "without its limits it must not run"
    nothing_left "also when something fails: atexit(3) is called by exit(3) and err(3)"
  }
  own_group
  one_of bad 0 10001 99999
  try run --parent "$parent" --cpu.weight "$bad" echo the command runs
  refused cpu.weight "Numerical result out of range" "write returns -1 when the kernel refuses the value; with stdio, fclose tells"
  not_run
  try run --parent "$parent" --memory.max nonsense echo the command runs
  refused memory.max "Invalid argument" "write returns -1 when the kernel refuses the value; with stdio, fclose tells"
  not_run
  try run --parent "$parent/absent" echo the command runs
  refused "$parent/absent" "No such file or directory" "the path, and what the kernel said"
  traced -e trace='/^mkdir' -e inject='/^mkdir:error=ENOSPC' -- run --parent "$parent" echo the command runs
  refused "" "No space left on device" "check what mkdir returns, and say what could not be made"
  not_run
  traced -e "trace=$FORKS" -e "inject=$FORKS:error=EAGAIN" -- run --parent "$parent" echo the command runs
  refused "" "Resource temporarily unavailable" "fork returns -1"
  not_run
  try run --parent "$parent" /no/such/command
  ended "$([[ $end == "exit 1" ]] && echo "exit 1" || echo "exit 127")" # 127: as in a shell
  nothing_left
  # nobody can join a group that is not there any more: it goes while the fork is held up
  for tries in 1 2 3; do
    trace -e "trace=$FORKS" -e "inject=$FORKS:delay_enter=1500000:when=1" -- run --parent "$parent" echo the command runs
    eventually found || :
    rmdir "$group" 2>/dev/null && gone=yes || gone=""
    finish
    [[ -z $gone ]] || break
  done
  [[ -z $gone || ($end == "exit 1" && $stdout != *"the command runs"*) ]] ||
    wrong expected "exit 1, and no command, when it cannot join its group" program "$(cause "$end"), $stdout" stderr "$(head -n 1 "$run.err")" \
      likely "writing to cgroup.procs may fail like any other write: then the command must not run"
}

# children PID: those of its first thread.
children() { sed 's/ $//' "/proc/$1/task/$1/children" 2>/dev/null; }

@test "3.6 SIGINT and SIGTERM end all that is in the group, then it goes [5]" {
  requires cgroup2 strace
  reads="sigwaitinfo(2), rmdir(2), Documentation/admin-guide/cgroup-v2.rst (cgroup.kill)"
  local signal each all program
  own_group
  for signal in INT TERM; do
    running --parent "$parent" sh -c 'trap "" INT TERM; sleep 50 & setsid sleep 50 & while :; do sleep 50; done'
    four() { read -ra all <<<"$(members)" && ((${#all[@]} == 4)); }
    eventually four || :
    kill "-$signal" "$pid" 2>/dev/null || :
    eventually gone "$group" || wrong expected "SIG$signal: no process left, no group left" kernel "in $group: $(members | grep . || echo nobody)" \
      likely "$([[ -n $(members) ]] && echo "the command may not care for signals, and has children of its own: write 1 to cgroup.kill" ||
        echo "rmdir(2) has failed with EBUSY, a moment too early: again, until it does not")"
    finish
    [[ $end == exit* ]] || wrong expected "an end of its own after SIG$signal" program "$(cause "$end")"
    for each in "${all[@]}"; do
      in_state Z "$each" || [[ ! -e /proc/$each ]] || wrong expected "no process left" kernel "process $each lives on"
    done
    nothing_left
  done
  # SIGCHLD comes as well when the command has been stopped
  # shellcheck disable=SC2016
  running --parent "$parent" sh -c 'kill -STOP $$; sleep 50'
  halted() { in_state T "$(members)" && in_state S "$pid"; }
  eventually halted || :
  nap 0.3
  kill -TERM "$pid" 2>/dev/null || :
  eventually gone "$group" || wrong expected "SIGTERM, and the command has been stopped: no group left" kernel "in $group: $(members)" \
    likely "SIGCHLD does not say that the command has ended: ask waitpid(2), with WNOHANG"
  finish
  # the signal comes as soon as there is a child, and before anybody waits for it
  trace -e "trace=$FORKS" -e "inject=$FORKS:delay_exit=1000000:when=1" -- run --parent "$parent" sleep 50
  forked() { program=$(children "$pid") && [[ -n $program && -n $(children "$program") ]]; }
  WAIT_TIMEOUT=15 eventually forked || :
  found || : # it has said so before
  kill -TERM $program 2>/dev/null || :
  eventually gone "$group" || wrong expected "SIGTERM right after fork: no group left" kernel "in $group: $(members)" \
    likely "a signal that comes before waitpid(2) does not interrupt it: keep it blocked, and take it with sigwaitinfo(2)"
  finish
  # the command ends, and leaves a child behind
  try run --parent "$parent" sh -c 'sleep 50 & exit 7'
  nothing_left "who is left in it has to go first: cgroup.kill, and then rmdir, until it is not EBUSY any more"
  [[ $end == "exit 7" && $left == 0 ]] || wrong expected "exit 7, and no process left" program "$(cause "$end")" kernel "$left processes left"
}

# ---- task 4: what has become of it ----------------------------------------------------------------

@test "4.1 peak, CPU time and throttling are those of the kernel [4]" {
  requires cgroup2
  reads="Documentation/admin-guide/cgroup-v2.rst (memory.peak, cpu.stat)"
  local mib peak used throttled took hint="usage_usec in cpu.stat: user and system, of all that were in the group, waited for or not"
  pick mib 20 60
  own_group
  # a hog that nobody waits for, beside one who takes half a second of the system's time, and some of his own
  # shellcheck disable=SC2016
  try run --parent "$parent" perl -e '$to = shift; $hog = fork; exec @ARGV unless $hog; 1 while (times)[0] < 0.3; open Z, "/dev/zero"; sysread Z, $_, 1 << 20 while (times)[1] < 0.5; do { select undef, undef, undef, 0.02; open F, "/proc/$hog/stat"; $_ = <F> } until /\) Z/; open T, ">$to"; printf T "%d", 1000 * ((times)[0] + (times)[1])' \
    "$BATS_TEST_TMPDIR/waited" "$PROGRAM" hog --vm-bytes "${mib}M" --timeout 1
  group=$parent # it has counted for the one that is gone
  peak=$(fact memory.peak) used=$(fact cpu.stat usage_usec)
  shape run-survived.txt
  near "memory.peak in KiB" $((peak / 1024)) 600 $((peak / 1024)) "${said[peak]}" \
    "0=memory.current is what is used now, and now is after the end" "$peak=it is in bytes, and KiB are told"
  near "CPU time in ms" $((used / 1000)) 80 $((used / 1000)) "$(awk -v s="${said[cpu]}" 'BEGIN { printf "%d", s * 1000 }')" \
    "$(($(fact cpu.stat system_usec) / 1000))=$hint" "$(($(fact cpu.stat user_usec) / 1000))=$hint" \
    "$(cat waited 2>/dev/null || echo 0)=$hint" "0=read it before the group is removed"
  running --parent "$parent" --cpu.max '20000 100000' "$PROGRAM" hog --timeout 1 --stop
  stopped() { [[ -n $(members) ]] && in_state T "$(members)"; }
  eventually stopped || :
  [[ -n $(members) ]] || wrong expected "the command, which has stopped itself, is waited for" kernel "nobody is in $group" program "$(head -n 2 "$run.out" | tail -n 1)" \
    likely "a child that is stopped has not ended: waitpid(2) without WUNTRACED"
  throttled=$(fact cpu.stat nr_throttled) took=$(fact cpu.stat throttled_usec) used=$(fact cpu.stat usage_usec)
  kill -CONT "$(members)" 2>/dev/null || :
  finish
  shape run-survived.txt
  near "throttled" "$throttled" 2 "$throttled" "${said[throttled]}" "$((took + 0))=that is throttled_usec: nr_throttled counts" "0=nr_throttled in cpu.stat"
  near "CPU time in ms, with --cpu.max" $((used / 1000)) 80 $((used / 1000)) "$(awk -v s="${said[cpu]}" 'BEGIN { printf "%d", s * 1000 }')" "$ms=that is the time by the clock, not on a CPU: usage_usec"
}

@test "4.2 the verdict is oom_kill, not a signal and not an exit code [5]" {
  requires cgroup2
  reads="Documentation/admin-guide/cgroup-v2.rst (memory.events)"
  local signal other
  own_group
  one_of other HUP USR1 TERM ALRM
  for signal in KILL "$other"; do
    try run --parent "$parent" --memory.max 50M sh -c "kill -$signal \$\$"
    shape run-killed.txt "*by the OOM killer=SIGKILL comes from others too: look at oom_kill" "*survived=SIG$signal has ended it: WIFSIGNALED"
    same signal "SIG$signal" _ "${said[signal]}"
    same oom_kill 0 _ "${said[oom_kill]}"
    ended "exit $((128 + $(kill -l "$signal")))" "128 + the signal that ended the command: WTERMSIG"
  done
  # two of them
  # shellcheck disable=SC2016
  try run --parent "$parent" --memory.max 20M sh -c '"$0" hog --vm-bytes 40M; "$0" hog --vm-bytes 40M; exit 3' "$PROGRAM"
  shape run-oom-inside.txt "*survived=the command has ended by itself, but a child of it was killed: look at oom_kill"
  same "exit code" 3 _ "${said[code]}"
  group=$parent
  same oom_kill 2 "$(fact memory.events oom_kill)" "${said[oom_kill]}"
  same oom "$(fact memory.events oom)" _ "${said[oom]}" "*=oom is a key of its own, a whole word: oom_kill and oom_group_kill begin alike"
  ended "exit 3"
  try run --parent "$parent" --memory.max 50M sh -c 'exit 137'
  shape run-survived.txt "*OOM*=nobody was killed: an exit code of 137 is an exit code" "*killed*=an exit code of 137 is no signal"
  same "exit code" 137 _ "${said[code]}"
  ended "exit 137"
}

@test "4.3 a limit further up kills: oom 0 here, oom_kill 1 all the same [3]" {
  requires cgroup2
  reads="Documentation/admin-guide/cgroup-v2.rst (memory.events)"
  local killed
  own_group memory.max=30M
  try run --parent "$parent" --memory.max 200M "$PROGRAM" hog --vm-bytes 60M
  group=$parent
  same "oom in the group above" 1 "$(fact memory.events oom)" _
  shape run-oom.txt "*killed, but*=oom counts the limits of this group that were hit, oom_kill its processes that were killed, whosever limit it was" \
    "memory.events*=two numbers, oom and oom_kill"
  same "oom" 0 _ "${said[oom]}" "1=oom is a word of its own: oom_kill and oom_group_kill begin alike" "*=oom, as memory.events has it"
  same "oom_kill" 1 _ "${said[oom_kill]}" "0=that is oom: this group's own limit was not hit" "*=oom_kill, as memory.events has it"
  # who is killed is in a group that the command has made below its own
  killed=$(fact memory.events oom_kill)
  # shellcheck disable=SC2016
  try run --parent "$parent" --memory.max 20M sh -c 'cd "$1$(sed s/^0::// /proc/self/cgroup)" && mkdir one two && echo 0 >one/cgroup.procs &&
    echo +memory >cgroup.subtree_control && sh -c "echo 0 >two/cgroup.procs && exec \"\$0\" hog --vm-bytes 40M" "$0"
    echo -memory >cgroup.subtree_control; echo 0 >cgroup.procs; rmdir one; until rmdir two || [ ! -d two ]; do sleep 0.1; done 2>/dev/null' "$PROGRAM" "$CGROUPS"
  same "oom_kill, of a hog in a group below" 1 "$(($(fact memory.events oom_kill) - killed))" _
  shape run-oom-inside.txt "*survived=memory.events counts the groups below as well, memory.events.local does not" \
    "memory.events*=memory.events counts the groups below as well, memory.events.local does not"
  same "oom_kill, of a hog in a group below" 1 _ "${said[oom_kill]}" "0=memory.events counts the groups below as well, memory.events.local does not"
}

# ---- task 5: weights ------------------------------------------------------------------------------

# weighed SHARE CPUS WEIGHT WEIGHT: `weigh` with these for some time, while the kernel is asked. share_a is
# the first one's share by cpu.stat, and told_a what the program says, in per mille; weights and cpus are
# what its groups and hogs have. A guest may be without a CPU itself for a while: so until both
# are near SHARE, or four times, each twice as long as the one before.
weighed() {
  local tries each key value
  local -a used first groups
  cpus_alone
  for tries in 800 1600 3200 6400; do
    share_a=-1 weights="" cpus=""
    RUN_TIMEOUT=20 start weigh --parent "$parent" --cpu "$2" --ms "$tries" "$3" "$4"
    # without a process: the hogs leave little time to others
    while mapfile -t used <"$run.status" && ((${#used[@]} < 2)); do # until it says how it has ended
      used=()
      lighter_first
      for each in "${groups[@]}"; do
        { read -r key value <"$each/cpu.stat"; } 2>/dev/null && used+=("$value") || break
      done
      if ((${#used[@]} == 2 && used[0] + used[1] > 100000)); then
        [[ -n $cpus ]] || { look_at_hogs "${groups[@]}" && first=("${used[@]}"); } || continue
        used=($((used[0] - first[0])) $((used[1] - first[1])))
        ((used[0] + used[1] < 100000)) || share_a=$((1000 * used[0] / (used[0] + used[1])))
      fi
      nap 0.05
    done
    finish
    ended "exit 0" || return
    shape weigh.txt || return
    same "weights told" "$3 $4" _ "${said[a]} ${said[b]}" || return
    told_a=$(per_mille "${said[share_a]}")
    ! within "$told_a" "$1" "$SHARE" || ! within "$share_a" "$1" "$SHARE" || break
  done
  exec {alone}<&-
}

# lighter_first: sets groups: those in parent, the one with the smaller weight first, whatever their names.
lighter_first() {
  local a=0 b=0
  groups=("$parent"/*/)
  { read -r a <"${groups[0]}/cpu.weight" && read -r b <"${groups[1]-}/cpu.weight"; } 2>/dev/null || return 0
  ((a <= b)) || groups=("${groups[1]}" "${groups[0]}")
}

# look_at_hogs GROUP...: sets weights, and cpus: on which each hog may run.
look_at_hogs() {
  local each key value
  weights="" cpus=""
  for each; do
    read -r value <"$each/cpu.weight" && weights+="${weights:+ }$value"
    read -r value <"$each/cgroup.procs" || { weights="" && return 1; }
    while read -r key value; do
      [[ $key != Cpus_allowed_list: ]] || cpus+="${cpus:+ }$value"
    done <"/proc/$value/status"
  done 2>/dev/null
}

# per_mille NUMBER: 0.25 is 250.
per_mille() { awk -v n="$1" 'BEGIN { printf "%d", n * 1000 + 0.5 }'; }

SHARE=50 # per mille that a share may be off

@test "5.1 100 and 300 on one busy CPU: a quarter and three quarters [6]" {
  requires cgroup2
  reads="Documentation/admin-guide/cgroup-v2.rst (cpu.weight), sched_setaffinity(2)"
  local other right
  pick other 150 900
  own_group cpu.weight=10000 # whatever else happens on this machine
  for other in 300 "$other"; do
    right=$((100000 / (100 + other)))
    weighed "$right" 0 100 "$other"
    same "cpu.weight of the two groups" "100 $other" "${weights:-(none seen)}" _ "100 100=it has not been written" \
      "(none seen)=two groups, a hog in each, both on the one CPU that is told, or nobody else gets to run"
    same "CPUs of the two hogs" "0 0" "$cpus" _ "*=both on the one CPU that is told: sched_setaffinity(2)"
    note kernel "the share of weight 100, per mille $share_a"
    near "the share of weight 100, per mille" "$right" "$SHARE" _ "$told_a" \
      "500=equal shares: a CPU for each, one group for both, or all of a work that is the same for both" \
      "$((1000 - right))=that is the other one's" "1000=the other one has not run"
    near "the share of weight 100, per mille" "$right" "$SHARE" "$share_a" _
    near "the share of weight $other, per mille" $((1000 - right)) "$SHARE" _ "$(per_mille "${said[share_b]}")"
  done
  nothing_left
}

@test "5.2 a CPU for each: weights change nothing [3]" {
  requires cgroup2 nodes
  reads="Documentation/admin-guide/cgroup-v2.rst (cpu.weight)"
  local tries began used both
  own_group cpu.weight=3000
  group=$parent # it counts for those that are gone
  cpus_alone
  for tries in 1 2 3; do
    began=$(fact cpu.stat usage_usec)
    RUN_TIMEOUT=20 try weigh --parent "$parent" --cpu 0,1 --ms 3000 100 300
    ended "exit 0"
    shape weigh.txt
    used=$((($(fact cpu.stat usage_usec) - began) / 1000))
    both=$(($(per_mille "${said[used_a]}") + $(per_mille "${said[used_b]}")))
    told_a=$(per_mille "${said[share_a]}")
    ! within "$told_a" 500 "$SHARE" || break
  done
  near "the share of weight 100, per mille" 500 "$SHARE" _ "$told_a" "250=they compete: one on each CPU, in turn"
  ((ms >= 3000)) || wrong expected "--ms 3000: it takes 3000 ms at least" kernel "it ended after $ms ms" likely "--ms says how long the hogs are looked at"
  ((both >= 800 && both <= used + 50)) || wrong expected "CPU time of both, of 3000 ms on two CPUs" \
    kernel "$used ms (cpu.stat of the group above)" program "$both ms"
  # in turn: the third is on the first CPU again, and has three quarters of it
  for tries in 800 1600 3200 6400; do
    RUN_TIMEOUT=20 try weigh --parent "$parent" --cpu 0,1 --ms "$tries" 100 100 300
    ended "exit 0"
    shape weigh-three.txt
    within "$(per_mille "${said[share_a]}")" 125 "$SHARE" && within "$(per_mille "${said[share_b]}")" 500 "$SHARE" && break || :
  done
  near "the share of the first of three, per mille" 125 "$SHARE" _ "$(per_mille "${said[share_a]}")" \
    "200=ask the kernel for what they have got, do not tell what the weights promise" "500=CPUs in turn: the third hog is on the first one again"
  near "the share of the second of three, alone on its CPU, per mille" 500 "$SHARE" _ "$(per_mille "${said[share_b]}")" \
    "200=ask the kernel for what they have got, do not tell what the weights promise"
  nothing_left
}

@test "5.3 the time counts from when all run, whatever their weight [3]" {
  requires cgroup2 strace
  reads="Documentation/admin-guide/cgroup-v2.rst (cpu.stat), signal(7) (SIGSTOP), pipe(7)"
  local there
  own_group cpu.weight=10000
  weighed 0 0 1 10000
  within "$told_a" 0 100 || wrong expected "the share of weight 1, per mille 0, give or take 100" kernel "per mille $share_a" program "per mille $told_a" \
    likely "who weighs 1 does not even start while the other runs: let all be there, then begin, and then take the first reading"
  (($(per_mille "${said[used_b]}") >= 200)) || wrong expected "weight 10000 runs for most of the time" program "it says ${said[used_b]} s"
  # hogs that are held up on their way
  own_group
  RUN_TIMEOUT=20 trace -e trace=sched_setaffinity -e inject=sched_setaffinity:delay_enter=2500000 -- weigh --parent "$parent" --cpu 0 --ms 200 100 300
  finish
  ended "exit 0"
  shape weigh.txt
  there=$(grep -c 'sched_setaffinity.* = 0' strace.log) || :
  ((there >= 2)) || wrong expected "it waits for its hogs, which take 2.5 s to their CPU" kernel "$there of 2 had come there at the end (strace)" \
    likely "no sleep is long enough: let each hog say that it is there, and begin then"
}

@test "5.4 an invalid weight, a CPU that is not there, Ctrl-C [2]" {
  requires cgroup2
  reads="sched_setaffinity(2) (ERRORS), sigtimedwait(2)"
  own_group
  try weigh --parent "$parent" --ms 100 100 0
  refused cpu.weight "Numerical result out of range" "write returns -1 when the kernel refuses the value"
  nothing_left "the group of the first one too, with its hog"
  RUN_TIMEOUT=8 try weigh --parent "$parent" --cpu 999 --ms 100 100
  [[ $end == "exit 1" && $stderr == *"Invalid argument"* ]] || wrong expected "exit 1, and: Invalid argument" \
    program "$(cause "$end"); stderr: ${stderr:-(nothing)}" likely "look at what sched_setaffinity(2) returns; and do not wait for a hog that cannot start"
  nothing_left
  start weigh --parent "$parent" --ms 20000 100 300
  busy() { (($(cat "$parent"/*/cpu.stat 2>/dev/null | awk '/^usage_usec/ { sum += $2 } END { print sum + 0 }') > 50000)); }
  eventually busy || wrong expected "two hogs at work" kernel "none"
  finish INT
  [[ $end == exit* && $end != "exit 0" && $left == 0 ]] || wrong expected "a status that is not 0 after SIGINT, and no hog left" \
    program "$(cause "$end")" kernel "$left processes left"
  nothing_left
}

# ---- task 6: a slice ------------------------------------------------------------------------------

# in_slice NAME: starts a hog of 100M as a unit of this run's own in the slice. Sets unit.
in_slice() {
  unit=labs-$BASHPID-$1.service
  units+=("$unit")
  note ran "systemd-run --unit=${1%-*} --slice=testing.slice ./resources hog --vm-bytes 100M --stop"
  timeout 20 systemd-run -q --unit="$unit" --slice="$slice" -p RuntimeMaxSec=30 -p LimitAS=400M -p LimitCORE=0 \
    "$PROGRAM" hog --vm-bytes 100M --stop 2>systemd-run.err || wrong expected "systemd-run starts it" kernel "$(tail -n 1 systemd-run.err)" || return
  settled() { [[ $(prop ActiveState) != active* ]] || in_state T "$(prop MainPID)"; }
  eventually settled || :
}

# with_slice: the submission's testing.slice, under a name of this run's own: slice.
with_slice() {
  has_unit || return
  slice=labs$BASHPID.slice
  units+=("$slice")
  at_end+=(units_clear)
  note ran "cp testing.slice $UNITS/  # here: $slice"
  cp "$UNIT" "$UNITS/$slice"
  systemctl daemon-reload
  timeout 10 systemctl start "$slice" 2>start.err || wrong expected "systemctl start testing.slice" kernel "$(tail -n 1 start.err)" || return
  group=$CGROUPS$(prop ControlGroup "$slice")
}

@test "6.1 the slice has the four limits, says systemd and says the kernel [3]" {
  requires cgroup2 systemd
  reads="systemd.slice(5), systemd.resource-control(5)"
  with_slice
  same MemoryMax 157286400 "$(prop MemoryMax "$slice")" _ "infinity=MemoryMax= in [Slice]" "150000000=M is MiB for systemd" "*=150M"
  same memory.max 157286400 "$(fact memory.max)" _
  same memory.swap.max 0 "$(fact memory.swap.max)" _ "max=MemorySwapMax=0, or it goes on in swap"
  same cpu.weight 300 "$(fact cpu.weight)" _ "100=CPUWeight= in [Slice]: 100 is what every group begins with"
  same pids.max 50 "$(fact pids.max)" _ "max=TasksMax= in [Slice]"
}

@test "6.2 two units of 100M: each fits, both together do not [5]" {
  requires cgroup2 systemd
  reads="systemd.slice(5), systemd-cgls(1)"
  local one results tries before
  with_slice
  for tries in 1 2 3; do # a guest that is short of time may kill the second before the first is gone
    in_slice "one-$tries"
    one=$unit
    same "the first, alone" "active success" "$(prop ActiveState) $(prop Result)" _ "*=100M fit into a slice of 150M"
    before=$(fact memory.events oom_kill)
    in_slice "two-$tries"
    results=$(printf '%s\n' "$(prop Result "$one")" "$(prop Result)" | sort | paste -sd ' ')
    [[ $results == "oom-kill oom-kill" ]] || break
  done
  same "the results of the two" "oom-kill success" "$results" _ \
    "success success=the limit is to be on the slice, with no swap beside it: then their sum counts" "oom-kill oom-kill=one of them fits"
  same "memory.max of a unit" max "$(cat "$group"/*/memory.max | head -n 1)" _ "*=the limit is on the slice, not on each unit"
  same "oom_kill of the slice" 1 "$(($(fact memory.events oom_kill) - before))" _
  (($(fact memory.peak) <= 157286400)) || wrong expected "memory.peak up to 157286400" kernel "memory.peak $(fact memory.peak)"
}

# ---- task 7: without root -------------------------------------------------------------------------

# as_user UNIT-PROPERTY... -- ARGUMENT...: runs the program as a user who is not root, as a unit, to its end.
as_user() {
  local -a properties=()
  local user=student word
  id -u "$user" >/dev/null 2>&1 || user=nobody
  while [[ $1 != -- ]]; do
    properties+=(-p "$1")
    shift
  done
  unit=labs-$BASHPID-user$((++users)).service
  units+=("$unit")
  [[ -n ${copy-} ]] || copy_program
  word="systemd-run -p User=$user ${properties[*]} --pipe --wait ./resources ${*:2}"
  note ran "${word//"$copy"/.}"
  launch systemd-run -q --wait --pipe --unit="$unit" -p "User=$user" \
    -p RuntimeMaxSec=20 -p LimitAS=400M -p MemoryMax=300M -p "ExecStopPost=+/bin/sh -c 'find $CGROUPS/system.slice/$unit -mindepth 1 -type d ! -name .control >>$copy/left'" \
    "${properties[@]}" "$copy/resources" "${@:2}"
  finish
}

# copy_program: to where others than root may run it.
copy_program() {
  copy=$(mktemp -d /var/tmp/labs-XXXXXX)
  chmod 755 "$copy"
  cp "$PROGRAM" "$copy/resources"
  at_end+=(units_clear copy_clear)
}
copy_clear() { rm -rf "$copy"; }

@test "7.1 in a delegated group: limits without root, and it is left clean [4]" {
  requires cgroup2 systemd
  reads="cgroups(7) (no internal processes), systemd.resource-control(5) (Delegate=)"
  local mib hint="who has processes in it cannot give controllers to its subgroups: EBUSY; make a group below it, go there, then write subtree_control"
  pick mib 20 40
  copy_program
  as_user Delegate=yes -- run --memory.max "${mib}M" "$copy/resources" hog --vm-bytes "$((mib + 20))M"
  [[ $stderr != *"Device or resource busy"* ]] || wrong expected "a group with limits" program "$(cause "$end")" stderr "$stderr" likely "$hint"
  shape run-oom.txt "*exited with 0=the limit does not hold: memory.max, and no swap"
  same "the group above" "$CGROUPS/system.slice/$unit" _ "${said[group]%/*}" "*=/proc/self/cgroup says where we are: 0::PATH, below the mount point"
  same "exit status" "exit 137" _ "$end"
  same "groups left in it" "" "$(paste -sd ' ' "$copy/left")" _ "*=go back (no controllers for subgroups, then we may), and remove the one that you were in"
  as_user Delegate=yes -- run --memory.max "${mib}M" --pids.max 10 "$copy/resources" hog --vm-bytes "$((mib - 10))M"
  shape run-survived.txt
  same "exit status" "exit 0" _ "$end"
  as_user Delegate=yes -- run --cpu.weight 0 /bin/echo the command runs
  refused cpu.weight "Numerical result out of range" "write returns -1 when the kernel refuses the value"
  same "groups left in it, after an error" "" "$(paste -sd ' ' "$copy/left")" _ "*=go back after an error as well: atexit(3)"
}

@test "7.2 in a group that is not delegated: it says so, exit 1 [2]" {
  requires cgroup2 systemd
  reads="cgroups(7) (delegation)"
  as_user -- run --memory.max 20M /bin/echo the command runs
  refused "$CGROUPS/" "Permission denied" "mkdir or open returns -1 with EACCES: err(1, ...) says the rest, with the path"
  [[ $stdout != *"the command runs"* ]] || wrong expected "the command does not run" program "$stdout"
}

@test "7.3 valgrind and the compiler have nothing to complain about [2]" {
  requires valgrind cgroup2 numa
  reads="valgrind(1)"
  before=()
  no_memory_error topology --sysroot "$LAB_DIR/sysroots/gaps"
  told_as "$LAB_DIR/expected/topology-gaps.txt" "$LAB_DIR/sysroots/gaps"
  no_memory_error place --mib 1
  own_group
  no_memory_error run --parent "$parent" --memory.max 100M true
  no_warning
}
