/**
 * The UDP sockets that mirrored frames leave by: a few neighbouring ports, so that a filter can name
 * them as one range, each bound for IPv4 and IPv6. Nobody else can send from them meanwhile.
 */
import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { errnoCodeOf } from '../../lib/errors.ts'
import { noFreePorts, sourcePortRanges, type PortRange } from './source-port-ranges.ts'

/** How many source ports there are: enough for the workers of a sensor, few enough to be cheap. */
export const SOURCE_PORT_COUNT = 8

/** What a system without IPv6 answers. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT'])

/** Sockets of the ports first…last, in this order. */
export interface SourcePorts extends PortRange {
  readonly ipv4: readonly Socket[]
  /** Empty where there is no IPv6. */
  readonly ipv6: readonly Socket[]
}

/**
 * Binds SOURCE_PORT_COUNT neighbouring ports.
 * @throws AppError ERR_PORTS when no such range is free.
 */
export async function openSourcePorts(): Promise<SourcePorts> {
  for (const range of sourcePortRanges(SOURCE_PORT_COUNT)) {
    const ports = await tryRange(range)
    if (ports !== undefined) return ports
  }
  throw noFreePorts(SOURCE_PORT_COUNT)
}

/**
 * Sockets of one family at the same ports again, for another destination. While they are bound the first
 * ones must allow that (see sharePorts()). None where there is no IPv6.
 */
export function openSiblings({ first }: PortRange, family: 4 | 6): Promise<readonly Socket[]> {
  const options = { type: family === 4 ? 'udp4' : 'udp6', reuseAddr: true } as const
  return bindRange(options, first, []).catch(noneWithoutIpv6)
}

/** All sockets of a range, or undefined (and none open) when one of its ports is taken. */
async function tryRange({ first, last }: PortRange): Promise<SourcePorts | undefined> {
  const open: Socket[] = []
  try {
    const ipv4 = await bindRange({ type: 'udp4' }, first, open)
    const ipv6 = await bindRange({ type: 'udp6' }, first, open).catch(noneWithoutIpv6)
    return { first, last, ipv4, ipv6 }
  } catch (error) {
    for (const socket of open) socket.close()
    if (errnoCodeOf(error) === 'EADDRINUSE') return undefined
    throw error
  }
}

/** Binds every port of the range that begins at `first`; each socket is in `open` before it is bound. */
async function bindRange(options: SocketOptions, first: number, open: Socket[]): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let port = first; port < first + SOURCE_PORT_COUNT; port++) {
    const socket = createSocket({ ...options, ipv6Only: options.type === 'udp6' })
    open.push(socket)
    sockets.push(socket)
    // Listening first: once() rejects when the socket reports an error instead.
    const listening = once(socket, 'listening')
    socket.bind({ port, exclusive: true })
    await listening
  }
  return sockets
}

function noneWithoutIpv6(error: unknown): Socket[] {
  if (NO_IPV6.has(errnoCodeOf(error) ?? '')) return []
  throw error
}
