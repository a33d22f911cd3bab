# shellcheck shell=bash
# Makes something to show: applications, traffic, a sensor that comes and goes, and a Prometheus that sees it.

RECORD_PIDS=()
RECORD_NAMESPACES=(shop bank)

# record MINUTES: returns when Prometheus (127.0.0.1:19090) has seen so much; it ends with this script.
record() {
  need_packages prometheus jq
  eval "$(scripts/cluster env)"
  trap record_clean_up EXIT
  heading 'podtap, two applications, a sensor'
  record_install
  heading "$1 minutes of traffic"
  record_prometheus
  record_events "$1"
}

record_install() {
  run kubectl apply -k manifests
  kubectl -n podtap rollout status deployment/podtap-webhook --timeout=120s >/dev/null
  run kubectl apply -f manifests/examples/sensor.yaml
  local namespace example
  for namespace in "${RECORD_NAMESPACES[@]}"; do
    kubectl create namespace "$namespace" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    run kubectl annotate --overwrite namespace "$namespace" podtap.dev/inject=enabled
    for example in application opted-out; do
      sed "s/namespace: shop/namespace: $namespace/" "manifests/examples/$example.yaml" |
        kubectl apply -f - >/dev/null
    done
    kubectl -n "$namespace" rollout status deployment/web --timeout=120s >/dev/null
    kubectl -n "$namespace" rollout status deployment/batch --timeout=120s >/dev/null
  done
  kubectl -n podtap-sensor rollout status deployment/sensor --timeout=120s >/dev/null
}

# Debian's Prometheus cannot discover pods, so it is told of them in files, with the labels that
# PodMonitors give.
record_prometheus() {
  local directory
  directory=$(mktemp -d)
  cat >"$directory/prometheus.yml" <<'CONFIG'
global: { scrape_interval: 5s }
scrape_configs:
  - job_name: podtap-sidecars
    file_sd_configs: [{ files: [sidecars.json], refresh_interval: 5s }]
  - job_name: podtap-webhook
    scheme: https
    tls_config: { insecure_skip_verify: true }
    file_sd_configs: [{ files: [webhook.json], refresh_interval: 5s }]
CONFIG
  record_targets "$directory" &
  RECORD_PIDS+=($!)
  prometheus --config.file="$directory/prometheus.yml" --storage.tsdb.path="$directory/data" \
    --web.listen-address=127.0.0.1:19090 --log.level=warn >"$directory/log" 2>&1 &
  RECORD_PIDS+=($!)
}

# record_targets DIRECTORY: keeps the lists of what is to be scraped, until it is ended.
record_targets() {
  # shellcheck disable=SC2016 # variables of jq
  local addresses='[.items[] | select(.status.phase == "Running" and .metadata.deletionTimestamp == null)
    | {targets: [.status.podIP + ":" + $port], labels: {namespace: .metadata.namespace,
       pod: .metadata.name, container: $container}}]'
  while :; do
    kubectl get pods -A -o json | jq --arg port 14789 --arg container podtap \
      '.items |= map(select([.spec.initContainers[]?, .spec.containers[]] | any(.name == "podtap")))
      | '"$addresses" >"$1/sidecars.new" && mv "$1/sidecars.new" "$1/sidecars.json"
    kubectl -n podtap get pods -o json | jq --arg port 10250 --arg container webhook "$addresses"' |
      map(del(.labels.namespace))' >"$1/webhook.new" && mv "$1/webhook.new" "$1/webhook.json"
    sleep 3
  done
}

# What a dashboard is for: traffic that changes, a sensor that is gone for a while, one more sensor,
# deployments, and one that the webhook misses.
record_events() {
  local part=$(($1 * 60 / 6))
  record_traffic shop 0.1
  record_traffic bank 0.4
  record_wait "$part" 'traffic'
  record_traffic shop 0.05
  record_wait "$part" 'more traffic'
  run kubectl -n podtap-sensor scale deployment/sensor --replicas=0
  record_wait 20 'no sensor'
  run kubectl -n podtap-sensor scale deployment/sensor --replicas=2
  record_wait "$part" 'two sensors'
  run kubectl -n shop scale deployment/web --replicas=3
  run kubectl -n bank annotate --overwrite namespace bank podtap.dev/cpu=100m
  run kubectl -n shop rollout restart deployment/web
  record_wait "$part" 'a rollout'
  run kubectl -n podtap scale deployment/podtap-webhook --replicas=0
  kubectl -n podtap wait --for=delete pod -l app.kubernetes.io/name=podtap-webhook --timeout=60s >/dev/null
  kubectl -n shop create deployment report --image=podtap/example:0.1.0 -- sleep 3600 >/dev/null
  run kubectl -n podtap scale deployment/podtap-webhook --replicas=1
  record_wait $((2 * part - 20)) 'what was missed shows'
}

# record_traffic NAMESPACE PAUSE: requests from the pod that opted out, until the script ends.
record_traffic() {
  local address
  address=$(kubectl -n "$1" get service web -o jsonpath='{.spec.clusterIP}')
  kubectl -n "$1" exec deployment/batch -c batch -- sh -c "while :; do
    printf 'GET /hello HTTP/1.0\r\nHost: web\r\n\r\n' | nc -w 2 $address 80; sleep $2; done" \
    >/dev/null 2>&1 &
  RECORD_PIDS+=($!)
}

# record_wait SECONDS WHAT: says what is being recorded, and deploys something every 20 seconds.
record_wait() {
  local end=$((SECONDS + $1))
  while ((SECONDS < end)); do
    say "recording: $2, $((end - SECONDS)) s"
    kubectl -n bank rollout restart deployment/web >/dev/null 2>&1 || true
    kubectl -n shop patch deployment batch --dry-run=server >/dev/null 2>&1 \
      -p "{\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"now\":\"$SECONDS\"}}}}}" || true
    if ((SECONDS < end)); then sleep $((end - SECONDS < 20 ? end - SECONDS : 20)); fi
  done
}

record_clean_up() {
  local pid
  for pid in "${RECORD_PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  kubectl delete namespace "${RECORD_NAMESPACES[@]}" --ignore-not-found --wait=false >/dev/null || true
}
