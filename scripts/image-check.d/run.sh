# shellcheck shell=bash
# Sourced: what an image holds, and what its programs do.

# Programs of the images that say what works, and what is asked of them.
PROBE=$PWD/scripts/image-check.d
WRONG_FILTER='tcp prot 80'

# run_images ARCHITECTURE — fails unless both images hold and do what they should.
run_images() {
  local image
  say 'running what was built'
  for image in "${IMAGES[@]}"; do
    CONTAINER=$(in_store from --pull-never --arch "$1" "localhost/podtap/$image:$1")
    ROOT=$(in_store mount "$CONTAINER")
    all_of_architecture "$image" "$(elf_machine "$1")"
    "check_$image" "$1"
    in_store umount "$CONTAINER" >/dev/null
    in_store rm "$CONTAINER" >/dev/null
  done
}

# Every ELF file below the root, by its header.
all_of_architecture() {
  local file machine count=0
  while read -r file; do
    # It fails where the file is none.
    machine=$(LC_ALL=C readelf --file-header "$file" 2>/dev/null | sed -n 's/^ *Machine: *//p') || true
    if [[ -z $machine ]]; then continue; fi
    [[ ${machine,,} == *"${2/_/-}"* ]] || fail "$1: ${file#"$ROOT"} is for $machine, expected $2"
    count=$((count + 1))
  done < <(find "$ROOT" -type f \( -perm /111 -o -name '*.so*' -o -name '*.node' \))
  ((count > 5)) || fail "$1: expected programs and libraries, found $count"
  say "$1: $count programs and libraries, all $2"
}

check_webhook() {
  has_capability ''
  ends_with 1 'no Kubernetes API to talk to' webhook
  ends_with 1 'syntax error' webhook "BPF=$WRONG_FILTER"
}

check_sidecar() {
  has_capability 'cap_net_raw=ep'
  ends_with 2 'SENSOR: expected a value' sidecar
  ends_with 2 'syntax error' sidecar SENSOR=192.0.2.1 "BPF=$WRONG_FILTER"
  ends_with 0 'mirroring ended after DURATION' sidecar SENSOR=192.0.2.1 METRICS_PORT=0 \
    INTERFACE=podtap-none DURATION=1s 'BPF=tcp port 80'
  probe "$1"
}

has_capability() {
  local capability
  capability=$(getcap "$ROOT/usr/bin/node" | sed 's/.* //')
  [[ $capability == "$1" ]] || fail "/usr/bin/node: expected the capability \"$1\", found \"$capability\""
}

# ends_with STATUS TEXT NAME VARIABLE… — the entry point says TEXT and ends so.
ends_with() {
  local expected=$1 text=$2 name=$3 status=0 output variable settings=()
  shift 3
  for variable in "$@"; do settings+=(--env "$variable"); done
  output=$(in_container "${settings[@]}" "$CONTAINER" -- /usr/bin/node "/app/dist/$name/main.js" 2>&1) || status=$?
  [[ $status == "$expected" && $output == *"$text"* ]] ||
    fail "$name $*: expected \"$text\" and status $expected, received status $status: $output"
  say "$name ${*:-without settings}: status $status, $text"
}

# A network of its own: nothing is captured or sent on this machine's. Without the capability in its
# bounding set, the kernel would not even start a program that has it (capabilities(7)).
in_container() {
  unshare --net buildah --root "$WORK/store" --runroot "$WORK/run" \
    run --isolation chroot --cap-add CAP_NET_RAW "$@"
}

# The parts that are of an architecture, and a capture file through all that wraps frames.
probe() {
  local directory=$WORK/probe-$1
  rm -rf "$directory"
  mkdir -p "$directory"
  node "$PROBE/write-capture.ts" "$directory/frames.pcap"
  chown -R 65532:65532 "$directory"
  in_container --volume "$PROBE:/probe:ro" --volume "$directory:/capture:rw" "$CONTAINER" -- \
    /usr/bin/node /probe/probe.ts >"$directory/said"
  sed 's/^/  /' "$directory/said"
}

# same_everywhere ARCHITECTURE… — each said the same and wrote the same datagrams, as does this machine's podtap.
same_everywhere() {
  local architecture directory
  for architecture in "$@"; do
    directory=$WORK/probe-$architecture
    node dist/cli/main.js mirror --read "$directory/frames.pcap" --write "$directory/expected.pcap" >/dev/null
    cmp "$directory/expected.pcap" "$directory/mirrored.pcap" || fail "$architecture mirrors other bytes than podtap here"
    cmp "$WORK/probe-$1/said" "$directory/said" || fail "$architecture does not say what $1 says"
  done
}
