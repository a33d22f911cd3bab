/**
 * The UDP sockets of the engine: a few neighbouring source ports, each bound for IPv4 and IPv6 from
 * the start and until the end, so that no application can have one of them in between.
 */
import { OWN_HOP_LIMIT } from '../own-packets.ts'
import { noFreePorts, sourcePortRanges, type PortRange } from '../source-port-ranges.ts'
import * as native from './native.ts'
import { OWN_MARK } from './own-mark.ts'
import { AF_INET, AF_INET6, ipSocketAddress } from './socket-address.ts'

const SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0o2000000 | 0o4000
const SOL_SOCKET = 1
const SO_SNDBUF = [SOL_SOCKET, 7] as const
const SO_RCVBUF = [SOL_SOCKET, 8] as const
const SO_MARK = [SOL_SOCKET, 36] as const
const IPV6_V6ONLY = [41, 26] as const
/** Granted up to net.core.wmem_max. */
const SEND_BUFFER_BYTES = 4 * 1024 * 1024

/** What IPv4 and IPv6 number differently (linux/in.h, linux/in6.h); `headers`: bytes of IP and UDP. */
export const IP_OPTIONS = {
  4: {
    domain: AF_INET,
    any: '0.0.0.0',
    ttl: [0, 2],
    mtuDiscover: [0, 10],
    mtu: [0, 14],
    headers: 28,
  },
  6: {
    domain: AF_INET6,
    any: '::',
    ttl: [41, 16],
    mtuDiscover: [41, 23],
    mtu: [41, 24],
    headers: 48,
  },
} as const
const PMTUDISC_DONT = 0
const PMTUDISC_DO = 2

/** Sockets of the ports first…last, in this order. */
export interface PortSockets extends PortRange {
  readonly ipv4: readonly number[]
  /** Empty where there is no IPv6. */
  readonly ipv6: readonly number[]
}

/**
 * Binds `count` neighbouring ports. `mayFragment`: datagrams that are too long for the path are
 * fragmented; otherwise DF is set and they fail.
 * @throws AppError ERR_PORTS when no such range is free.
 */
export function openPortSockets(count: number, mayFragment: boolean): PortSockets {
  for (const { first, last } of sourcePortRanges(count)) {
    const ipv4 = bindRange(4, first, count, mayFragment)
    if (ipv4 === undefined) continue
    const ipv6 = bindRange(6, first, count, mayFragment)
    if (ipv6 !== undefined) return { first, last, ipv4, ipv6 }
    closeAll(ipv4)
  }
  throw noFreePorts(count)
}

/** Closes the descriptors. */
export function closeAll(descriptors: readonly number[]): void {
  for (const fd of descriptors) native.close(fd)
}

/** Undefined when one of the ports is taken; none at all where the family does not exist. */
function bindRange(
  family: 4 | 6,
  first: number,
  count: number,
  mayFragment: boolean,
): number[] | undefined {
  const { domain, any } = IP_OPTIONS[family]
  const open: number[] = []
  for (let port = first; port < first + count; port++) {
    const fd = native.socket(domain, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0)
    if (fd === -1) break
    open.push(fd)
    configure(fd, family, mayFragment)
    const local = ipSocketAddress(family, any, port)
    if (native.bind(fd, local, local.length) === 0) continue
    const isTaken = native.lastErrno() === native.ERRNO.EADDRINUSE
    closeAll(open)
    return isTaken ? undefined : []
  }
  return open
}

/** What fails here has a substitute: the filter knows our packets by more than the mark. */
function configure(fd: number, family: 4 | 6, mayFragment: boolean): void {
  const { ttl, mtuDiscover } = IP_OPTIONS[family]
  if (family === 6) native.setIntOption(fd, IPV6_V6ONLY, 1)
  native.setIntOption(fd, SO_MARK, OWN_MARK)
  native.setIntOption(fd, ttl, OWN_HOP_LIMIT)
  native.setIntOption(fd, mtuDiscover, mayFragment ? PMTUDISC_DONT : PMTUDISC_DO)
  native.setIntOption(fd, SO_SNDBUF, SEND_BUFFER_BYTES)
  // Nobody reads what comes back; the smallest buffer keeps it from piling up.
  native.setIntOption(fd, SO_RCVBUF, 0)
}
