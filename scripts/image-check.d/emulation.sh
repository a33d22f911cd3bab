# shellcheck shell=bash
# Sourced: lets this machine run programs of another architecture.

BINFMT=/proc/sys/fs/binfmt_misc

# Runs the script again where its mounts are nobody else's and end with it.
own_mounts() {
  if [[ ${PODTAP_OWN_MOUNTS:-} != "$$" ]]; then
    PODTAP_OWN_MOUNTS=$$ exec unshare --mount --propagation private "$0" "$@"
  fi
}

# emulate ARCHITECTURE — returns once its programs run. An interpreter that is missing is registered
# with the kernel, which forgets it when nobody has binfmt_misc mounted any more.
emulate() {
  if [[ $1 == "$(dpkg --print-architecture)" ]]; then return; fi
  need_packages qemu-user-static
  local machine
  machine=$(elf_machine "$1")
  mountpoint -q "$BINFMT" || mount -t binfmt_misc binfmt_misc "$BINFMT" ||
    fail "this kernel has no binfmt_misc (CONFIG_BINFMT_MISC): build on a machine that is $1"
  [[ -e $BINFMT/qemu-$machine ]] || cat "/usr/lib/binfmt.d/qemu-$machine.conf" >"$BINFMT/register"
  # F: the interpreter was opened when it was registered, so that it need not be in any container.
  grep -q '^flags: .*F' "$BINFMT/qemu-$machine" ||
    fail "$BINFMT/qemu-$machine lacks the flag F: install qemu-user-static anew"
}

# The architecture as qemu and ELF name it.
elf_machine() {
  case "$1" in
    amd64) echo x86_64 ;;
    arm64) echo aarch64 ;;
  esac
}
