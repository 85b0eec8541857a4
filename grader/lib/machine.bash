# shellcheck shell=bash
# What this machine can do: one home for `requires`, `make doctor` and grade.
# For each WORD that a check may require: can_WORD succeeds when it works here; REMEDY[WORD] says what to do
# when it does not. What most machines cannot get is in the lab VM: checks that require a word of VM_HAS are
# graded there.

# shellcheck disable=SC2034 # not all who read this file use it
declare -gA REMEDY=(
  [sysvipc]="a kernel with System V IPC (CONFIG_SYSVIPC); WSL 1 has none, WSL 2 does"
  [memlock]="a locked-memory limit of 64 KiB or more: ulimit -l"
  [permissions]="setpriv to give up CAP_IPC_OWNER: apt-get install util-linux"
  [resource]="setpriv to give up CAP_SYS_RESOURCE: apt-get install util-linux"
  [drop]="root that may become another user, or no root at all"
  [smaps]="a kernel with /proc/PID/smaps_rollup (4.14, CONFIG_PROC_PAGE_MONITOR); gVisor and WSL 1 have none"
  [systemd]="systemd as process 1, and root or a login session; the lab VM has it: make vm"
  [blame]="systemd 253 or newer as process 1, and root or a login session; the lab VM has it: make vm"
  [journal]="a journal that you may read (group systemd-journal); the lab VM has one: make vm"
  [clock]="a clock that may be set; the lab VM has one: make vm"
  [verify]="systemd-analyze: apt-get install systemd"
  [mount]="leave to mount a tmpfs: root, or user namespaces (unshare -rm)"
  [cgroup2]="systemd that delegates a cgroup v2 with cpu, memory and pids (Linux 6.1); the lab VM has one: make vm"
  [nodes]="two NUMA nodes with a CPU and memory each; the lab VM has them: make vm"
  [numa]="a kernel with NUMA (CONFIG_NUMA), and leave to ask it; in Docker --cap-add=SYS_NICE"
  [strace]="strace, and leave to trace: apt-get install strace; in Docker --cap-add=SYS_PTRACE"
  [sanitizers]="the sanitizers of gcc or clang: apt-get install gcc libc6-dev"
  [valgrind]="valgrind: apt-get install valgrind libc6-dbg"
  [pages]="a dynamic linker that takes LD_PRELOAD, and getconf: apt-get install libc-bin"
)

# shellcheck disable=SC2034
VM_HAS=(systemd blame journal clock cgroup2 nodes)

can_sysvipc() { [[ -r /proc/sysvipc/shm ]]; }
can_memlock() { [[ $(ulimit -l) == unlimited || $(ulimit -l) -ge 64 || $EUID == 0 ]]; }
can_permissions() { "${WITHOUT_IPC_OWNER[@]}" true 2>/dev/null; }
can_resource() { "${WITHOUT_RESOURCE[@]}" true 2>/dev/null; }
can_drop() { [[ $EUID != 0 ]] || setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; }
can_smaps() { grep -q '^Rss' /proc/self/smaps_rollup 2>/dev/null; }
can_systemd() { [[ $(cat /proc/1/comm) == systemd ]] && systemctl "${MANAGER[@]}" show -P Version >/dev/null 2>&1; }
can_blame() { can_systemd && (($(systemctl --version | awk '{ print $2; exit }') >= 253)); }
can_journal() { [[ $EUID == 0 ]] || journalctl --no-pager -q -n 1 "_UID=$EUID" 2>/dev/null | grep -q .; }
can_clock() { [[ -n ${IN_LAB_VM-} ]]; }
can_verify() { command -v systemd-analyze >/dev/null; }
can_mount() { "${OWN_MOUNTS[@]}" mount -t tmpfs labs /mnt 2>/dev/null; }
can_cgroup2() {
  [[ -z ${IN_LAB_VM-} ]] || return 0
  # shellcheck disable=SC2016
  timeout 20 "${DELEGATED[@]}" sh -c 'cd "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)" && [ -e memory.peak ] &&
    grep cpu cgroup.controllers | grep memory | grep -q pids' 2>/dev/null
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
can_strace() { strace -o /dev/null -e trace=none true 2>/dev/null; }
# compiled elsewhere, where this is a kit
can_sanitizers() { [[ -d ${PROGRAMS-}/sanitized || -e $("${CC:-cc}" -print-file-name=libasan.so) || ${CC-} == clang* ]]; }
can_valgrind() { command -v valgrind >/dev/null; }
# asked where it is compiled
can_pages() {
  [[ ! -e $GRADER/lib/supervise || $(LD_PRELOAD=$GRADER/lib/pages.so PAGESIZE=65536 getconf PAGESIZE 2>/dev/null) == 65536 ]]
}

# Prefixes that make permission bits of IPC objects, and hard limits, count for root too.
WITHOUT_IPC_OWNER=(env)
WITHOUT_RESOURCE=(env)
if [[ $EUID == 0 ]]; then
  WITHOUT_IPC_OWNER=(setpriv --bounding-set=-ipc_owner --inh-caps=-ipc_owner)
  WITHOUT_RESOURCE=(setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource)
fi

# The service manager: for root systemd itself; for others their own, which their login has started.
MANAGER=()
if [[ $EUID != 0 ]]; then
  MANAGER=(--user)
  export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$EUID}
