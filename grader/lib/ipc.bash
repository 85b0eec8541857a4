# shellcheck shell=bash
# What the kernel says of System V IPC objects (/proc/sysvipc), and the removal of what runs left.

declare -gA shm ipc_before
SHM_STATUS=(- dest locked dest,locked) # bits 01000 SHM_DEST and 02000 SHM_LOCKED of the mode

# shm_with FIELD VALUE: finds the segment with that id, cpid or key (decimal). Sets shm[...]: key, id,
# perms, bytes, nattch, status as ipcs -m words them, and atime, dtime, the seconds of the last shmat
# and shmdt (0: never). False, and nothing set, when there is no such segment.
shm_with() {
  local key id perms bytes cpid lpid nattch uid gid cuid cgid atime dtime rest
  shm=()
  # shellcheck disable=SC2034 # the columns that nobody asks for
  while read -r key id perms bytes cpid lpid nattch uid gid cuid cgid atime dtime rest; do
    [[ ${!1} == "$2" ]] || continue
    printf -v key '0x%08x' $((key & 0xffffffff))
    shm=([key]=$key [id]=$id [bytes]=$bytes [nattch]=$nattch [atime]=$atime [dtime]=$dtime
      [status]=${SHM_STATUS[(8#$perms >> 9) & 3]})
    printf -v "shm[perms]" %o $((8#$perms & 0777))
    return 0
  done </proc/sysvipc/shm
  return 1
}

# shm_is FIELD=VALUE...: the segment that the last launched program created is so.
shm_is() {
  local wanted
  shm_with cpid "$pid" || return
  for wanted; do
    [[ ${shm[${wanted%%=*}]} == "${wanted#*=}" ]] || return
  done
}

# ipc_objects: lists what exists, "shm ID CPID" or "sem ID -" or "msg ID -". In an IPC namespace that
# others use too, only segments: the kernel does not tell who made the other kinds.
ipc_objects() {
  local kind id cpid rest
  for kind in shm sem msg; do
    # shellcheck disable=SC2034
    while read -r _ id _ _ cpid rest; do
      [[ $id == *id ]] && continue
      case $kind in
      shm) echo "shm $id $cpid" ;;
      *) [[ $PRIVATE_IPC != yes ]] || echo "$kind $id -" ;;
      esac
    done <"/proc/sysvipc/$kind"
  done
}

ipc_remember() {
  local kind id
  while read -r kind id _; do
    ipc_before[$kind $id]=1
  done < <(ipc_objects)
}

# ipc_left: lists, as "shm ID", what the launched programs made and left. Never anything else.
ipc_left() {
  local kind id cpid
  while read -r kind id cpid; do
    [[ -z ${ipc_before[$kind $id]-} ]] || continue
    [[ $PRIVATE_IPC == yes || " ${pids[*]} " == *" $cpid "* ]] && echo "$kind $id"
  done < <(ipc_objects)
  return 0
}

# ipc_clear: removes what is left.
ipc_clear() {
  local kind id
  while read -r kind id; do
    ipcrm "-${kind:0:1}" "$id" 2>/dev/null || :
  done < <(ipc_left | sed 's/^shm/m/; s/^sem/s/; s/^msg/q/')
}
