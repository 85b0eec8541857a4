#!/usr/bin/env bats
# The checks of lab04, task by task; each title is a promise of README.md, with its points.
# The verbs (start, becomes, ended, errors_at, own_group ...) are in grader/lib/.

bats_require_minimum_version 1.5.0
# shellcheck source=grader/lib/checks.bash
source "$GRADER/lib/checks.bash"
# shellcheck source=grader/lib/cgroup.bash
source "$GRADER/lib/cgroup.bash"
# shellcheck source=grader/lib/systemd.bash
source "$GRADER/lib/systemd.bash"

RUN_TIMEOUT=10
UNIT=$PROGRAMS/testing.slice # for has_unit
NODES=sys/devices/system/node
FORKS='?fork,?vfork,clone,?clone3' # '?': not every architecture has them all
declare -gA NAMED+=([openat]=$NODES [read]=$NODES) ERROR+=([EEXIST]="File exists")
NAMED[mkdir]="@(mkdir|/*)" NAMED[mkdirat]="@(mkdir|/*)" # its path will do

# ---- task 1: topology -----------------------------------------------------------------------------

# numactl_of ROOT: what `numactl --hardware` (2.0.16) prints on a machine whose /sys is ROOT/sys.
numactl_of() {
  perl -e '
    my $dir = shift;
    sub content {
      open my $file, "<", "$dir/$_[0]" or die "$dir/$_[0]: $!";
      local $/;
      <$file> =~ s/\s*\0?\z//r
    }
    sub members { map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /,/, content(shift) }
    my @nodes = members("online");
    printf "available: %d nodes (%s)\n", scalar @nodes, content("online");
    for my $node (@nodes) {
      print "node $node cpus:", (map " $_", members("node$node/cpulist")), "\n";
      my %kib = content("node$node/meminfo") =~ /(MemTotal|MemFree): +(\d+) kB/g;
      printf "node %d size: %d MB\n", $node, $kib{MemTotal} / 1024;
      printf "node %d free: %d MB\n", $node, $kib{MemFree} / 1024;
    }
    sub row { split " ", content("node$_[0]/distance") }
    if ((row $nodes[-1])[0] == 0) { print "No distance information available.\n"; exit }
    print "node distances:\nnode ", (map sprintf("% 3d ", $_), @nodes), "\n";
    printf "% 3d: %s\n", $_, join "", map sprintf("% 3d ", $_), row $_ for @nodes;
  ' "${1%/}/$NODES"
}

# made_up [ZERO]: in machine/, one that does not exist: nodes with gaps up to 255, one without CPUs, one
# without memory, one with some TiB, CPUs beyond 8000; more nodes are possible; distances depend on the
# direction, and with ZERO those to the first node are 0. want has what numactl would print.
made_up() {
  rm -rf machine
  mkdir -p "machine/$NODES"
  perl -e '
    my ($dir, $seed, $zero) = @ARGV;
    srand $seed;
    sub put {
      my ($name, $text) = @_;
      open my $file, ">", "$dir/$name" or die "$dir/$name: $!";
      print $file "$text\n", "\0" x int rand 2
    }
    sub list {
      my @parts;
      for (@_) {
        if (@parts && $parts[-1][1] == $_ - 1) { $parts[-1][1] = $_ } else { push @parts, [$_, $_] }
      }
      join ",", map { $_->[0] == $_->[1] ? $_->[0] : "$_->[0]-$_->[1]" } @parts
    }
    my $first = 2 + int rand 3;
    my @nodes = (0, $first, $first + 1, 65 + int rand 30, 254 + int rand 2);
    my ($no_cpus, $no_memory) = (1 + int rand 2, 3);
    my @cpus = map [], @nodes;
    for my $cpu (0 .. 199, 8000 .. 8010) {
      my $n;
      do { $n = int rand @nodes } while $n == $no_cpus;
      push @{$cpus[$n]}, $cpu if rand() < 0.9
    }
    put("online", list(@nodes));
    put("possible", "0-300");
    for my $n (0 .. $#nodes) {
      mkdir "$dir/node$nodes[$n]";
      put("node$nodes[$n]/cpulist", list(@{$cpus[$n]}));
      my $total = $n == $no_memory ? 0 : 1024 * (500 + int rand 90000) + 700 + int rand 300;
      $total += 2 ** 32 if $n == 0;
      my $free = int $total * (0.1 + rand 0.8);
      put("node$nodes[$n]/meminfo", join "\n", map sprintf("Node %d %-15s %8d kB", $nodes[$n], @$_),
        ["MemTotal:", $total], ["MemFree:", $free], ["MemUsed:", $total - $free]);
      my @row = map { $_ == $n ? 10 : $zero && !$_ ? 0 : 11 + int rand 240 } 0 .. $#nodes;
      put("node$nodes[$n]/distance", "@row");
    }' "machine/$NODES" "$RANDOM" "${1-}"
  numactl_of machine >want
}

