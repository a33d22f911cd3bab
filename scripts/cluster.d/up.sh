# shellcheck shell=bash
# Starts the cluster, or what is missing of it, and says what runs.

PACKAGES=(runc containernetworking-plugins iproute2 nftables ethtool openssl procps kmod)

cluster_up() {
  need_packages "${PACKAGES[@]}"
  BIN=$("$HERE/kubernetes-programs")
  remove_dead_cluster
  prepare_state
  create_network
  start_control_plane
  start_nodes
  say "up: both nodes are Ready. Use it with: eval \"\$($HERE/cluster env)\""
}

# What a crash or a restart of the machine left is of no use: containers and addresses are gone.
remove_dead_cluster() {
  local name
  if [[ ! -e $STATE && ! -e $RUN ]]; then
    if nft list table ip kube-proxy >/dev/null 2>&1; then
      die 'this machine runs a kube-proxy of another cluster (nftables table ip kube-proxy): stop it first'
    fi
    return
  fi
  for name in $(program_names); do
    if running "$name"; then return; fi
  done
  say 'removing what an earlier cluster left'
  cluster_down
}

prepare_state() {
  mkdir -p "$STATE" "$LOGS" "$PIDS" "$PKI" "$RUN"
  chmod 700 "$STATE" "$PKI" "$LOGS"
  echo "$BIN" >"$STATE/programs"
  create_credentials
  create_pause_image
}

start_control_plane() {
  local node
  say 'starting etcd, kube-apiserver and two containerds'
  start_etcd
  start_apiserver
  for node in "${NODES[@]}"; do start_containerd "$node"; done
  for node in "${NODES[@]}"; do
    wait_for 30 "containerd of node-$node" containerd_ready "$node"
    import_image "$node" "$STATE/pause.tar"
  done
  wait_for 60 kube-apiserver apiserver_ready
}

start_nodes() {
  local node
  say 'kube-apiserver is ready; starting controllers, scheduler, kubelets and kube-proxies'
  start_controllers
  for node in "${NODES[@]}"; do
    create_cgroup "$node"
    start_kubelet "$node"
    start_proxy "$node"
  done
  say 'waiting for both nodes'
  for node in "${NODES[@]}"; do
    wait_for 60 "node-$node" node_ready "$node"
    wait_for 30 "kube-proxy of node-$node" proxy_ready "$node"
  done
  # Pods are refused until the controllers have made these.
  wait_for 30 'the default service account' kubectl_admin get serviceaccount/default configmap/kube-root-ca.crt
}

print_environment() {
  # shellcheck disable=SC2016 # $PATH is for the shell that evaluates this
  printf 'export KUBECONFIG=%q\nexport PATH=%q:"$PATH"\n' "$KUBECONFIG_ADMIN" "$BIN"
}

print_status() {
  local name status=0
  for name in $(program_names); do
    if running "$name"; then
      printf '%-26s running  process %s\n' "$name" "$PID"
    else
      printf '%-26s stopped\n' "$name"
      status=1
    fi
  done
  kubectl_admin get nodes --request-timeout=5s || status=1
  return "$status"
}

print_log() {
  if (($# == 0)); then
    ls "$LOGS"
  elif [[ -f $LOGS/$1.log ]]; then
    cat "$LOGS/$1.log"
  else
    die "there is no log of $1; choose one of: $(cd "$LOGS" && echo ./*.log | sed 's#\./##g; s#\.log##g')"
  fi
}
