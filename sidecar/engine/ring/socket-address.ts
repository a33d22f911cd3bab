/**
 * Socket addresses as the kernel reads them (ip(7), ipv6(7), packet(7)); the family is in host byte
 * order, ports and addresses are in network byte order:
 *
 *   sockaddr_in    family(2) port(2) address(4) zero(8)
 *   sockaddr_in6   family(2) port(2) flow info(4) address(16) scope(4)
 *   sockaddr_ll    family(2) protocol(2) interface(4) type(2) packet type(1) length(1) address(8)
 */
import { SocketAddress } from 'node:net'

export const AF_INET = 2
export const AF_INET6 = 10
export const AF_PACKET = 17

const ETH_P_ALL = 3

/** AF_UNSPEC: connect(2) with it undoes an earlier one. */
export const UNCONNECTED = new Uint8Array(16)

/** The address of `host`, an IP address of `family`, and `port`. */
export function ipSocketAddress(family: 4 | 6, host: string, port: number): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? 16 : 28)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, family === 4 ? AF_INET : AF_INET6, true)
  view.setUint16(2, port)
  bytes.set(family === 4 ? ipv4Bytes(host) : ipv6Bytes(host), family === 4 ? 4 : 8)
  return bytes
}

/** All frames of the interface with that index. */
export function packetSocketAddress(interfaceIndex: number): Uint8Array {
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, AF_PACKET, true)
  view.setUint16(2, ETH_P_ALL)
  view.setUint32(4, interfaceIndex, true)
  return bytes
}

function ipv4Bytes(host: string): number[] {
  return host.split('.').map(Number)
}

/** Node normalises any valid text form, but only to text: at most one `::`, and no dotted part. */
function ipv6Bytes(host: string): number[] {
  const { address } = new SocketAddress({ family: 'ipv6', address: withoutDots(host) })
  const [head = '', tail = ''] = address.split('::')
  const left = groups(head)
  const right = groups(tail)
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0)
  return [...left, ...zeros, ...right].flatMap((group) => [group >>> 8, group & 0xff])
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16))
}

/** `::ffff:192.0.2.1` as `::ffff:c000:201`. */
function withoutDots(host: string): string {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host)
  if (dotted === null) return host
  const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(1).map(Number)
  const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  return host.slice(0, dotted.index) + hex
}