# as_numactl FILE [ROOT]: the finished run has printed the lines of that file.
as_numactl() {
  local -a want got
  local i likely
  ended "exit 0" "the nodes are those in online: numbers may be missing"
  [[ -z $(tail -c 1 "$run.out") ]] || wrong expected "a newline at the end" program "none"
  mapfile -t want <"$1"
  mapfile -t got <"$run.out"
  for ((i = 0; i < ${#want[@]} || i < ${#got[@]}; i++)); do
    [[ ${want[i]-} != "${got[i]-}" ]] || continue
    hint "${want[i]-}" "available*=count the numbers in online: ranges, gaps; other nodes are only possible" \
      "* cpus:*=cpulist of the node: both ends belong to a range; a node may have none" \
      "* MB=MemTotal and MemFree of the node, kB: divided by 1024, rounded down, too large for an int" \
      "No dist*=so says numactl when the distance from the last node to the first is 0" \
      "*=the n-th number in distance belongs to the n-th node online; widths are of % 3d and a blank"
    wrong expected "line $((i + 1)): ${want[i]-(no more lines)}" \
      kernel "online: $(tr -d '\0' <"${2-}/$NODES/online")" \
      program "line $((i + 1)): ${got[i]-(nothing)}" likely "$likely"
  done
}

# without_free FILE...: without the lines about free memory, which changes. squeezed FILE...: without the
# blanks, of which newer versions of numactl have more.
without_free() { sed -i '/ free: [0-9]* MB$/d' "$@"; }
squeezed() { sed -i -E 's/ +/ /g; s/^ | $//g' "$@"; }

# damaged FILE [TEXT] -- REASON HINT: a copy of a machine is refused in which FILE is TEXT, or is not there.
damaged() {
  local file=machine/$NODES/$1 whole=$LAB_DIR/sysroots/two-nodes/$NODES/$1
  [[ -d machine ]] || cp -r --no-preserve=mode "$LAB_DIR/sysroots/two-nodes" machine
  [[ $2 == -- ]] && rm "$file" || echo "$2" >"$file"
  quiet=yes try ./topology --sysroot machine
  note ran "./topology --sysroot machine  # a copy of sysroots/two-nodes, $1 is ${2/#--/not there}"
  [[ $2 == -- ]] || shift
  fails 1 "$3" "$4" || return
  unset "notes[-1]"
  cat "$whole" >"$file"
}

# refuses_lists FILE: in which there is no list.
refuses_lists() {
  local bad
  for bad in 0-x 0-1x x "0;1" "0-1," 1-0 " 0-1" 0,,1 0-1,1 -1 0- 0-+1 "0- 1" 99999999999999999999; do
    damaged "$1" "$bad" -- "..." "strtol(3) says where a number ends; only '-', ',' or the end may follow"
  done
}

@test "1.1 this machine, as numactl --hardware shows it [5]" {
  numactl_of "" >want
  numactl --hardware >real 2>/dev/null || cp want real
  try ./topology
  same "lines about free memory" "$(grep -c ' size: ' want)" _ "$(grep -c ' free: [0-9]* MB$' "$run.out")"
  without_free want real "$run.out"
  as_numactl want ""
  squeezed real "$run.out"
  as_numactl real ""
}

@test "1.2 other machines: gaps, no memory, no CPUs, no distances [5]" {
  for machine in one-node two-nodes four-nodes memoryless gaps offline; do
    try ./topology --sysroot "$LAB_DIR/sysroots/$machine"
    as_numactl "$LAB_DIR/expected/topology-$machine.txt" "$LAB_DIR/sysroots/$machine"
  done
}

@test "1.3 a machine of the seed, with numbers up to 255 and 8191 [5]" {
  made_up
  try ./topology --sysroot machine
  as_numactl want machine
  sanitized ./topology --sysroot machine
  as_numactl want machine
  made_up zero
  no_memory_error ./topology --sysroot machine
  as_numactl want machine
  no_warning
}

@test "1.4 a file that is not there, or makes no sense, is an error [5]" {
  for file in online node0/cpulist node0/meminfo node0/distance; do
    damaged "$file" -- "$NODES/$file: No such file or directory" "fopen returns NULL; err(3) says the rest"
  done
  refuses_lists online
  refuses_lists node1/cpulist
  damaged node0/meminfo "MemTotal: kB" -- "..." "look at what sscanf returns"
  damaged node1/distance 20 -- "..." "two nodes are online, and there is one number"
  from_main=yes errors_at "openat read" ./topology --sysroot "$LAB_DIR/sysroots/one-node"
}

# ---- task 2: place --------------------------------------------------------------------------------

# nodes_with_memory: their numbers. cpu_of NODE: its first CPU. cpu_far_from NODE: one of another node.
nodes_with_memory() { awk '$3 == "MemTotal:" && $4 > 65536 { print $2 }' /"$NODES"/node[0-9]*/meminfo; }
cpu_of() { sed 's/[,-].*//' "/$NODES/node$1/cpulist"; }
cpu_far_from() {
  printf '%s\n' /"$NODES"/node[0-9]*/cpulist | grep -v "node$1/" | xargs cat | grep -om 1 '^[0-9]*'
}

# placed ARGUMENT...: starts `place`, up to its stop. Sets pages, and where: what the kernel says of each of
# its pages (move_pages), in the words that the program should use; and policy, of their mapping.
placed() {
  local -A call=([x86_64]=279 [aarch64]=239)
  local address mib
  pick mib 3 12
  pages=$((mib * 1048576 / $(getconf PAGESIZE)))
  start ./place "$@" --mib "$mib" --stop
  eventually in_state T "$pid" || finish
  address=$(sed -n "1s/^process $pid: $pages pages at 0x//p" "$run.out")
  [[ -n $address ]] ||
    wrong expected "process $pid: $pages pages at 0x..." program "$(head -n 1 "$run.out")" || return
  policy=$(sed -n "s/^0*$address \([^ ]*\).*/\1/p" "/proc/$pid/numa_maps")
  where=$(perl -e '
    my ($call, $pid, $address, $pages, $size) = @ARGV;
    my $asked = pack "Q*", map hex($address) + $_ * $size, 0 .. $pages - 1;
    my $status = "\0" x (4 * $pages);
    syscall($call + 0, $pid + 0, $pages + 0, $asked, 0, $status, 0) == 0 or die "move_pages: $!";
    my ($nowhere, %on) = 0;
    $_ < 0 ? $nowhere++ : $on{$_}++ for unpack "l*", $status;
    print map("node $_: $on{$_} pages; ", sort { $a <=> $b } keys %on), "nowhere: $nowhere pages";
  ' "${call[$(uname -m)]}" "$pid" "$address" "$pages" "$(getconf PAGESIZE)")
}

# lie WANT [PATTERN=HINT]...: so the pages lie, says the kernel, and the program; it goes on, to its end.
lie() {
  same "its pages:" "$1" "$where" "$(tail -n +2 "$run.out" | paste -sd ';' | sed 's/;/; /g')" \
    "*nowhere: [1-9]*=a page exists only when it has been written to" "${@:2}" \
    "*=ask the kernel, about every page"
  send CONT
  finish
  ended "exit 0"
}

# bound_to NODE: their policy is to come from there, and there they lie.
bound_to() {
  [[ $policy == bind*:"$1" || $where == nowhere* ]] || wrong expected "policy bind:$1" \
    kernel "policy $policy (/proc/$pid/numa_maps)" \
    likely "mbind(2) or set_mempolicy(2), with MPOL_BIND, and look at what it returns"
  lie "node $1: $pages pages; nowhere: 0 pages" "node*=bind memory before it is touched: a page stays"
}

# unbound CPU: the kernel never hears of a binding to node 0; from that CPU, pages are elsewhere.
unbound() {
  local name n
  from_main=yes calls_of "mbind|set_mempolicy" ./place --cpu "$1" --node 0 --mib 2
  made "mbind|set_mempolicy"
  read -r name n _ <<<"${calls[0]}"
  traced -e "inject=$name:retval=0:when=$n+" -- ./place --cpu "$1" --node 0 --mib 2
}

@test "2.1 --node N: all pages lie on that node, bound to it [6]" {
  requires numa nodes
  for node in $(nodes_with_memory); do
    placed --cpu "$(cpu_far_from "$node")" --node "$node"
    bound_to "$node"
  done
}

@test "2.2 else on the node of the CPU that touches; the kernel is asked [5]" {
  requires numa nodes
  ask="*=ask the kernel where they are; what was asked for may not be so"
  for node in $(nodes_with_memory); do
    placed --cpu "$(cpu_of "$node")"
    lie "node $node: $pages pages; nowhere: 0 pages"
  done
  with numactl --interleave=all -- placed # half here, half there
  lie "$where" "$ask"
  unbound "$(cpu_of "$node")"
  same "node 0, when binding has no effect:" "" _ "$(sed -n 's/^node 0: //p' "$run.out")" "$ask"
}

@test "2.3 node 0, a node that is not there, calls that fail [5]" {
  requires numa
  last=$(sed 's/.*[-,]//' /$NODES/online)
  for node in $((last + 1 + RANDOM % 20)) 63 64 $((64 * (4 + RANDOM % 4))) 1023; do
    try ./place --node "$node" --mib 2
    fails 1 "...Invalid argument" "look at what the call returns; one word has only 64 nodes; see maxnode"
  done
  placed --node 0
  bound_to 0
  from_main=yes errors_at "mbind|set_mempolicy move_pages|get_mempolicy" ./place --node 0 --mib 1
  sanitized ./place --node 1023
  sanitized ./place --mib 256
  no_memory_error ./place --mib 1
}

# ---- task 3: limit --------------------------------------------------------------------------------

# limited ARGUMENT...: starts ./limit, and waits until the command runs in its group. Sets group, processes.
limited() {
  local there
  start ./limit "$@"
  is_in() { read -r _ group _ <"$run.out" && members && ((${#processes[@]} > 0)); }
  eventually is_in || {
    finish TERM
    [[ -d ${group:-/nonexistent} ]] && there="no process is in ${group##*/}" || there="there is no group"
    wrong expected "group: PATH, of a group with the command in it" program "${stdout:-(nothing)}" \
      stderr "$stderr" kernel "$there" \
      likely "make the group, let the child join it before exec, and wait for its end"
  }
}

# no_command: it was not run, and no group is left.
no_command() {
  [[ $stdout != *"the command runs"* ]] || wrong expected "the command does not run" program "$stdout" \
    likely "without its group and its limits it must not run"
  no_group_left "also when something fails: atexit(3) is called by exit(3) and err(3)"
}

# all_gone WHEN HINT: the group of the run goes, and it ends by itself.
all_gone() {
  gone() { [[ ! -d $group ]]; }
  eventually gone || members
  gone || wrong expected "$1: the group goes" kernel "it has ${#processes[@]} processes" likely "$2"
  finish
  [[ $end == "exit "[1-9]* && $left == 0 ]] ||
    wrong expected "an exit status that is not 0, and no process left" \
      program "$(cause "$end")" kernel "$left processes left"
  no_group_left "$2"
}

# files_say FILE=VALUE...: the files of the group do.
files_say() {
  local pair value
  for pair; do
    in_file "${pair%%=*}"
    same "${pair%%=*}" "${pair#*=}" "$value" _ "max*=it was not written" \
      "0=0 only when memory.swap.max is not given" "100=it was not written: each group begins with 100" \
      "*=as it is given: the kernel understands 150M"
  done
}

# Observers for `becomes`.
how_many() {
  members
  value=${#processes[@]}
}
parent_of() {
  local line=""
  read -r line <"/proc/$1/stat"
  read -r _ value _ <<<"${line##*) }"
} 2>/dev/null

# begins LIMIT...: ./limit with these; it is held up as soon as there is a child, longer than a child would
# sleep in place of waiting. Sets began_with to what the command finds when it begins: a line each.
begins() {
  # shellcheck disable=SC2016
  traced -e "trace=$FORKS" -e "inject=$FORKS:delay_exit=$((1500 + SLOW))000:when=1" -- ./limit "$@" -- sh -c '
    read group </proc/self/cgroup
    cd "/sys/fs/cgroup${group#0::}" && pwd && cat memory.max memory.swap.max cpu.weight
    for file in /proc/self/fd/*; do readlink $file; done | grep -c "$0" || :' "$parent"
  ended "exit 0"
  no_group_left
  mapfile -t began_with <"$run.out"
}

# refuses LIMIT REASON: the limit cannot be written, or the group cannot be joined with it.
refuses() {
  try ./limit pids.max=20 "$1" -- echo the command runs
  fails 1 "$2" "write returns -1 when the kernel refuses; with stdio, fclose says so"
  no_command
}

# gives CODE COMMAND: a command that cannot be run.
gives() {
  try ./limit -- "$2"
  ended "exit $1" "127: there is no such command, 126: it cannot be run"
  with sh -c 'exec "$@" 2>&-' sh -- try ./limit -- "$2"
  ended "exit $1" "warn(3) may change errno: look at it before"
  no_group_left
}

# goes_on: after Ctrl-Z and fg it waits, and the command is there.
goes_on() {
  suspend
  eventually sleeps "$pid" || wrong expected "it waits, after Ctrl-Z and fg" kernel "it does not" \
    likely "a wait that SIGCONT interrupts goes on; sigwait(3) does so by itself"
  becomes "processes in the group:" 1 how_many -- "*=Ctrl-Z and fg end nothing"
}

# leaves_things: the command leaves a process, and groups below ours.
leaves_things() {
  # shellcheck disable=SC2016
  try ./limit -- sh -c 'read group </proc/self/cgroup; cd "/sys/fs/cgroup${group#0::}"; mkdir -p one/two/three
    (echo 0 >one/two/cgroup.procs && exec sleep 900) &
    until grep -q . one/two/cgroup.procs; do :; done; exit 7'
  [[ $end == "exit 7" && $left == 0 ]] ||
    wrong expected "exit 7, and no process left" program "$(cause "$end")" kernel "$left left"
  no_group_left "the command may leave processes, and groups below ours: cgroup.kill, then rmdir from below"
}

# on_its_way: SIGTERM comes at fork, and the child takes a while to its first write, into the group.
on_its_way() {
  local late=write:delay_enter=500000:when=1
  trace -e "trace=$FORKS,write" -e "inject=$FORKS:signal=TERM:when=1" -e "inject=$late" -- \
    ./limit -- sleep 900
  eventually test -s "$run.out" || :
  read -r _ group _ <"$run.out" || group=""
}

@test "3.1 the group has the limits; the command alone is in it [5]" {
  pick mib 20 60
  own_group
  limited memory.max="${mib}M" memory.swap.max=8M cpu.weight="7$mib" pids.max="$mib" \
    cpu.max="${mib}000 100000" -- sleep 900
  files_say memory.max=$((mib << 20)) memory.swap.max=8388608 cpu.weight="7$mib" pids.max="$mib" \
    cpu.max="${mib}000 100000"
  becomes "processes in it:" 1 how_many -- "*=the child joins the group, its parent stays where it is"
  becomes "its parent:" "$pid" parent_of "${processes[0]}" -- "*=./limit itself is in the group"
  finish TERM
  no_group_left
}

@test "3.2 it is in the group, with all limits, before it does anything [5]" {
  move="the parent moves it, and the command does not wait: let the child join, or hold it back"
  pick mib 20 60
  own_group
  begins memory.max="${mib}M" cpu.weight="7$mib"
  same "the group of the command:" "${began_with[0]#group: }" _ "${began_with[1]-}" "*=$move"
  same memory.max $((mib << 20)) _ "${began_with[2]-}" "max=limits first, then the command"
  same memory.swap.max 0 _ "${began_with[3]-}" "max=memory would go to swap: 0, if it is not given"
  same cpu.weight "7$mib" _ "${began_with[4]-}" "100=limits first, then the command"
  same "files of it that are open:" 0 _ "${began_with[5]-}" "*=close(2) them, or open with O_CLOEXEC"
  try ./limit -- grep SigBlk /proc/self/status # no shell, which may clear it
  same SigBlk 0000000000000000 _ "$(sed -n 's/^SigBlk:\t//p' "$run.out")" \
    "*=a child inherits what its parent blocks"
}

# oom_killed N HINT: so many processes of the check's group have been killed now, for want of memory.
oom_killed() {
  local value group=$parent # it counts for those that are gone
  in_file memory.events oom_kill
  same oom_kill "$1" "$value" _ "*=$2"
  no_group_left
}

@test "3.3 under 150M, 300M and 150M are killed and 100M lives [5]" {
  own_group
  for size in 300M 150M; do
    try ./limit memory.max=150M -- ./hog "$size"
    oom_killed $((++killed)) "the limit does not hold: is the hog in the group?"
    ended "exit 137" "128 + the signal that killed the command, as in a shell"
  done
  try ./limit memory.max=150M -- ./hog 100M
  ended "exit 0" "100 MiB fit into 150M"
  oom_killed 2 "100 MiB fit into 150M"
}

@test "3.4 what cannot be done is said; the command does not run [4]" {
  own_group
  refuses cpu.weight=$((10001 + RANDOM)) "cpu.weight...: Numerical result out of range"
  refuses memory.max=1x "memory.max...: Invalid argument"
  refuses memory.max=20M=1 "memory.max...: Invalid argument"
  refuses nonsense.max=1 "nonsense.max...: @(No such file or directory|Permission denied)"
  refuses cgroup.subtree_control=+memory "cgroup.procs...: Device or resource busy" # no process can join then
  PLACE=$parent/absent refuses pids.max=20 "$parent/absent...: No such file or directory"
  ERRORS=EEXIST errors_at "mkdir(at)? clone3?|v?fork" ./limit -- echo the command runs
  no_command
  gives 127 /no/such/command
  gives 126 /etc/passwd
}

@test "3.5 INT, TERM, HUP, PIPE end all that is in the group; it goes [5]" {
  own_group
  for signal in INT TERM HUP PIPE; do
    # shellcheck disable=SC2016
    limited -- sh -c 'trap "" INT TERM HUP PIPE; setsid sleep 900 & sleep 900 & kill -STOP $$; sleep 900'
    becomes "processes in the group:" 3 how_many
    send "$signal"
    all_gone "SIG$signal" \
      "it may ignore that, be stopped, have children: write 1 to cgroup.kill; rmdir until it is not EBUSY"
  done
}

@test "3.6 neither Ctrl-Z and fg, nor a subgroup, nor a race changes that [4]" {
  own_group
  limited -- sleep 900
  goes_on
  send TERM
  all_gone "SIGTERM after Ctrl-Z and fg" "a signal is still taken after SIGCONT"
  leaves_nothing
  leaves_things
  traced -e trace=?mkdir,mkdirat -e inject=?mkdir,mkdirat:signal=TERM:when=1 -- ./limit -- sleep 900
  no_group_left "SIGTERM comes with the mkdir: block it before there is a group"
  on_its_way
  all_gone "SIGTERM right after fork" \
    "keep it blocked until you wait; cgroup.kill misses a child that has not joined: kill it, too"
}

# ---- task 4: what became of it --------------------------------------------------------------------

# held ARGUMENT...: ./limit with a command that stops ./limit itself and ends: the group is there, and nothing
# in it changes any more. Sets group.
held() {
  local used throttled
  start ./limit "$@"
  eventually in_state T "$pid" || :
  read -r _ group _ <"$run.out" || :
  is_over() { # a process that has ended may be throttled once more, for a period of 0.1 s
    used=$(fact cpu.stat usage_usec) throttled=$(fact cpu.stat nr_throttled)
    nap 0.15
    members && ((${#processes[@]} == 0)) &&
      [[ "$(fact cpu.stat usage_usec) $(fact cpu.stat nr_throttled)" == "$used $throttled" ]]
  }
  eventually is_over || :
}

# tells SHAPE: it goes on, and reports, in this shape, what the files of its group say, to the last digit.
tells() {
  local key value
  local -A kernel=() in=([oom]="memory.events oom" [oom_kill]="memory.events oom_kill" [peak]=memory.peak
    [usage]="cpu.stat usage_usec" [throttled]="cpu.stat nr_throttled")
  for key in "${!in[@]}"; do
    # shellcheck disable=SC2086 # two words
    in_file ${in[$key]}
    kernel[$key]=$value
  done
  send CONT
  finish
  no_group_left
  shape "$1" "*exited with*=the command ended by a signal: WIFSIGNALED, WTERMSIG" \
    "*killed by signal*=it exited by itself: WIFEXITED" \
    "*survived=oom_kill counts processes of the group, and below it, whatever the command says" \
    "*OOM killer=oom_kill decides; a signal may come from any process, and 137 is a code like others"
  for key in "${!in[@]}"; do
    same "$key:" "${kernel[$key]}" _ "${said[$key]}" \
      "*=a key is a whole word: oom, oom_kill, oom_group_kill; memory.events.local leaves out groups below"
  done
}

# large_peak: a memory.peak that no int can hold: on its way from the kernel it is changed to 5000000000. That
# is the read with the number, or, for a program that reads to the end of a file, the next one; how many other
# reads come before may differ.
large_peak() {
  local call name n tries after change=retval=11:poke_exit=@arg2=353030303030303030300a
  local pattern='^(\w+) ([0-9]+) [^"]*"[0-9]+\\n"'
  for tries in 1 2 3; do
    calls_of "read|pread64" ./limit -- true
    for call in "${calls[@]}"; do
      [[ ! $call =~ $pattern ]] || break
    done
    [[ ${call-} =~ $pattern ]] || return 0 # readv(2), as musl has it: strace cannot change that
    read -r name n _ <<<"$call"
    for after in 0 1; do
      traced -e "inject=$name:$change:when=$((n + after))" -- ./limit -- true
      ! grep -qx "memory.peak: 5000000000" "$run.out" || return 0
    done
  done
  wrong expected "memory.peak: 5000000000" program "$(grep memory.peak "$run.out")" \
    likely "an int ends at 2147483647"
}

@test "4.1 all its numbers are those of the kernel [4]" {
  pick code 3 99
  own_group
  # one hog is throttled, two are killed
  # shellcheck disable=SC2016
  held memory.max=20M cpu.max="20000 100000" -- \
    sh -c '"$0" 1M --time 0.3; "$0" 40M; "$0" 41M; kill -STOP $PPID; exit "$1"' ./hog "$code"
  tells limit-oom-inside.txt
  ended "exit $code"
  large_peak
}

@test "4.2 the verdict is oom_kill, not a signal and not an exit code [4]" {
  own_group
  for signal in 9 "$((RANDOM % 3 + 13))" 35; do
    # shellcheck disable=SC2016
    held memory.max=50M -- sh -c 'kill -STOP $PPID; kill -"$0" $$' "$signal"
    tells limit-killed.txt
    ended "exit $((128 + signal))" "128 + the signal that ended the command: WTERMSIG"
  done
  try ./limit memory.max=50M -- sh -c 'exit 137'
  shape limit-survived.txt "*OOM*=no process was killed: an exit code of 137 is an exit code"
  ended "exit 137"
}

@test "4.3 whosever limit it was, and in whichever group below [4]" {
  own_group memory.max=30M
  # shellcheck disable=SC2016
  held memory.max=200M -- sh -c 'kill -STOP $PPID; exec "$0" 60M' ./hog # the limit is that of the group above
  tells limit-oom.txt
  same "oom, oom_kill:" "0 1" _ "${said[oom]} ${said[oom_kill]}"
  # shellcheck disable=SC2016
  held -- sh -c 'read group </proc/self/cgroup; cd "/sys/fs/cgroup${group#0::}" && mkdir one two &&
    echo 0 >one/cgroup.procs && echo +memory >cgroup.subtree_control && echo 10M >two/memory.max &&
    sh -c "echo 0 >two/cgroup.procs && exec $0 40M"; kill -STOP $PPID' "$PROGRAMS/hog"
  tells limit-oom-inside.txt
}

# ---- task 5: weights ------------------------------------------------------------------------------

# weighed MS CPUS ARGUMENT...: ./weigh with these, to its end. Sets permille: the share of each hog.
weighed() {
  try ./weigh --time "$(seconds "$1")" "${@:3}"
  measured "$1" "$2" $(($# - 2))
}

# measured MS CPUS HOGS: what holds always: the finished run has measured for so long at least, and the hogs
# had no more CPU time than there was.
measured() {
  local window used why="all hogs are there: read, note the time, let them go; in the end read, then note it"
  ended "exit 0" "a wait that is interrupted, by Ctrl-Z and fg, goes on"
  no_group_left
  shape "weigh-$3.txt"
  permille=($((10#${said[share_a]/./})) $((10#${said[share_b]/./})))
  [[ -z ${said[share_c]-} ]] || permille+=($((10#${said[share_c]/./})))
  window=$((10#${said[window]/./})) used=$((said[used_a] + said[used_b] + ${said[used_c]-0}))
  ((window >= $1 * 1000 && ms >= $1 && used > 0 && used <= window * $2 + 100000)) ||
    wrong expected "a window of $1 ms or more, and of CPU time at most $2 times the window" \
      kernel "the program ran for $ms ms" program "$(paste -sd ';' "$run.out")" likely "$why"
}

# shares WANT... -- CPUS ARGUMENT...: the shares are near these, in per mille. The host may take the CPU from
# this machine for a while: so until they are, five times at most, each time for twice as long.
shares() {
  local want=() time i
  while [[ $1 != -- ]]; do
    want+=("$1")
    shift
  done
  for time in 400 800 1600 3200 6400; do
    weighed "$time" "${@:2}" || return
    for ((i = 0; i < ${#want[@]}; i++)); do
      within "${permille[i]}" "${want[i]}" 50 || continue 2
    done
    break
  done
  for ((i = 0; i < ${#want[@]}; i++)); do
    near "share of hog $((i + 1)), per mille" "${want[i]}" 50 _ "${permille[i]}" \
      "$((1000 / ${#want[@]}))=equal shares: both have to be on one CPU, in groups with weights" \
      "250=they compete: each on its CPU?" "200=ask the kernel what they got: weights only promise" || return
  done
}

# The weights of the groups in $parent, the smaller one first; the CPUs that their processes may use.
weights() {
  local file line values=()
  for file in "$parent"/*/cpu.weight; do
    ! read -r line <"$file" || values+=("$line")
  done
  ((${#values[@]} < 2 || values[0] <= values[1])) || values=("${values[1]}" "${values[0]}")
  value=${values[*]}
} 2>/dev/null
affinity() {
  local file process key list
  value=""
  for file in "$parent"/*/cgroup.procs; do
    read -r process <"$file" && while read -r key list; do
      [[ $key != Cpus_allowed_list: ]] || value+="${value:+ }$list"
    done <"/proc/$process/status"
  done
} 2>/dev/null

light=0 heavy=0 # weights, drawn below

# runs_hogs ARGUMENT...: starts ./weigh with these, and waits until its groups have weights.
runs_hogs() {
  start ./weigh --time 500 "$@"
  becomes cpu.weight "$*" weights -- "*100*=it was not written: groups begin with 100" "=no group with one"
}

# late_hogs: they are held up on their way to their CPU.
late_hogs() {
  local pinning=sched_setaffinity
  trace -e "trace=$pinning" -e "inject=$pinning:delay_enter=1000000" -- ./weigh --time 0.8 200 110
  finish
  measured 800 1 2
  ((permille[1] > 0)) || wrong expected "each hog gets CPU time" program "${permille[1]} per mille" \
    likely "no sleep is long enough: wait until each is there"
}

# interrupted_window: it is stopped for a moment, and then for much longer than the window, for the host may
# give the hogs less than all of its CPUs.
interrupted_window() {
  local window=$((1 + SLOW / 1000))
  start ./weigh --time "$window" 110 110
  eventually used_ms 50 || :
  suspend
  eventually used_ms 150 || :
  send STOP
  nap "$(seconds $((1700 * window)))"
  send CONT
  finish
  measured "${window}000" 1 2
}
used_ms() {
  local value group=$parent
  in_file cpu.stat usage_usec
  ((value >= $1 * 1000))
}

@test "5.1 on one CPU the weights are the shares [6]" {
  pick light 110 190
  pick heavy 400 900
  own_group cpu.weight=10000 # whatever else happens on this machine
  runs_hogs "$light" "$heavy"
  becomes "CPUs of the hogs:" "0 0" affinity -- "*=both on CPU 0: sched_setaffinity(2), after joining"
  finish TERM
  cpus_alone
  shares $((light * 1000 / (light + heavy))) -- 1 "$light" "$heavy"
  same "weights told" "$light $heavy" _ "${said[a]} ${said[b]}"
}

@test "5.2 with a CPU for each, weights change nothing [4]" {
  requires nodes
  own_group cpu.weight=10000
  cpus_alone
  shares 500 500 -- 2 110@0 330@1
  shares 125 500 375 -- 2 110@1 200@0 330@1
}

@test "5.3 the window begins when all run, and is measured [4]" {
  own_group
  cpus_alone
  late_hogs
  own_group # in which no hog has been
  interrupted_window
}

@test "5.4 a weight or CPU that is no good, Ctrl-C: nothing is left [2]" {
  own_group
  try ./weigh 110 0
  fails 1 "cpu.weight...: Numerical result out of range" "write returns -1 when the kernel refuses"
  try ./weigh 110 110@1023
  refused sched_setaffinity "Invalid argument" "look at what it returns; do not wait for that hog"
  errors_at "mkdir(at)? clone3?|v?fork" ./weigh --time 0.05 110 300
  for signal in INT TERM HUP; do
    runs_hogs 110 300
    finish "$signal"
    ended "exit 1" "a signal ends it, with its hogs, and without a result"
    same stdout "" _ "$stdout"
    no_group_left "the group of the first one too, with its hog"
  done
}

# ---- task 6: a slice ------------------------------------------------------------------------------

# with_slice: the submission's testing.slice, under a name of this run's own: slice. Sets group.
with_slice() {
  has_unit || return
  slice=labs$BASHPID.slice
  group=/sys/fs/cgroup$(systemctl show -P ControlGroup)/$slice
  at_end+=(slice_clear)
  note ran "cp testing.slice $UNITS/  # here: $slice"
  mkdir -p "$UNITS"
  cp "$UNIT" "$UNITS/$slice"
}
slice_clear() {
  rm -f "$UNITS/$slice"
  [[ -n ${unit-} ]] || return 0
  systemctl stop "$slice" 2>/dev/null || :
  systemctl reset-failed "labs-$BASHPID-*" 2>/dev/null || :
}

# of_slice PROPERTY=VALUE...: so says systemd.
of_slice() {
  local -A found=()
  local key value
  while IFS='=' read -r key value; do
    found[$key]=$value
  done < <(systemctl show -p MemoryMax,MemorySwapMax,CPUWeight,TasksMax "$slice")
  for key; do
    same "${key%%=*}" "${key#*=}" "${found[${key%%=*}]}" _ "150000000=M is MiB for systemd" \
      "infinity=${key%%=*}= in [Slice]; without MemorySwapMax=0 it goes on in swap" "*=${key%%=*}= in [Slice]"
  done
}

# hog_in_slice NAME: starts a hog of 100M as a unit of this run's own in the slice, and waits until it has its
# memory, or has ended. Sets unit.
hog_in_slice() {
  local time=$((20 * SLOW / 100))
  unit=labs-$BASHPID-$1.service
  note ran "systemd-run${MANAGER:+ --user} --unit=$1 --slice=testing.slice ./hog 100M --time $time"
  timeout 20 systemd-run "${MANAGER[@]}" -q --unit="$unit" --slice="$slice" -p RuntimeMaxSec=$((3 * time)) \
    -p LimitCORE=0 "$PROGRAMS/hog" 100M --time "$time" 2>systemd-run.err ||
    wrong expected "systemd-run starts it" kernel "$(tail -n 1 systemd-run.err)" || return
  settled() {
    local value
    property ActiveState
    [[ $value == active* ]] || return 0
    in_file "$unit/memory.current" && ((value >= 100 << 20))
  }
  eventually settled || :
}

# one_is_killed UNIT UNIT: at least one. (A busy guest may kill the second before the first is gone.)
one_is_killed() {
  local results="" unit value
  for unit; do
    property Result
    results+="$value "
  done
  [[ $results == *oom-kill* ]] || wrong expected "Result=oom-kill of one of the two" kernel "$results" \
    likely "the limit is on the slice, without swap: then the sum of its units counts"
}

@test "6.1 the slice has the four limits, says systemd [4]" {
  requires cgroup2 systemd
  with_slice
  of_slice MemoryMax=157286400 MemorySwapMax=0 CPUWeight=300 TasksMax=50
}

@test "6.2 two units of 100M: each fits, both together do not [4]" {
  requires cgroup2 systemd
  with_slice
  hog_in_slice one
  one=$unit
  ask ActiveState Result
  same "the first, alone:" "active success" "${prop[ActiveState]} ${prop[Result]}" _ "*=100M fit into 150M"
  same "memory.max of the unit:" max "$(fact "$unit/memory.max")" _ "*=only the slice has a limit"
  hog_in_slice two
  one_is_killed "$one" "$unit"
}
