# shellcheck shell=bash
# Image archives for both nodes' containerd; no registry.

ctr_on() {
  local node=$1
  shift
  "$BIN/ctr" -a "$RUN/$node/containerd.sock" -n k8s.io "$@"
}

# ctr's own words, mostly warnings, go to a log.
import_image() {
  ctr_on "$1" images import --local --snapshotter overlayfs "$2" >>"$LOGS/import-$1.log" 2>&1 ||
    die "node-$1 could not import $2: $(tail -n 1 "$LOGS/import-$1.log")"
}

load_images() {
  local file node
  if (($# == 0)); then die 'load needs at least one image archive'; fi
  for file in "$@"; do
    if [[ ! -r $file ]]; then die "cannot read the image archive $file"; fi
    for node in "${NODES[@]}"; do
      import_image "$node" "$file"
    done
    say "loaded $file on both nodes"
  done
}

# An archive without this machine's times and owners.
tar_plain() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@"; }

# The sandbox image: the one program `pause`, as a `docker save` archive of one layer, see
# https://github.com/moby/docker-image-spec/blob/main/v1.2.md
create_pause_image() {
  local directory=$STATE/pause digest
  if [[ -f $STATE/pause.tar ]]; then return; fi
  mkdir -p "$directory"
  tar_plain -C "$BIN" -cf "$directory/layer.tar" pause
  digest=$(sha256sum "$directory/layer.tar" | cut -d' ' -f1)
  LAYER_DIGEST=sha256:$digest render pause-config.json >"$directory/config.json"
  render pause-manifest.json >"$directory/manifest.json"
  tar_plain -C "$directory" -cf "$STATE/pause.tar" manifest.json config.json layer.tar
}
