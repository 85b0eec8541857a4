# shellcheck shell=bash
# What a check may require of the machine, one home for `requires` and `make doctor`.
# For each WORD: can_WORD succeeds when it works here; REMEDY[WORD] says what to do when it does not.
# What most machines cannot get is in the lab VM: checks that require a word of VM_HAS are graded there.

# shellcheck disable=SC2034 # not all who read this file use it
declare -gA REMEDY=(
  [sysvipc]="a kernel with System V IPC (CONFIG_SYSVIPC); WSL 1 has none, WSL 2 does"
  [memlock]="a locked-memory limit of 64 KiB or more: ulimit -l"
  [permissions]="setpriv to give up CAP_IPC_OWNER: apt-get install util-linux"
  [resource]="setpriv to give up CAP_SYS_RESOURCE: apt-get install util-linux"
  [drop]="root that may become another user, or no root at all"
  [smaps]="a kernel with /proc/PID/smaps_rollup (4.14, CONFIG_PROC_PAGE_MONITOR); gVisor and WSL 1 have none"
  [systemd]="systemd as process 1, and root; the lab VM has both: make vm"
  [blame]="systemd 253 or newer as process 1, and root; the lab VM has both: make vm"
  [clock]="a clock that may be set; the lab VM has one: make vm"
  [verify]="systemd-analyze: apt-get install systemd"
  [mount]="leave to mount a tmpfs: root, or user namespaces (unshare -rm)"
  [cgroup2]="root, and a writable cgroup v2 with memory, cpu and pids (Linux 6.1); the lab VM has one: make vm"
  [nodes]="two NUMA nodes with a CPU and memory each; the lab VM has them: make vm"
  [numa]="a kernel with NUMA (CONFIG_NUMA), and leave to ask it; in Docker --cap-add=SYS_NICE"
  [swap]="64 MB of free swap; the lab VM has some: make vm"
  [strace]="strace, and leave to trace: apt-get install strace; in Docker --cap-add=SYS_PTRACE"
  [valgrind]="valgrind: apt-get install valgrind libc6-dbg"
)

# shellcheck disable=SC2034
VM_HAS=(systemd blame clock cgroup2 nodes swap)

can_sysvipc() { [[ -r /proc/sysvipc/shm ]]; }
can_memlock() { [[ $(ulimit -l) == unlimited || $(ulimit -l) -ge 64 || $EUID == 0 ]]; }
can_permissions() { "${WITHOUT_IPC_OWNER[@]}" true 2>/dev/null; }
can_resource() { "${WITHOUT_RESOURCE[@]}" true 2>/dev/null; }
can_drop() { [[ $EUID != 0 ]] || setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; }
can_smaps() { grep -q '^Rss' /proc/self/smaps_rollup 2>/dev/null; }
can_systemd() { [[ $EUID == 0 && $(cat /proc/1/comm) == systemd ]] && systemctl show -P Version >/dev/null 2>&1; }
can_blame() { can_systemd && (($(systemctl --version | awk '{ print $2; exit }') >= 253)); }
can_clock() { [[ -n ${IN_LAB_VM-} ]]; }
can_verify() { command -v systemd-analyze >/dev/null; }
can_mount() { "${OWN_MOUNTS[@]}" mount -t tmpfs labs /mnt 2>/dev/null; }
can_cgroup2() {
  local mount
  mount=$(awk '$3 == "cgroup2" { print $2 }' /proc/self/mounts | tail -n 1)
  [[ $EUID == 0 && -w $mount/cgroup.subtree_control && " $(<"$mount/cgroup.controllers") " == *" cpu "*" memory "*" pids "* ]] &&
    compgen -G "$mount/*/memory.peak" >/dev/null
}
can_nodes() {
  local node with=0
  can_numa || return
  for node in /sys/devices/system/node/node[0-9]*; do
    [[ -z $(<"$node/cpulist") ]] || with=$((with + $(awk '/MemTotal:/ { print ($4 > 65536) }' "$node/meminfo")))
  done
  ((with >= 2))
}
# get_mempolicy(2), which a sandbox may forbid
can_numa() {
  local -A call=([x86_64]=239 [aarch64]=236)
  [[ -r /proc/self/numa_maps ]] && perl -e 'exit(syscall($ARGV[0], 0, 0, 0, 0, 0) != 0)' "${call[$(uname -m)]-0}"
}
can_swap() { (($(awk '/^SwapFree:/ { print $2 }' /proc/meminfo) >= 65536)); }
can_strace() { strace -o /dev/null -e trace=none true 2>/dev/null; }
can_valgrind() { command -v valgrind >/dev/null; }

# Prefixes that make permission bits of IPC objects, and hard limits, count for root too.
WITHOUT_IPC_OWNER=(env)
WITHOUT_RESOURCE=(env)
if [[ $EUID == 0 ]]; then
  WITHOUT_IPC_OWNER=(setpriv --bounding-set=-ipc_owner --inh-caps=-ipc_owner)
  WITHOUT_RESOURCE=(setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource)
fi

# needs_vm WORD...: one of these words is among what the lab VM has.
needs_vm() {
  local word
  for word; do
    [[ " ${VM_HAS[*]} " != *" $word "* ]] || return 0
  done
  return 1
}

# A prefix for a command that mounts something: nobody else sees it, and it ends with the command.
OWN_MOUNTS=(unshare --mount)
[[ $EUID == 0 ]] || OWN_MOUNTS=(unshare --mount --map-root-user)

# lacking CHECKS: a line for each check of the file: its title, a tab, and the words that it requires
# and this machine lacks.
lacking() {
  local word lacks=" "
  for word in $(sed -nE 's/^(  requires|all_require) //p' "$1" | tr ' ' '\n' | sort -u); do
    "can_$word" || lacks+="$word "
  done
  awk -v lacks="$lacks" '
    function add(i) { for (; i <= NF; i++) if (index(lacks, " " $i " ")) words = words " " $i }
    function flush() { if (title) print title "\t" substr(words, 2) }
    /^all_require / { words = ""; add(2); all = words }
    /^@test / { flush(); title = $0; gsub(/^@test "|" \{.*/, "", title); words = all }
    /^  requires / { add(2) }
    END { flush() }' "$1"
}
