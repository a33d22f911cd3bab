# shellcheck shell=bash
# Sourced: installs the Debian packages a script needs, saying so.

package_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# need_packages PACKAGE… — returns at once when all are there. Otherwise installs them as root, or
# says in one line what to run and ends the script with status 1.
need_packages() {
  local package missing=()
  for package in "$@"; do
    package_installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then return; fi
  if ((EUID != 0)); then
    echo "podtap needs root to install ${missing[*]}: run sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "packages: installing ${missing[*]} (apt-get)" >&2
  install_packages "${missing[@]}"
}

# The lists of a fresh machine are empty or old, so a failure is tried once more with new ones.
install_packages() {
  apt_get install "$@" >/dev/null 2>&1 && return
  echo 'packages: reading the package lists (apt-get update)' >&2
  apt_get update >/dev/null && apt_get install "$@" >/dev/null && return
  echo "packages: apt-get could not install $*: install them by hand and try again" >&2
  exit 1
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends "$@"; }
