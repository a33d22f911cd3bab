# shellcheck shell=bash disable=SC2034 # use_node sets what the templates name
# containerd, kubelet and kube-proxy of one node, in that node's network.

# Sets the variables that the templates of node $1 name.
use_node() {
  NODE=$1
  NODE_STATE=$STATE/node-$1
  NODE_RUN=$RUN/$1
  ADDRESS=${NODE_ADDRESS[$1]}
  NODE_PODS=${POD_SUBNET[$1]}
  BRIDGE=podtap-pods-$1
}

cgroup_version() { if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then echo 2; else echo 1; fi; }

# kubelet wants its root to exist in every hierarchy.
create_cgroup() {
  if [[ $(cgroup_version) == 2 ]]; then
    mkdir -p "/sys/fs/cgroup/podtap-$1"
    delegate_controllers /sys/fs/cgroup
    delegate_controllers "/sys/fs/cgroup/podtap-$1"
  else
    create_cgroup_v1 "podtap-$1"
  fi
}

delegate_controllers() {
  local controller
  for controller in cpu cpuset io memory pids; do
    echo "+$controller" >"$1/cgroup.subtree_control" 2>/dev/null || true
  done
}

# A new cpuset has neither processors nor memory nodes, and takes no process until it has both.
create_cgroup_v1() {
  local hierarchy name
  for hierarchy in /sys/fs/cgroup/*/; do
    if [[ ! -e ${hierarchy}cgroup.procs ]]; then continue; fi
    mkdir -p "$hierarchy$1"
    for name in cpuset.cpus cpuset.mems; do
      if [[ -e $hierarchy$1/$name ]]; then cat "$hierarchy$name" >"$hierarchy$1/$name"; fi
    done
  done
}

start_containerd() {
  use_node "$1"
  mkdir -p "$NODE_STATE/cni" "$NODE_RUN"
  render_to "$NODE_STATE/containerd.toml" containerd.toml
  render_to "$NODE_STATE/cni/podtap.conflist" pod-network.conflist
  # containerd looks for its shim in PATH.
  PATH=$BIN:$PATH start_in_node "containerd-$1" "$BIN/containerd" --config "$NODE_STATE/containerd.toml"
}

start_kubelet() {
  use_node "$1"
  render_to "$NODE_STATE/kubelet.yaml" kubelet.yaml
  start_in_node "kubelet-$1" "$BIN/kubelet" --config "$NODE_STATE/kubelet.yaml" \
    --kubeconfig "$STATE/node-$1.kubeconfig" --hostname-override "node-$1" --node-ip "$ADDRESS" \
    --root-dir "$NODE_STATE/kubelet" --cert-dir "$NODE_STATE/pki"
}

start_proxy() {
  use_node "$1"
  render_to "$NODE_STATE/kube-proxy.yaml" kube-proxy.yaml
  start_in_node "kube-proxy-$1" "$BIN/kube-proxy" --config "$NODE_STATE/kube-proxy.yaml"
}

# start_in_node NAME COMMAND… — the node is the last letter of the name.
start_in_node() {
  local name=$1
  shift
  if [[ $name == *-b ]]; then set -- nsenter "--net=/run/netns/$NETNS_B" "$@"; fi
  start_program "$name" "$@"
}

containerd_ready() { ctr_on "$1" version; }

node_ready() {
  [[ $(kubectl_admin get node "node-$1" \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]
}

# kube-proxy has written its rules once the Service `kubernetes` is among them.
proxy_ready() { in_node "$1" nft list table ip kube-proxy | grep -q "$API_SERVICE_ADDRESS"; }
