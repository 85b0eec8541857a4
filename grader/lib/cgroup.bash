# shellcheck shell=bash
# Control groups, version 2: groups of this run's own, in a place that systemd has delegated; what the kernel says
# of one; and removal of all that runs made and left. For checks that have required cgroup2.

declare -ga own=() # groups that own_group made

# a_place: sets our_place to a group that systemd has delegated to this run and leaves alone. It has no process itself,
# and groups below it have controllers. Where it is made, it goes with the last check of the file.
a_place() {
  local saved=$BATS_FILE_TMPDIR/place process
  if [[ -e $saved ]]; then
    our_place=$(<"$saved")
  elif [[ -n ${IN_LAB_VM-} ]]; then # the agent's, which has Delegate=yes
    our_place=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)
    our_place=${our_place%/processes}
    exec {alone}</sys/fs/cgroup # the lock of cpus_alone may be held for long
    flock "$alone"
    [[ -d $our_place/processes ]] || mkdir "$our_place/processes"
    until echo "+cpu +memory +pids" >"$our_place/cgroup.subtree_control"; do
      while read -r process; do
        echo "$process" >"$our_place/processes/cgroup.procs"
      done <"$our_place/cgroup.procs"
    done 2>/dev/null
    exec {alone}<&-
  else
    # shellcheck disable=SC2016
    "${DELEGATED[@]}" sh -c 'cd "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)" && mkdir processes &&
      echo 0 >processes/cgroup.procs && echo +cpu +memory +pids >cgroup.subtree_control && pwd >"$1.new" &&
      mv "$1.new" "$1" && exec tail -f --pid="$2" /dev/null' sh "$saved" "$PPID" </dev/null >/dev/null 2>&1 3>&- &
    eventually test -s "$saved" || broken "systemd delegates no group" || return
    our_place=$(<"$saved")
  fi
  echo "$our_place" >"$saved"
}

# own_group [FILE=VALUE]...: makes a group for the runs of this check, `parent`, with these limits, and with some
# that keep this machine alive. Programs find it in PLACE.
own_group() {
  local limits=(memory.max=500M memory.swap.max=0 pids.max=100 "$@")
  [[ -n ${our_place-} ]] || a_place || return
  parent=$our_place/labs-$BASHPID-${#own[@]}
  at_end+=(groups_clear)
  own+=("$parent") # first: a signal may come as soon as it is there
  group_made() {
    local pair
    [[ -d $parent ]] || mkdir "$parent" || return
    for pair in "${limits[@]}"; do
      echo "${pair#*=}" >"$parent/${pair%%=*}" || return
    done
  } 2>"$BATS_TEST_TMPDIR/own_group"
  eventually group_made || broken "own_group: $(<"$BATS_TEST_TMPDIR/own_group")" || return
  export PLACE=$parent
}

# in_file FILE [KEY]: sets value to what the kernel says of `group`: the first line of FILE, or the value of a key.
in_file() {
  local line
  value=""
  [[ -r $group/$1 ]] || return 0
  while IFS= read -r line; do
    if [[ -z ${2-} ]]; then
      value=$line
      return
    fi
    [[ $line != "$2 "* ]] || value=${line#"$2 "}
  done <"$group/$1"
}

# fact FILE [KEY]: prints it.
fact() {
  local value
  in_file "$@"
  echo "$value"
}

# members: sets processes to those in `group`.
members() {
  processes=()
  [[ ! -r $group/cgroup.procs ]] || mapfile -t processes <"$group/cgroup.procs"
}

# no_group_left [HINT]: the finished runs have removed their groups.
no_group_left() {
  local each
  for each in "$parent"/*/; do
    [[ ! -d $each ]] || wrong expected "no group left" kernel "$(basename "$each") is still there" \
      likely "${1:-remove it on every way out: atexit(3); rmdir fails with EBUSY while a process is in it}" || return
  done
}

# groups_clear: kills what is in a group that a run has left, or in one of ours, and removes it. A run that has just
# been killed may still be making one: so until there is none.
groups_clear() {
  local each
  cleared() {
    rmdir "${own[@]}" && return
    for each in "${own[@]}"; do
      [[ ! -d $each ]] || echo 1 >"$each/cgroup.kill"
      find "$each" -depth -type d -exec rmdir {} +
    done
    for each in "${own[@]}"; do
      [[ ! -d $each ]] || return
    done
  } 2>/dev/null
  eventually cleared || :
  own=()
}

# cpus_alone: waits until no other check measures how CPU time is shared; to the end of this check.
cpus_alone() {
  exec {alone}</sys/fs/cgroup/cgroup.controllers # whichever place is theirs
  flock "$alone"
}
