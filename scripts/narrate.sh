# shellcheck shell=bash
# How the scripts talk: sourced by them. Colour only on a terminal.
# shellcheck source=scripts/packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

if [ -t 1 ]; then BOLD=$'\e[1m' DIM=$'\e[2m' RESET=$'\e[0m'; else BOLD='' DIM='' RESET=''; fi

# Says what is being done.
say() { printf '%s\n' "${DIM}podtap:${RESET} $*"; }

# Begins a part.
heading() { printf '\n%s\n' "${BOLD}━━ $*${RESET}"; }

# Ends with one clear line.
fail() {
  printf 'podtap: %s\n' "$*" >&2
  exit 1
}

# Shows a command as a person would type it, then runs it.
run() {
  printf '%s\n' "${BOLD}\$ $*${RESET}"
  "$@"
}

# need_root WHAT: one line that says what to do, unless root.
need_root() {
  [ "$(id -u)" = 0 ] || fail "root is needed for $1 (network namespaces): run sudo $0"
}
