# shellcheck shell=bash
# Sourced: the base image of the Dockerfile, put together where no registry of images is reached.

# What the Dockerfile expects of its base image beside Node.js and npm.
BASE_PACKAGES=ca-certificates,g++,make,python3
NPM=npm@11
CERTIFICATES=etc/ssl/certs/ca-certificates.crt

# Images and containers of this script, apart from those of the machine's own engine.
in_store() { buildah --root "$WORK/store" --runroot "$WORK/run" "$@"; }

# The name that the Dockerfile gives its base image: node:26-bookworm.
base_name() { sed -n 's/^FROM \([^ ]*\) AS build$/\1/p' Dockerfile; }
debian_release() { base_name | sed 's/.*-//'; }

# make_base ARCHITECTURE — that base image is in the store, for that architecture.
make_base() {
  local image=localhost/podtap/base:$1 key
  key="$(debian_release) $BASE_PACKAGES $(node_package "$1") $NPM"
  if [[ $(in_store inspect --format '{{index .OCIv1.Config.Labels "made-of"}}' "$image" 2>&1) != "$key" ]]; then
    make_debian "$1"
    make_node "$1"
    join_base "$1" "$image" "$key"
  fi
  in_store tag "$image" "docker.io/library/$(base_name)"
}

make_debian() {
  local archive=$WORK/debian-$1.tar
  # An archive that is there is whole: it comes from a run that ended later.
  if [[ -f $archive ]]; then return; fi
  say "unpacking Debian $(debian_release) for $1"
  with_progress "$LOGS/debian-$1.log" mmdebstrap --variant=minbase --architectures="$1" \
    --include="$BASE_PACKAGES" "$(debian_release)" "$archive.partial.tar"
  mv "$archive.partial.tar" "$archive"
}

# Node.js and npm as the official image has them: below /usr/local.
make_node() {
  local packed=$WORK/packed-$1 prefix=$WORK/node-$1
  rm -rf "$packed" "$prefix"
  mkdir -p "$packed" "$prefix"/{bin,lib/node_modules/npm}
  say "fetching $(node_package "$1") and $NPM"
  with_progress "$LOGS/node-$1.log" npm pack --pack-destination "$packed" "$(node_package "$1")" "$NPM"
  tar -xf "$packed"/node-linux-*.tgz -C "$prefix" --strip-components=1 package/bin
  tar -xf "$packed"/npm-*.tgz -C "$prefix/lib/node_modules/npm" --strip-components=1
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$prefix/bin/npm"
  rm -r "$packed"
}

node_package() {
  local package=node-linux-${1/amd64/x64}
  echo "$package@$(node -p 'require("./package.json").optionalDependencies[process.argv[1]]' "$package")"
}

join_base() {
  local container root
  container=$(in_store from scratch)
  root=$(in_store mount "$container")
  tar -xf "$WORK/debian-$1.tar" -C "$root" --exclude='./dev/*'
  cp -a "$WORK/node-$1/." "$root/usr/local/"
  chown -R root:root "$root/usr/local"
  # Behind a proxy with an authority of its own, npm must know that authority.
  cp "/$CERTIFICATES" "$root/$CERTIFICATES"
  in_store umount "$container" >/dev/null
  in_store config --arch "$1" --env "NODE_EXTRA_CA_CERTS=/$CERTIFICATES" --label "made-of=$3" \
    --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  say "storing the base image"
  with_progress "$LOGS/base-$1.log" in_store commit --rm --quiet "$container" "$2"
  rm -r "$WORK/debian-$1.tar" "$WORK/node-$1"
}
