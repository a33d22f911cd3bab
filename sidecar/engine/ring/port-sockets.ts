/**
 * The UDP sockets of the engine: a few neighbouring source ports, each bound for IPv4 and IPv6 from
 * the start and until the end, so that no application can have one of them in between. A connected
 * socket has one destination, so every further destination has sockets of its own at the same ports.
 */
import { OWN_HOP_LIMIT } from '../own-packets.ts'
import { noFreePorts, sourcePortRanges, type PortRange } from '../source-port-ranges.ts'
import * as native from './native.ts'
import { OWN_MARK } from './own-mark.ts'
import { AF_INET, AF_INET6, ipSocketAddress } from './socket-address.ts'

const SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0o2000000 | 0o4000
const SOL_SOCKET = 1
const SO_REUSEADDR = [SOL_SOCKET, 2] as const
const SO_SNDBUF = [SOL_SOCKET, 7] as const
const SO_RCVBUF = [SOL_SOCKET, 8] as const
const SO_MARK = [SOL_SOCKET, 36] as const
const IPV6_V6ONLY = [41, 26] as const
/** Room for about a hundred notes of the error queue (see error-queue.ts), which are charged to it. */
const RECEIVE_BUFFER_BYTES = 128 * 1024
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
    receiveErrors: [0, 11],
    headers: 28,
  },
  6: {
    domain: AF_INET6,
    any: '::',
    ttl: [41, 16],
    mtuDiscover: [41, 23],
    mtu: [41, 24],
    receiveErrors: [41, 25],
    headers: 48,
  },
} as const
/** A filter of one instruction: return 0. */
const NOTHING = Uint8Array.of(0x06, 0, 0, 0, 0, 0, 0, 0)
const PMTUDISC_DONT = 0
const PMTUDISC_DO = 2

/** Sockets of the ports first…last. */
export interface PortSockets extends PortRange {
  /**
   * The sockets for destination number `index` of a family, in the order of the ports; opened when
   * they are first asked for. None where there is no such family.
   */
  socketsOf(family: 4 | 6, index: number): readonly number[]
}

/** How sockets are opened. */
export interface PortOptions {
  /** How many neighbouring ports. */
  readonly count: number
  /** Whether datagrams that are too long for the path are fragmented; else DF is set and they fail. */
  readonly mayFragment: boolean
  /** Told of every descriptor, which stays open for the process' life or until it is closed by the caller. */
  readonly onOpen: (descriptors: readonly number[]) => void
}

/**
 * Binds the ports.
 * @throws AppError ERR_PORTS when no such range is free.
 */
export function openPortSockets(options: PortOptions): PortSockets {
  const { count, onOpen } = options
  for (const { first, last } of sourcePortRanges(count)) {
    const ipv4 = bindRange(4, first, options)
    if (ipv4 === undefined) continue
    const ipv6 = bindRange(6, first, options)
    if (ipv6 === undefined) {
      closeAll(ipv4)
      continue
    }
    onOpen([...ipv4, ...ipv6])
    const sockets: Record<4 | 6, (readonly number[])[]> = { 4: [ipv4], 6: [ipv6] }
    return {
      first,
      last,
      socketsOf: (family, index) => {
        const ofFamily = sockets[family]
        while (ofFamily.length <= index)
          ofFamily.push(openSiblings(family, { ...options, first }, ofFamily))
        return ofFamily[index] ?? []
      },
    }
  }
  throw noFreePorts(count)
}

/** Closes the descriptors. */
export function closeAll(descriptors: readonly number[]): void {
  for (const fd of descriptors) native.close(fd)
}

/**
 * A second socket may have a port while both allow it (SO_REUSEADDR, socket(7)). The first ones allow
 * it for this moment only, so that no application can take a port by the same means.
 */
function openSiblings(
  family: 4 | 6,
  options: PortOptions & { readonly first: number },
  open: readonly (readonly number[])[],
): readonly number[] {
  if (open[0]?.length === 0) return []
  setReuse(open.flat(), 1)
  const siblings = bindRange(family, options.first, { ...options, mayShare: true }) ?? []
  setReuse([...open.flat(), ...siblings], 0)
  options.onOpen(siblings)
  return siblings
}

function setReuse(descriptors: readonly number[], value: 0 | 1): void {
  for (const fd of descriptors) native.setIntOption(fd, SO_REUSEADDR, value)
}

/** Undefined when one of the ports is taken; none at all where the family does not exist. */
function bindRange(
  family: 4 | 6,
  first: number,
  options: PortOptions & { readonly mayShare?: boolean },
): number[] | undefined {
  const { domain, any } = IP_OPTIONS[family]
  const open: number[] = []
  for (let port = first; port < first + options.count; port++) {
    const fd = native.socket(domain, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0)
    if (fd === -1) break
    open.push(fd)
    configure(fd, family, options.mayFragment)
    if (options.mayShare === true) native.setIntOption(fd, SO_REUSEADDR, 1)
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
  const { ttl, mtuDiscover, receiveErrors } = IP_OPTIONS[family]
  if (family === 6) native.setIntOption(fd, IPV6_V6ONLY, 1)
  native.setIntOption(fd, SO_MARK, OWN_MARK)
  native.setIntOption(fd, ttl, OWN_HOP_LIMIT)
  native.setIntOption(fd, mtuDiscover, mayFragment ? PMTUDISC_DONT : PMTUDISC_DO)
  native.setIntOption(fd, SO_SNDBUF, SEND_BUFFER_BYTES)
  native.setIntOption(fd, SO_RCVBUF, RECEIVE_BUFFER_BYTES)
  native.setIntOption(fd, receiveErrors, 1)
  // Nobody reads datagrams that come back, so that none may take the room of errors.
  native.attachFilter(fd, NOTHING)
}
