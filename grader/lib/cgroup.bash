# shellcheck shell=bash
# Control groups, version 2: groups of this run's own, what the kernel says of one, and removal of all
# that runs made and left. For checks that have required cgroup2.

CGROUPS=$(awk '$3 == "cgroup2" { print $2 }' /proc/self/mounts | tail -n 1)
declare -ga own=() # groups that own_group made

# own_group [FILE=VALUE]...: makes a group for the runs of this check, `parent`, with these limits, and with
# some that keep this machine alive.
own_group() {
  local pair
  parent=$CGROUPS/labs-$BASHPID-${#own[@]}
  at_end+=(groups_clear)
  own+=("$parent") # first: a signal may come as soon as it is there
  mkdir "$parent"
  for pair in memory.max=500M memory.swap.max=0 pids.max=100 "$@"; do
    echo "${pair#*=}" >"$parent/${pair%%=*}" || return
  done
}

# fact FILE [KEY]: what the kernel says of `group`: all of the file, or the value of a key in it.
fact() {
  if (($# == 1)); then
    cat "$group/$1" 2>/dev/null
  else
    sed -n "s/^$2 //p" "$group/$1" 2>/dev/null
  fi
}

# members: the processes in `group`.
members() { paste -sd ' ' "$group/cgroup.procs" 2>/dev/null; }

# found: for eventually. Sets group to the one that the run has said first that it has made.
found() {
  group=""
  read -r _ group _ <"$run.out" && [[ $group == /* && -d $group ]]
}

# left_groups: the groups that the runs of this check have made and left.
left_groups() {
  local each
  for each in "${pids[@]}"; do
    find "$CGROUPS" -depth -type d -name "resources-$each*"
  done
  for each in "${own[@]}"; do
    find "$each" -mindepth 1 -depth -type d 2>/dev/null
  done | sort -ru
}

# gone GROUP: for eventually.
gone() { [[ -z $1 || ! -d $1 ]]; }

# nothing_left [HINT]: the finished run has removed its groups.
nothing_left() {
  local groups
  groups=$(left_groups | head -n 1)
  [[ -z $groups ]] || wrong expected "no group left" kernel "$groups is still there" \
    likely "${1:-remove it on every way out: atexit(3); rmdir fails with EBUSY while somebody is in it}"
}

# groups_clear: kills whoever is in a group that a run has left, or in one of ours, and removes it. A run that
# has just been killed may still be making one: so until there is none.
groups_clear() {
  local each
  cleared() {
    for each in $(left_groups) "${own[@]}"; do
      echo 1 >"$each/cgroup.kill"
      rmdir "$each"
    done 2>/dev/null
    for each in $(left_groups) "${own[@]}"; do
      [[ ! -d $each ]] || return
    done
  }
  eventually cleared || :
  own=()
}

# cpus_alone: waits until no other check measures how CPU time is shared.
cpus_alone() {
  exec {alone}<"$CGROUPS"
  flock "$alone"
}
