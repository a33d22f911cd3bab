/** What sysfs says about a network interface of this network namespace. */
import { readFile } from 'node:fs/promises'

/** Where Linux lists the interfaces: Documentation/ABI/testing/sysfs-class-net. */
const INTERFACES = '/sys/class/net'

/** Interface flags of linux/if.h. */
const IFF_UP = 0x1
const IFF_LOOPBACK = 0x8

/** Whether an interface can be sniffed. */
export interface InterfaceState {
  readonly status: 'up' | 'down' | 'missing'
  readonly isLoopback: boolean
}

/** The state of interface `name` now. What sysfs cannot tell counts as missing; never rejects. */
export async function readInterfaceState(name: string): Promise<InterfaceState> {
  try {
    return parseInterfaceFlags(await readFile(`${INTERFACES}/${name}/flags`, 'latin1'))
  } catch {
    // ENOENT: there is none; ENODEV, EINVAL: it vanished between opening and reading.
    return { status: 'missing', isLoopback: false }
  }
}

/** Reads the content of a `flags` file: one hexadecimal number. */
export function parseInterfaceFlags(content: string): InterfaceState {
  const flags = Number.parseInt(content, 16)
  return { status: flags & IFF_UP ? 'up' : 'down', isLoopback: (flags & IFF_LOOPBACK) !== 0 }
}
