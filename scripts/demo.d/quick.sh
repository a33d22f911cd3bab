# shellcheck shell=bash
# The demo without a cluster: offline injection, then real frames between network namespaces.

QUICK=podtap-demo

demo_quick() {
  need_packages iproute2 tshark busybox-static
  QUICK_DIR=$(mktemp -d)
  QUICK_PIDS=()
  trap quick_clean_up EXIT
  quick_inject
  quick_network
  quick_mirror
  quick_request
  quick_decode
  quick_counters
  heading 'Done'
  say "the same in a real cluster: ./scripts/demo"
}

quick_inject() {
  heading '1. What the webhook would add to a Deployment'
  local example=manifests/examples/application.yaml
  say "podtap inject -f $example | diff $example -"
  scripts/podtap inject --namespace-annotations podtap.dev/inject=enabled -f "$example" >"$QUICK_DIR/injected.yaml"
  diff -u --label before --label after "$example" "$QUICK_DIR/injected.yaml" | grep '^[+-]' || true
}

# Three hosts on one bridge: a pod, its client and a sensor.
quick_network() {
  heading '2. Three hosts: an application pod, its client, a sensor'
  quick_clean_network
  ip netns add $QUICK-net
  ip -n $QUICK-net link add br0 type bridge
  ip -n $QUICK-net link set br0 up
  quick_host pod 192.0.2.10
  quick_host client 192.0.2.20
  quick_host sensor 192.0.2.30
  printf '    client 192.0.2.20 ──HTTP──▶ pod 192.0.2.10 ──VXLAN──▶ sensor 192.0.2.30\n'
}

quick_host() {
  ip netns add "$QUICK-$1"
  ip -n "$QUICK-$1" link add eth0 type veth peer name "$1" netns $QUICK-net
  ip -n "$QUICK-$1" addr add "$2/24" dev eth0
  ip -n "$QUICK-$1" link set lo up
  ip -n "$QUICK-$1" link set eth0 up
  ip -n $QUICK-net link set "$1" master br0 up
}

quick_mirror() {
  heading '3. Mirror the pod: podtap mirror --interface eth0 --sensor 192.0.2.30 --vni 42'
  mkdir -p "$QUICK_DIR/www"
  echo 'hello from the pod' >"$QUICK_DIR/www/hello"
  quick_start sensor "$QUICK_DIR/sensor.log" tshark -l -n -i eth0 -f 'udp port 4789' -w "$QUICK_DIR/sensor.pcap"
  quick_start pod "$QUICK_DIR/httpd.log" busybox httpd -f -p 80 -h "$QUICK_DIR/www"
  quick_start pod "$QUICK_DIR/mirror.log" \
    node dist/cli/main.js mirror --interface eth0 --sensor 192.0.2.30 --vni 42
  wait_for "$QUICK_DIR/mirror.log" 'capturing'
  wait_for "$QUICK_DIR/sensor.log" 'Capturing on'
  cat "$QUICK_DIR/mirror.log"
}

quick_request() {
  heading '4. A request, as the client sees it'
  run ip netns exec $QUICK-client node -e "
    fetch('http://192.0.2.10/hello').then(async (r) => console.log(r.status, (await r.text()).trim()))"
}

quick_decode() {
  heading '5. The same request, as the sensor decoded it from VXLAN'
  local deadline=$((SECONDS + 10))
  until quick_decoded | grep -q 'HTTP/1.1 200'; do
    [ $SECONDS -lt $deadline ] || fail 'the sensor did not decode the request within 10 s'
    read -rt 0.3 <> <(:) || true
  done
  quick_decoded
  local wrong
  wrong=$(tshark -n -r "$QUICK_DIR/sensor.pcap" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
    -Y 'tcp.checksum.status == "Bad" || ip.checksum.status == "Bad"' 2>/dev/null | wc -l)
  say "inner checksums that a sensor would reject: $wrong"
}

quick_decoded() {
  tshark -n -r "$QUICK_DIR/sensor.pcap" -d udp.port==4789,vxlan -Y tcp 2>/dev/null || true
}

quick_counters() {
  heading '6. Nothing lost without being counted'
  kill "${QUICK_PIDS[2]}"
  wait "${QUICK_PIDS[2]}" || true
  tail -n 1 "$QUICK_DIR/mirror.log"
  say 'refused: the host said that no socket is open on UDP 4789; a sensor that sniffs, like this one,'
  say 'sees those frames all the same.'
}

# quick_start HOST LOG COMMAND…
quick_start() {
  local host=$1 log=$2
  shift 2
  ip netns exec "$QUICK-$host" "$@" >"$log" 2>&1 &
  QUICK_PIDS+=($!)
}

# wait_for FILE TEXT: at most 15 s.
wait_for() {
  timeout 15 sh -c "until grep -q '$2' '$1'; do sleep 0.1; done" || {
    cat "$1" >&2
    fail "\"$2\" was not seen within 15 s"
  }
}

quick_clean_up() {
  local pid
  for pid in "${QUICK_PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  quick_clean_network
  rm -rf "$QUICK_DIR"
}

quick_clean_network() {
  local name
  for name in pod client sensor net; do ip netns del "$QUICK-$name" 2>/dev/null || true; done
}
