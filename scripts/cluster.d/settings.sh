# shellcheck shell=bash disable=SC2034
# Names, addresses and paths of the cluster. Everything it creates outside STATE is named podtap….

STATE=${PODTAP_STATE:-/var/lib/podtap-cluster}
# Sockets live apart from STATE: a unix socket's path has at most 107 bytes (unix(7)).
RUN=/run/podtap-cluster
LOGS=$STATE/logs
PIDS=$STATE/pids
PKI=$STATE/pki
KUBECONFIG_ADMIN=$STATE/admin.kubeconfig
TEMPLATES=$HERE/cluster.d/templates

NODES=(a b)
NETNS_B=podtap-b
WIRE_A=podtap-wire-a
WIRE_B=podtap-wire-b
declare -A NODE_ADDRESS=([a]=10.99.1.1 [b]=10.99.1.2)
declare -A POD_SUBNET=([a]=10.244.0.0/24 [b]=10.244.1.0/24)
WIRE_PREFIX=30
POD_NETWORK=10.244.0.0/16
SERVICE_NETWORK=10.96.0.0/16
# The first address of SERVICE_NETWORK: kube-apiserver gives it to the Service `kubernetes`.
API_SERVICE_ADDRESS=10.96.0.1
API_ADDRESS=${NODE_ADDRESS[a]}
API_URL=https://$API_ADDRESS:6443
# Not etcd's usual ports, so that an etcd of the machine's own may keep them.
ETCD_CLIENT_URL=http://127.0.0.1:12379
ETCD_PEER_URL=http://127.0.0.1:12380
PAUSE_IMAGE=docker.io/podtap/pause:1
IMAGE_ARCHITECTURE=amd64
if [[ $(uname -m) == aarch64 ]]; then IMAGE_ARCHITECTURE=arm64; fi

# What a kernel with modules must load; built-in or absent ones are no error (up checks what matters).
KERNEL_MODULES=(overlay br_netfilter veth vxlan nf_tables)

# Kernel settings that the cluster, kubelet or kube-proxy change on this machine; down restores them.
KERNEL_SETTINGS=(
  net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables
  vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes
)

say() { printf 'cluster: [%2d s] %s\n' "$SECONDS" "$*" >&2; }

die() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

# render TEMPLATE — prints it with each @NAME@ replaced by the variable NAME.
render() {
  local text name
  text=$(<"$TEMPLATES/$1")
  while [[ $text =~ @([A-Z_]+)@ ]]; do
    name=${BASH_REMATCH[1]}
    text=${text//"@$name@"/"${!name}"}
  done
  printf '%s\n' "$text"
}

# render_to FILE TEMPLATE — writes only what differs: kube-proxy ends itself when its file is written.
render_to() {
  local text
  text=$(render "$2")
  if [[ ! -f $1 || $text != "$(<"$1")" ]]; then printf '%s\n' "$text" >"$1"; fi
}

# wait_for SECONDS WHAT COMMAND… — runs COMMAND until it succeeds; ends the script after SECONDS.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then die "$what did not come in time: see $LOGS"; fi
    sleep 0.1
  done
}
