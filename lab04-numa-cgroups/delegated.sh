#!/bin/sh
# delegated.sh - a shell, or COMMAND, in a control group that systemd has delegated to us
#
# Usage: sh delegated.sh [COMMAND [ARGUMENT]...]
# Below that group, PLACE, we may do as we like; systemd leaves it alone. The shell itself goes one
# below: a group whose subgroups have limits can have no process itself.
[ "$(id -u)" = 0 ] || user=--user
# shellcheck disable=SC2016 # for the inner shell
exec systemd-run ${user-} --quiet --scope -p Delegate=yes sh -c '
  PLACE=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)
  mkdir "$PLACE/shell" && echo $$ >"$PLACE/shell/cgroup.procs" || exit
  export PLACE
  exec "$@"' sh "${@:-bash}"
