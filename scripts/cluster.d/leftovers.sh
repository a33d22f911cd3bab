# shellcheck shell=bash
# Looks for what `down` must not leave.

# Prints one line for each thing of the cluster that is still there.
leftovers() {
  local pid
  for pid in $(shim_processes) $(pod_processes) $(cluster_processes); do
    echo "process $pid ($(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | cut -c1-80))"
  done
  cluster_mounts | sed 's/^/mount /'
  cgroup_directories | sed 's/^/cgroup /'
  ip -o link | sed -n 's/^[0-9]*: \(podtap-[^:@]*\).*/network interface \1/p'
  ip netns list | awk -v name="$NETNS_B" '$1 == name { print "network namespace " $1 }'
  ip route show "$SERVICE_NETWORK" | sed 's/^/route /'
  ip route show "${POD_SUBNET[b]}" | sed 's/^/route /'
  if [[ -n $OWNED ]]; then nft list tables 2>/dev/null | grep ' kube-proxy$' || true; fi
  find "$STATE" "$RUN" -maxdepth 0 -printf 'directory %p\n' 2>/dev/null || true
}

# Every program of the cluster is started with a path below STATE in its arguments.
cluster_processes() {
  local directory
  for directory in /proc/[0-9]*; do
    if [[ ${directory#/proc/} != "$$" ]] && tr '\0' '\n' 2>/dev/null <"$directory/cmdline" |
      grep -qE "^(--[a-z-]+=)?($STATE|$RUN)/" && is_cluster_program "$directory"; then
      echo "${directory#/proc/}"
    fi
  done
}

# A user's `tail -f` of a log names the same paths and is no leftover.
is_cluster_program() {
  local name
  name=$(basename "$(readlink "$1/exe" 2>/dev/null)")
  case $name in
    etcd | kube-apiserver | kube-controller-manager | kube-scheduler | containerd | kubelet | kube-proxy) ;;
    *) return 1 ;;
  esac
}

# The kernel takes interfaces and processes away some time after they were told to go.
report_leftovers() {
  local found
  for _ in {1..50}; do
    found=$(leftovers)
    if [[ -z $found ]]; then
      say 'down: nothing is left'
      return
    fi
    sleep 0.1
  done
  printf '%s\n' "$found" >&2
  die 'down could not remove all of it (above)'
}
