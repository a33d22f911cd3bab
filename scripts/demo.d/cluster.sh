# shellcheck shell=bash
# The demo in a real cluster, step by step, with the commands that a user would type.

# demo_cluster KEEP: KEEP non-empty leaves the cluster up.
demo_cluster() {
  DEMO_KEEP=$1
  DEMO_PIDS=()
  trap demo_clean_up EXIT
  demo_prepare
  demo_install
  demo_applications
  demo_enable
  demo_request
  demo_opted_out
  demo_sensor_replaced
  demo_counters
  heading 'Done'
}

demo_prepare() {
  heading '1. A real Kubernetes: two nodes on this machine'
  scripts/image
  scripts/cluster up
  scripts/cluster load build/images/*.tar
  eval "$(scripts/cluster env)"
  run kubectl get nodes -o wide
}

demo_install() {
  heading '2. Install podtap'
  run kubectl apply -k manifests
  run kubectl -n podtap rollout status deployment/podtap-webhook --timeout=120s
}

demo_applications() {
  heading '3. An application, one that will opt out, and a sensor'
  kubectl delete namespace shop --ignore-not-found >/dev/null
  run kubectl create namespace shop
  run kubectl apply -f manifests/examples/sensor.yaml -f manifests/examples/application.yaml \
    -f manifests/examples/opted-out.yaml
  kubectl -n podtap-sensor rollout status deployment/sensor --timeout=120s >/dev/null
  kubectl -n shop rollout status deployment/web --timeout=120s >/dev/null
  kubectl -n shop rollout status deployment/batch --timeout=120s >/dev/null
  say 'pods before: one container each'
  demo_pods
}

demo_enable() {
  heading '4. Turn it on: annotate the namespace, restart the workloads'
  run kubectl annotate namespace shop podtap.dev/inject=enabled
  run kubectl -n shop rollout restart deployment/web deployment/batch
  run kubectl -n shop rollout status deployment/web --timeout=120s
  kubectl -n shop rollout status deployment/batch --timeout=120s >/dev/null
  demo_wait_gone
  say 'pods after: web has the sidecar, batch opted out'
  demo_pods
}

demo_request() {
  heading '5. A request to the application, and that request as the sensor decoded it'
  demo_wait_sidecar_sends
  run kubectl -n shop exec deployment/batch -c batch -- sh -c "$(demo_fetch /hello)"
  local deadline=$((SECONDS + 15))
  until demo_sensor_log | grep -q 'GET /hello'; do
    [ $SECONDS -lt $deadline ] || fail 'the sensor did not show the request within 15 s'
    read -rt 0.3 <> <(:) || true
  done
  printf '%s\n' "${BOLD}\$ kubectl -n podtap-sensor logs deployment/sensor | grep HTTP${RESET}"
  demo_sensor_log | grep HTTP
}

demo_opted_out() {
  heading '6. The workload that opted out stayed as it was'
  run kubectl -n shop get deployment batch \
    -o 'jsonpath={.spec.template.metadata.annotations.podtap\.dev/inject}: containers {.spec.template.spec.containers[*].name}{"\n"}'
}

demo_sensor_replaced() {
  heading '7. The sensor is deleted; the sidecar follows its successor'
  demo_steady_traffic
  local old started
  old=$(demo_sensor_pod)
  started=$(date +%s.%N)
  run kubectl -n podtap-sensor delete "$old" --grace-period=1
  kubectl -n podtap-sensor rollout status deployment/sensor --timeout=60s >/dev/null
  local first deadline=$((SECONDS + 30))
  until first=$(demo_sensor_log 1 | awk '$1 ~ /^[0-9]+\.[0-9]+$/ {print $1; exit}') && [ -n "$first" ]; do
    [ $SECONDS -lt $deadline ] || fail 'the new sensor received nothing within 30 s'
    read -rt 0.2 <> <(:) || true
  done
  kubectl -n shop logs deployment/web -c podtap | grep '"msg":"sensor \|no sensor' | tail -n 3 || true
  awk -v a="$started" -v b="$first" 'BEGIN {
    printf "podtap: first frame at the successor %.1f s after the deletion (its start included)\n", b - a }'
}

demo_counters() {
  heading '8. Counters: captured = sent + dropped, each with its reason'
  local pod
  pod=$(kubectl -n shop get pod -l app=web -o jsonpath='{.items[0].metadata.name}')
  printf '%s\n' "${BOLD}\$ kubectl get --raw /api/v1/namespaces/shop/pods/$pod:14789/proxy/metrics | grep podtap_frames${RESET}"
  kubectl get --raw "/api/v1/namespaces/shop/pods/$pod:14789/proxy/metrics" | grep '^podtap_frames'
  say 'no-sensor: while the sensor was replaced. refused: its host said that no socket is open on UDP'
  say '4789; a sensor that sniffs, like this one, sees those frames all the same.'
}

demo_pods() {
  run kubectl -n shop get pods -o \
    'custom-columns=POD:.metadata.name,NODE:.spec.nodeName,STATUS:.status.phase,CONTAINERS:.spec.containers[*].name,NATIVE SIDECARS:.spec.initContainers[*].name'
}

# The pods of the old revision are gone: `rollout status` does not wait for their end.
demo_wait_gone() {
  timeout 60 sh -c 'until ! kubectl -n shop get pods -o jsonpath="{.items[*].metadata.deletionTimestamp}" | grep -q .; do sleep 0.3; done'
}

demo_wait_sidecar_sends() {
  timeout 30 sh -c 'until kubectl -n shop logs deployment/web -c podtap | grep -q "\"msg\":\"sensor found"; do sleep 0.3; done' ||
    fail 'the sidecar found no sensor within 30 s'
}

# A shell line that fetches a path of the application, from inside a pod.
demo_fetch() {
  local address
  address=$(kubectl -n shop get service web -o jsonpath='{.spec.clusterIP}')
  printf "printf 'GET %s HTTP/1.0\\\\r\\\\nHost: web\\\\r\\\\n\\\\r\\\\n' | nc -w 2 %s 80" "$1" "$address"
}

demo_steady_traffic() {
  kubectl -n shop exec deployment/batch -c batch -- \
    sh -c "while :; do $(demo_fetch /steady); sleep 0.2; done" >/dev/null 2>&1 &
  DEMO_PIDS+=($!)
}

demo_sensor_pod() { kubectl -n podtap-sensor get pod -l run=sensor -o name | head -n 1; }

demo_sensor_log() { kubectl -n podtap-sensor logs deployment/sensor 2>/dev/null || true; }

demo_clean_up() {
  local pid
  for pid in "${DEMO_PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  [ -z "$DEMO_KEEP" ] || {
    # shellcheck disable=SC2016 # for the reader's shell
    say 'the cluster stays up: eval "$(./scripts/cluster env)", later ./scripts/cluster down'
    return
  }
  heading 'Clean-up'
  scripts/cluster down
}