fi

# A prefix for a command that runs in a control group which systemd has delegated: systemd leaves alone what is in it.
DELEGATED=(systemd-run "${MANAGER[@]}" --quiet --scope -p Delegate=yes -p CPUWeight=10000)

# A prefix for a command that mounts something: no other process sees it, and it ends with the command.
OWN_MOUNTS=(unshare --mount)
[[ $EUID == 0 ]] || OWN_MOUNTS=(unshare --mount --map-root-user)

# lacks LINE [WORD...]: of these words (all) one is required by this line of list, and is not here; sets lack.
lacks() {
  local words=("${@:2}")
  ((${#words[@]} > 0)) || words=("${!REMEDY[@]}")
  for lack in "${words[@]}"; do
    [[ $1 != *"\"requires\":"*"\"$lack\""* ]] || able "$lack" || return 0
  done
  return 1
}

# able WORD: can_WORD, asked once.
declare -gA known_able=()
able() {
  [[ -n ${known_able[$1]-} ]] || { "can_$1" && known_able[$1]=yes; } || known_able[$1]=no
  [[ ${known_able[$1]} == yes ]]
}

# ---- grading at all -------------------------------------------------------------------------------

# cannot WHY: says on stderr what this machine lacks, or what is wrong with it, and the remedy.
cannot() {
  echo "grade: $*" >&2
  return 2
}

# tools_are_there: what grading cannot do without.
tools_are_there() {
  local tool missing=()
  for tool in cc:gcc make:make bats:bats jq:jq perl:perl ipcrm:util-linux; do
    command -v "${tool%%:*}" >/dev/null || missing+=("${tool#*:}")
  done
  ((${#missing[@]} == 0)) || cannot "missing: ${missing[*]}. To get it: make setup   (or: apt-get install ${missing[*]})"
}

# limits_are_enough: soft limits are raised to the hard ones for that.
limits_are_enough() {
  local limit has
  for limit in n:256 u:200 f:65536; do
    ulimit -S -"${limit%:*}" "$(ulimit -H -"${limit%:*}")"
    has=$(ulimit -"${limit%:*}")
    [[ $has == unlimited ]] || ((has >= ${limit#*:})) ||
      cannot "the hard limit ulimit -${limit%:*} is $has, and ${limit#*:} are needed: log in again, or raise it" || return
  done
}

# work_folder: sets TMPDIR to an absolute path, and work to a new folder in it that can be used.
work_folder() {
  local folder=${TMPDIR:-/tmp}
  TMPDIR=$(cd "$folder" 2>/dev/null && pwd) || cannot "TMPDIR=$folder: no such folder" || return
  [[ $TMPDIR != *$'\n'* ]] || cannot "the name of the folder TMPDIR has a line break: choose another" || return
  export TMPDIR
  work=$(mktemp -d "$TMPDIR/labs.XXXXXX" 2>/dev/null) || cannot "cannot write to $TMPDIR: set TMPDIR to another folder" || return
  trap 'trap "" INT TERM HUP; jobs -p | xargs -r kill 2>/dev/null || :; wait; rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP
}

# runs_are_possible FOLDER: puts run and lib/ there, with supervise and before, which have to compile, and to start.
runs_are_possible() {
  local tool static why="" free
  free=$(($(stat -fc '%a * %S' "$1") >> 10))
  ((free >= 65536)) || cannot "$1 has room for $free KiB, and 64 MiB are needed: set TMPDIR to another folder" || return
  mkdir "$1/grader"
  cp -r "$GRADER/run" "$GRADER/lib" "$1/grader"
  for tool in supervise before; do
    for static in -static ""; do # static, it runs in the lab VM too
      "${CC:-cc}" -std=c17 -O1 $static -o "$1/grader/lib/$tool" "$1/grader/lib/$tool.c" 2>"$1/grader/$tool.log" && break
    done &
  done
  "${CC:-cc}" -std=c17 -O1 -shared -fPIC -o "$1/grader/lib/pages.so" "$1/grader/lib/pages.c" 2>/dev/null || :
  wait
  for tool in supervise before; do
    [[ -e $1/grader/lib/$tool ]] || cannot "${CC:-cc} cannot compile: $(tail -n 1 "$1/grader/$tool.log")" || return
  done
  why=$("$1/grader/lib/supervise" "$1/grader/status" 60 1 true 2>&1) ||
    cannot "what is compiled in $1 does not start (${why##*: }); if that is mounted noexec, set TMPDIR to another folder"
}
