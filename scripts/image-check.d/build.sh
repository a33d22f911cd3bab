# shellcheck shell=bash
# Sourced: the Dockerfile's images for one architecture.

IMAGES=(webhook sidecar)

# build_images ARCHITECTURE — builds both images from the Dockerfile as it is.
build_images() {
  local image
  for image in "${IMAGES[@]}"; do
    say "building $image for $1"
    with_progress "$LOGS/$image-$1.log" build_image "$image" "$1"
  done
}

# The build stage is the same for both, so the second image finds its layers.
# RUN takes the network of this machine: nothing else than apt-get and npm use it.
build_image() {
  in_store build --layers --isolation chroot --pull=never --network host --platform "linux/$2" --target "$1" \
    --format docker --tag "localhost/podtap/$1:$2" .
}
