# shellcheck shell=bash
# Sourced: builds programs from the Go modules that a go.mod pins, once, into a cache.
#
# The script that sources it sets
#   WHAT       what is built, as messages call it
#   ESTIMATE   how long the first build takes on two cores
#   MODULE     the directory of the go.mod
#   CACHE      where the programs are kept
#   TAGS       build tags, separated by commas; may be empty
#   PROGRAMS   an array of name=package; go must name the program so, or rename_programs() must
# and may replace these functions:

# The flags of the linker.
linker_flags() { printf -- '-s -w'; }

# Everything beside go.mod and go.sum that decides what the programs are.
# shellcheck disable=SC2153 # set by whoever sources this
other_inputs() { printf '%s\n' "$TAGS" "$(linker_flags)" "${PROGRAMS[@]}" "$(uname -m)"; }

# Puts programs that need not be built into $1 and prints the packages that remain.
packages_to_build() { printf '%s\n' "${PROGRAMS[@]#*=}"; }

# Gives programs in $1 their names, where go names them otherwise.
rename_programs() { :; }

say() { printf '%s: %s\n' "$WHAT" "$*" >&2; }

cache_key() {
  { cat "$MODULE/go.mod" "$MODULE/go.sum"; other_inputs; } | sha256sum | cut -c1-16
}

go_in_module() { (cd "$MODULE" && CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false' go "$@"); }

# Says every ten seconds how far the build is; ended by its caller, or with it.
report_progress() {
  local directory=$1 log=$2 packages=$3 programs=$4 start=$SECONDS
  # The last sleep outlives this loop by some seconds: it must hold neither the lock nor the output.
  while sleep 10 9>&- >/dev/null 2>&1 && kill -0 $$; do
    say "program $(find "$directory" -type f | wc -l) of $programs," \
      "package $(grep -vc '^go: ' "$log" || true) of at most $packages, $((SECONDS - start)) s"
  done
}

# One go build for all: programs share most packages, and both cores stay busy while others link.
build() {
  local directory=$1 log=$1.log total reporter status=0
  shift
  say "downloading modules and counting packages"
  total=$(go_in_module list -deps -tags "$TAGS" "$@" | wc -l)
  : >"$log"
  report_progress "$directory" "$log" "$total" $# &
  reporter=$!
  go_in_module build -v -trimpath -tags "$TAGS" -ldflags "$(linker_flags)" -o "$directory/" "$@" \
    2>"$log" || status=$?
  kill "$reporter"
  wait "$reporter" || true
  if ((status)); then
    tail -n 20 "$log" >&2
    say "go build failed (see $log)"
    exit 1
  fi
}

build_missing() {
  local bin=$1 staging=$1.building packages start=$SECONDS
  command -v go >/dev/null || { say 'go is not installed: install Go 1.26 or newer'; exit 1; }
  # An interrupted build may have left half a program.
  rm -rf "$staging"
  mkdir -p "$staging"
  mapfile -t packages < <(packages_to_build "$staging")
  if ((${#packages[@]})); then
    say "building ${#packages[@]} programs (about $ESTIMATE on two cores, once)"
    build "$staging" "${packages[@]}"
  fi
  rename_programs "$staging"
  mv "$staging" "$bin"
  say "built in $((SECONDS - start)) s: $bin"
}

# Builds what is missing and prints the directory that holds the programs.
provide_programs() {
  local bin
  bin=$CACHE/$(cache_key)/bin
  mkdir -p "${bin%/bin}"
  # Two callers at once: the second waits for the first one's build.
  exec 9>"${bin%/bin}/lock"
  flock 9
  [[ -d $bin ]] || build_missing "$bin"
  echo "$bin"
}
