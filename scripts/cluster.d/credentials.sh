# shellcheck shell=bash
# Keys, certificates, tokens and kubeconfigs, made anew for each cluster; files of mode 0600.

# kubeconfig|user|group, with the names that Kubernetes' own roles are bound to
# (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings).
USERS=(
  'admin|podtap-admin|system:masters'
  'kube-controller-manager|system:kube-controller-manager|'
  'kube-scheduler|system:kube-scheduler|'
  'kube-proxy|system:kube-proxy|'
  'node-a|system:node:node-a|system:nodes'
  'node-b|system:node:node-b|system:nodes'
)

create_credentials() {
  if [[ -f $PKI/done ]]; then return; fi
  umask 077
  create_authority
  create_certificate apiserver /CN=kube-apiserver "$(render apiserver-certificate.conf)"
  create_certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client \
    extendedKeyUsage=clientAuth
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$PKI/sa.key" 2>/dev/null
  openssl pkey -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub"
  create_users
  touch "$PKI/done"
  umask 022
}

create_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 \
    -subj /CN=podtap-cluster -keyout "$PKI/ca.key" -out "$PKI/ca.crt" 2>/dev/null
}

# create_certificate NAME SUBJECT EXTENSIONS — signed by the cluster's authority.
create_certificate() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
    -keyout "$PKI/$1.key" -out "$PKI/$1.csr" 2>/dev/null
  openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial \
    -days 365 -extfile <(printf '%s\n' "$3") -out "$PKI/$1.crt" 2>/dev/null
}

random_token() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# A line of kube-apiserver's token file is token,user,uid,groups.
create_users() {
  local entry file user group token
  : >"$PKI/tokens.csv"
  for entry in "${USERS[@]}"; do
    IFS='|' read -r file user group <<<"$entry"
    token=$(random_token)
    printf '%s,%s,%s,%s\n' "$token" "$user" "$user" "$group" >>"$PKI/tokens.csv"
    TOKEN=$token CA_DATA=$(base64 -w0 "$PKI/ca.crt") render kubeconfig.yaml >"$STATE/$file.kubeconfig"
  done
}
