# shellcheck shell=bash
# Starts programs in the background and ends them by the process id recorded in PIDS/NAME, together
# with the start time, because the kernel gives ids out again.

# Field 22 of /proc/PID/stat, clock ticks after boot (proc(5)); the name before it may hold spaces.
# Nothing for a zombie: it has ended, whoever its parent is.
start_time() {
  { sed 's/.*) //' "/proc/$1/stat" | awk '$1 != "Z" { print $20 }'; } 2>/dev/null || true
}

# running NAME — sets PID to the program's process id, or fails.
running() {
  local started
  [[ -f $PIDS/$1 ]] && read -r PID started <"$PIDS/$1" && [[ -n $started ]] &&
    [[ $(start_time "$PID") == "$started" ]]
}

# start_program NAME COMMAND… — does nothing when NAME runs already.
start_program() {
  local name=$1
  shift
  if running "$name"; then return; fi
  setsid "$@" </dev/null >>"$LOGS/$name.log" 2>&1 9>&- &
  echo "$! $(start_time $!)" >"$PIDS/$name"
}

# signal_program SIGNAL NAME — a program that is gone already is no error.
signal_program() {
  if running "$2"; then kill "-$1" "$PID" 2>/dev/null || true; fi
}

# stop_programs SECONDS NAME… — asks all to end, then kills those that still run after SECONDS.
stop_programs() {
  local deadline=$((SECONDS + $1)) name
  shift
  for name in "$@"; do signal_program TERM "$name"; done
  for name in "$@"; do
    while running "$name"; do
      if ((SECONDS >= deadline)); then signal_program KILL "$name"; fi
      sleep 0.05
    done
    rm -f "$PIDS/$name"
  done
}

# The names of every program of the cluster, in the order of their start.
program_names() {
  printf '%s\n' etcd kube-apiserver kube-controller-manager kube-scheduler
  local node
  for node in "${NODES[@]}"; do
    printf '%s\n' "containerd-$node" "kubelet-$node" "kube-proxy-$node"
  done
}
