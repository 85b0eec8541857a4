# shellcheck shell=bash
# What the kernel says of System V IPC objects (/proc/sysvipc), and the removal of what runs left.

declare -gA shm ipc_before
SHM_STATUS=("-" "dest" "locked" "dest,locked") # bits 01000 SHM_DEST and 02000 SHM_LOCKED of the mode

# shm_with FIELD VALUE: finds the segment with that id, cpid or key (decimal). Sets shm[...]: key, id,
# perms, bytes, nattch, status as ipcs -m words them, and atime, dtime, the seconds of the last shmat
# and shmdt (0: never). False, and nothing set, when there is no such segment.
shm_with() {
  local key id perms bytes cpid lpid nattch uid gid cuid cgid atime dtime rest table
  shm=()
  table=$(</proc/sysvipc/shm) # at once: line by line, a row is missed when others come and go
  # shellcheck disable=SC2034 # the columns that nobody asks for
  while read -r key id perms bytes cpid lpid nattch uid gid cuid cgid atime dtime rest; do
    [[ ${!1} == "$2" ]] || continue
    printf -v key '0x%08x' $((key & 0xffffffff))
    shm=([key]=$key [id]=$id [bytes]=$bytes [nattch]=$nattch [atime]=$atime [dtime]=$dtime
      [status]=${SHM_STATUS[(8#$perms >> 9) & 3]})
    printf -v "shm[perms]" %o $((8#$perms & 0777))
    return 0
  done <<<"$table"
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

# ipc_objects: sets objects to what exists, as "shm ID CPID". In an IPC namespace that others use too,
# only segments: the kernel does not tell who made semaphores and queues.
ipc_objects() {
  local kind id cpid table
  objects=()
  for kind in shm sem msg; do
    [[ $kind == shm || $PRIVATE_IPC == yes ]] || continue
    table=$(<"/proc/sysvipc/$kind")
    while read -r _ id _ _ cpid _; do
      [[ $id == *id ]] || objects+=("$kind $id $cpid")
    done <<<"$table"
  done
}

ipc_remember() {
  local object objects
  ipc_objects
  for object in "${objects[@]}"; do
    ipc_before[${object% *}]=1
  done
}

# ipc_left: sets left to what the launched programs made and left, as "shm ID"; never anything else.
ipc_left() {
  local object objects
  left=()
  ipc_objects
  for object in "${objects[@]}"; do
    [[ -z ${ipc_before[${object% *}]-} ]] || continue
    [[ $PRIVATE_IPC != yes && " ${pids[*]} " != *" ${object##* } "* ]] || left+=("${object% *}")
  done
}

# ipc_clear: removes what is left.
ipc_clear() {
  local object left
  local -A option=([shm]=-m [sem]=-s [msg]=-q)
  ipc_left
  for object in "${left[@]}"; do
    ipcrm "${option[${object% *}]}" "${object#* }" 2>/dev/null || :
  done
}
