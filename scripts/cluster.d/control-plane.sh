# shellcheck shell=bash
# etcd, kube-apiserver, kube-controller-manager and kube-scheduler.

kubectl_admin() { "$BIN/kubectl" --kubeconfig "$KUBECONFIG_ADMIN" "$@"; }

# The cluster lives for minutes and is thrown away: etcd need not wait for the disk.
start_etcd() {
  start_program etcd "$BIN/etcd" --name podtap --data-dir "$STATE/etcd" --unsafe-no-fsync \
    --listen-client-urls "$ETCD_CLIENT_URL" --advertise-client-urls "$ETCD_CLIENT_URL" \
    --listen-peer-urls "$ETCD_PEER_URL" --initial-advertise-peer-urls "$ETCD_PEER_URL" \
    --initial-cluster "podtap=$ETCD_PEER_URL" --log-level warn
}

# A loopback --advertise-address would leave the Service `kubernetes` without endpoints.
start_apiserver() {
  local flags=(
    --etcd-servers="$ETCD_CLIENT_URL" --service-cluster-ip-range="$SERVICE_NETWORK"
    --bind-address="$API_ADDRESS" --advertise-address="$API_ADDRESS" --secure-port=6443
    --cert-dir="$PKI" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key"
    --client-ca-file="$PKI/ca.crt" --token-auth-file="$PKI/tokens.csv"
    --kubelet-client-certificate="$PKI/kubelet-client.crt"
    --kubelet-client-key="$PKI/kubelet-client.key" --kubelet-preferred-address-types=InternalIP
    --service-account-issuer=https://kubernetes.default.svc
    --service-account-key-file="$PKI/sa.pub" --service-account-signing-key-file="$PKI/sa.key"
    '--authorization-mode=Node,RBAC' --enable-admission-plugins=NodeRestriction --allow-privileged=true
    --audit-policy-file="$STATE/audit-policy.yaml" --audit-log-path="$LOGS/audit.log"
  )
  render_to "$STATE/audit-policy.yaml" audit-policy.yaml
  start_program kube-apiserver "$BIN/kube-apiserver" "${flags[@]}"
}

apiserver_ready() { kubectl_admin get --raw /readyz; }

start_controllers() {
  local config=$STATE/kube-controller-manager.kubeconfig
  start_program kube-controller-manager "$BIN/kube-controller-manager" --leader-elect=false \
    --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --bind-address=127.0.0.1 --controllers='*' --use-service-account-credentials=true \
    --service-account-private-key-file="$PKI/sa.key" --root-ca-file="$PKI/ca.crt" \
    --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
    --cert-dir="$PKI" --flex-volume-plugin-dir="$STATE/volume-plugins"
  config=$STATE/kube-scheduler.kubeconfig
  start_program kube-scheduler "$BIN/kube-scheduler" --leader-elect=false --cert-dir="$PKI" \
    --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --bind-address=127.0.0.1
}

# Asked to end, it waits up to a minute for open watches; three seconds are enough for a test.
restart_apiserver() {
  stop_programs 3 kube-apiserver
  start_apiserver
  wait_for 60 kube-apiserver apiserver_ready
  say 'kube-apiserver is ready again'
}
