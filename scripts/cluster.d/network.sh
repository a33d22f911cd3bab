# shellcheck shell=bash
# The wire between the nodes, node-b's network namespace, routes and kernel settings.

# in_node a|b COMMAND… — replaces nothing but the network: `ip netns exec` would also mount a new
# /sys, without the cgroups that containerd and kubelet need.
in_node() {
  local node=$1
  shift
  if [[ $node == b ]]; then set -- nsenter "--net=/run/netns/$NETNS_B" "$@"; fi
  "$@"
}

load_modules() {
  local module
  command -v modprobe >/dev/null || return 0
  for module in "${KERNEL_MODULES[@]}"; do modprobe -q "$module" || true; done
}

# Keeps the values from before the first change, so that a second `up` does not overwrite them.
record_kernel_settings() {
  local name
  if [[ -f $STATE/sysctl.before ]]; then return; fi
  for name in "${KERNEL_SETTINGS[@]}"; do
    sysctl -e "$name" 2>/dev/null || true
  done >"$STATE/sysctl.before"
}

restore_kernel_settings() {
  if [[ -f $STATE/sysctl.before ]]; then sysctl -q -p "$STATE/sysctl.before" >/dev/null || true; fi
}

# Bridged frames must pass netfilter, or the answer of a pod to another behind the same bridge skips
# the address translation of the Service it was asked through.
set_forwarding() {
  in_node "$1" sysctl -qw net.ipv4.ip_forward=1
  in_node "$1" sysctl -qwe net.bridge.bridge-nf-call-iptables=1
}

# `ip netns add` mounts /run/netns onto itself; recorded here, so that down takes only its own away.
create_namespace() {
  if [[ -e /run/netns/$NETNS_B ]]; then return; fi
  mountpoint -q /run/netns || touch "$STATE/netns-mounted"
  ip netns add "$NETNS_B"
  in_node b ip link set lo up
}

# The veth pair stands for the wire between two machines. A datagram still to be segmented by the
# device would cross it whole, which no real wire lets happen, so UDP segmentation is switched off.
create_wire() {
  if ip link show "$WIRE_A" >/dev/null 2>&1; then return; fi
  ip link add "$WIRE_A" type veth peer name "$WIRE_B" netns "$NETNS_B"
  connect_wire a "$WIRE_A"
  connect_wire b "$WIRE_B"
}

connect_wire() {
  in_node "$1" ip address add "${NODE_ADDRESS[$1]}/$WIRE_PREFIX" dev "$2"
  in_node "$1" ip link set "$2" up
  in_node "$1" ethtool -K "$2" tx-udp-segmentation off >/dev/null
}

# Node-a's own programs reach Services from an address that node-b can answer, also on a machine
# without a default route; kube-proxy translates the destination before anything leaves.
create_routes() {
  ip route replace "${POD_SUBNET[b]}" via "${NODE_ADDRESS[b]}"
  ip route replace "$SERVICE_NETWORK" dev "$WIRE_A" src "${NODE_ADDRESS[a]}"
  in_node b ip route replace default via "${NODE_ADDRESS[a]}"
}

create_network() {
  local node
  load_modules
  record_kernel_settings
  create_namespace
  create_wire
  create_routes
  for node in "${NODES[@]}"; do set_forwarding "$node"; done
}

remove_network() {
  ip netns delete "$NETNS_B" 2>/dev/null || true
  ip link delete "$WIRE_A" 2>/dev/null || true
  ip link delete podtap-pods-a 2>/dev/null || true
  if [[ -n $OWNED ]]; then
    nft delete table ip kube-proxy 2>/dev/null || true
    nft delete table ip6 kube-proxy 2>/dev/null || true
  fi
  remove_namespace_mount
  restore_kernel_settings
}

# Only when no other namespace is named there: umount refuses while one is mounted below it.
remove_namespace_mount() {
  if [[ -f $STATE/netns-mounted && -z $(ls -A /run/netns 2>/dev/null) ]]; then
    if umount /run/netns 2>/dev/null; then rmdir /run/netns; fi
  fi
}
