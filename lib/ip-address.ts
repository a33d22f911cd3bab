import { isIP } from 'node:net'

/** An IP address and what kind it is. */
export interface IpAddress {
  /** Without brackets or zone. */
  readonly address: string
  readonly family: 4 | 6
}

/**
 * Reads an IPv4 or IPv6 literal, the latter with or without brackets; undefined if it is none. A zone
 * (`fe80::1%eth0`) is refused: it names an interface of one machine.
 */
export function readIpAddress(raw: string): IpAddress | undefined {
  const address = /^\[(.*:.*)\]$/.exec(raw)?.[1] ?? raw
  const family = address.includes('%') ? 0 : isIP(address)
  return family === 4 || family === 6 ? { address, family } : undefined
}
