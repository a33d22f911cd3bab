# shellcheck shell=bash
# Ends the cluster and removes what it made. Every step is harmless when there is nothing to do, so
# that it also clears up after a crash or half of an `up`.

cluster_down() {
  # kube-proxy's tables carry its name, not ours: without a cluster of ours they are another's.
  # shellcheck disable=SC2034 # read by remove_network and leftovers
  OWNED=$(find "$STATE" "$RUN" -maxdepth 0 2>/dev/null || true)
  say 'ending kubelets, kube-proxies and containerds'
  stop_programs 3 kubelet-{a,b} kube-proxy-{a,b} containerd-{a,b}
  say 'ending pods'
  end_pods
  end_shims
  say 'ending the control plane'
  stop_programs 3 kube-controller-manager kube-scheduler kube-apiserver
  stop_programs 3 etcd
  say 'removing mounts, cgroups, network and files'
  remove_mounts
  remove_cgroups
  remove_network
  remove_files
  report_leftovers
}

# Every cgroup directory of the cluster, deepest first, in all hierarchies (version 1) or the one.
cgroup_directories() {
  find /sys/fs/cgroup -maxdepth 2 -type d \( -name podtap-a -o -name podtap-b \) \
    -exec find {} -depth -type d \; 2>/dev/null
}

pod_processes() {
  local directory
  cgroup_directories | while read -r directory; do
    cat "$directory/cgroup.procs" 2>/dev/null || true
  done | sort -un
}

# A cgroup holds only what a kubelet of ours put there. No grace period: nothing is to be saved.
end_pods() {
  local pid pids
  for _ in {1..100}; do
    mapfile -t pids < <(pod_processes)
    if ((${#pids[@]} == 0)); then return; fi
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    sleep 0.05
  done
}

# Shims are containerd's children until it ends, and then nobody's: known by the socket they serve.
shim_processes() {
  local directory
  for directory in /proc/[0-9]*; do
    if tr '\0' ' ' 2>/dev/null <"$directory/cmdline" |
      grep -q "^[^ ]*containerd-shim-runc-v2 .*-address $RUN/[ab]/containerd.sock"; then
      echo "${directory#/proc/}"
    fi
  done
}

end_shims() {
  local pid
  for pid in $(shim_processes); do kill -KILL "$pid" 2>/dev/null || true; done
}

cluster_mounts() {
  awk -v state="$STATE/" -v run="$RUN/" \
    'index($5, state) == 1 || index($5, run) == 1 { print $5 }' /proc/self/mountinfo | sort -r
}

# Detached, so that one that is still busy goes with its last user.
remove_mounts() {
  local path
  cluster_mounts | while read -r path; do umount -l "$path" 2>/dev/null || true; done
}

# A cgroup can be removed only when the kernel has let the last dead process go.
remove_cgroups() {
  for _ in {1..100}; do
    cgroup_directories | xargs -r rmdir 2>/dev/null || true
    if [[ -z $(cgroup_directories) ]]; then return; fi
    sleep 0.05
  done
}

remove_files() {
  # kubelet links pods' logs here whatever its configuration says.
  find /var/log/containers -lname "$STATE/*" -delete 2>/dev/null || true
  # libcni's record of each sandbox, which a sandbox that was killed leaves.
  find /var/lib/cni/results -name 'podtap-pods-*' -delete 2>/dev/null || true
  # kubelet's socket for device plugins has a fixed place too, and outlives a killed kubelet.
  if [[ -n $OWNED ]]; then rm -f /var/lib/kubelet/device-plugins/kubelet.sock; fi
  rmdir /var/log/containers /var/lib/cni/results /var/lib/cni /var/lib/kubelet/device-plugins \
    /var/lib/kubelet 2>/dev/null || true
  if [[ -z $(cluster_mounts) ]]; then rm -rf --one-file-system "$STATE" "$RUN"; fi
}
