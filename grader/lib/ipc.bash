# shellcheck shell=bash
# What the kernel says of System V IPC objects (/proc/sysvipc), and the removal of what runs left.

declare -gA shm=() ipc_before=()
SHM_STATUS=("-" "dest" "locked" "dest,locked") # bits 01000 SHM_DEST and 02000 SHM_LOCKED of the mode

# shm_with FIELD VALUE: finds the segment with that id, cpid or key (decimal). Sets shm[...]: key, id,
# perms, bytes, nattch, status as ipcs -m words them, and atime, dtime, the seconds of the last shmat
# and shmdt (0: never). False, and nothing set, when there is no such segment.
shm_with() {
  local key id perms bytes cpid lpid nattch uid gid cuid cgid atime dtime rest table row
  shm=()
  mapfile -t table </proc/sysvipc/shm # at once: line by line, a row is missed when others come and go
  for row in "${table[@]}"; do
    # shellcheck disable=SC2034 # some columns are not asked for
    read -r key id perms bytes cpid lpid nattch uid gid cuid cgid atime dtime rest <<<"$row"
    [[ ${!1} == "$2" ]] || continue
    printf -v key '0x%08x' $((key & 0xffffffff))
    shm=([key]=$key [id]=$id [bytes]=$bytes [nattch]=$nattch [atime]=$atime [dtime]=$dtime
      [status]=${SHM_STATUS[(8#$perms >> 9) & 3]})
    printf -v "shm[perms]" %o $((8#$perms & 0777))
    return 0
  done
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
  local kind id cpid table row
  objects=()
  for kind in shm sem msg; do
    [[ $kind == shm || $CONTAINED == yes ]] || continue
    mapfile -t -s 1 table <"/proc/sysvipc/$kind"
    for row in "${table[@]}"; do
      read -r _ id _ _ cpid _ <<<"$row"
      objects+=("$kind $id $cpid")
    done
  done
}

ipc_remember() {
  local object objects
  ipc_objects
  for object in "${objects[@]}"; do
    ipc_before[${object% *}]=1
  done
}

# ipc_left: sets objects to what launched programs made and left, as "shm ID"; never anything else. What a
# process that still runs has made is in use. Where `only` is set, what that process made.
ipc_left() {
  local object all=()
  ipc_objects
  for object in "${objects[@]}"; do
    [[ -z ${ipc_before[${object% *}]-} && (-z ${only-} || ${object##* } == "$only") ]] || continue
    if [[ $object == shm* ]]; then
      ! kill -0 "${object##* }" 2>/dev/null || continue
    else
      ((${#supervisor[@]} == 0)) || continue
    fi
    [[ $CONTAINED != yes && " ${pids[*]} " != *" ${object##* } "* ]] || all+=("${object% *}")
  done
  objects=("${all[@]}")
}

# ipc_clear: removes what is left.
ipc_clear() {
  local object objects
  local -A option=([shm]=-m [sem]=-s [msg]=-q)
  ipc_left
  for object in "${objects[@]}"; do
    ipcrm "${option[${object% *}]}" "${object#* }" 2>/dev/null || :
  done
}
