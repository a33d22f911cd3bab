/**
 * What the kernel says about network interfaces (rtnetlink(7), netlink(7)), read without trust in any
 * length. All numbers are in host byte order, which is little-endian wherever podtap runs.
 *
 *   nlmsghdr    length(4) type(2) flags(2) sequence(4) port(4)
 *   ifinfomsg   family(1) pad(1) hardware type(2) index(4) flags(4) change(4), then attributes
 *   rtattr      length(2) type(2) value, padded to 4
 */

/** A network interface of this network namespace. */
export interface Link {
  readonly index: number
  readonly name: string
  /** What its frames look like: ARPHRD_… of linux/if_arp.h. */
  readonly hardwareType: number
  readonly isUp: boolean
  readonly isLoopback: boolean
}

/** One thing that the kernel said. */
export type LinkMessage =
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'gone'; readonly index: number }
  /** The list that was asked for is complete. */
  | { readonly kind: 'done' }
  /** The list must be asked for again: a message was broken, or an errno came back. */
  | { readonly kind: 'error'; readonly errno: number }

/** ARPHRD_ETHER: the only frames that VXLAN carries (RFC 7348 §4.1). */
export const ETHERNET = 1

const HEADER_BYTES = 16
const LINK_BYTES = 16
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLMSG_OVERRUN = 4
const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const REQUEST_DUMP = 0x0301
const IFLA_IFNAME = 3
const IFF_UP = 0x1
const IFF_LOOPBACK = 0x8
const EPROTO = 71

/**
 * The messages in `bytes`, one datagram of a netlink socket. Those about anything but links are left
 * out, and so are those of address families: a port that leaves a bridge is "deleted" for AF_BRIDGE.
 */
export function readLinkMessages(bytes: Uint8Array): LinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const messages: LinkMessage[] = []
  let at = 0
  while (at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, true)
    if (length < HEADER_BYTES || at + length > bytes.length) break
    const message = readMessage(new DataView(bytes.buffer, bytes.byteOffset + at, length))
    if (message !== undefined) messages.push(message)
    at += align(length)
  }
  if (at < bytes.length) messages.push({ kind: 'error', errno: EPROTO })
  return messages
}

/** The request for all links: RTM_GETLINK with NLM_F_REQUEST | NLM_F_DUMP, family AF_UNSPEC. */
export function linksRequest(): Uint8Array {
  const request = new Uint8Array(HEADER_BYTES + LINK_BYTES)
  const view = new DataView(request.buffer)
  view.setUint32(0, request.length, true)
  view.setUint16(4, RTM_GETLINK, true)
  view.setUint16(6, REQUEST_DUMP, true)
  return request
}

function readMessage(message: DataView): LinkMessage | undefined {
  const type = message.getUint16(4, true)
  if (type === NLMSG_DONE) return { kind: 'done' }
  if (type === NLMSG_OVERRUN) return { kind: 'error', errno: EPROTO }
  if (type === NLMSG_ERROR) return readError(message)
  if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return undefined
  if (message.byteLength < HEADER_BYTES + LINK_BYTES) return { kind: 'error', errno: EPROTO }
  if (message.getUint8(HEADER_BYTES) !== 0) return undefined
  const index = message.getUint32(HEADER_BYTES + 4, true)
  return type === RTM_DELLINK ? { kind: 'gone', index } : readLink(message, index)
}

/** struct nlmsgerr begins with the negative errno; 0 acknowledges. */
function readError(message: DataView): LinkMessage | undefined {
  if (message.byteLength < HEADER_BYTES + 4) return { kind: 'error', errno: EPROTO }
  const errno = -message.getInt32(HEADER_BYTES, true)
  return errno === 0 ? undefined : { kind: 'error', errno }
}

function readLink(message: DataView, index: number): LinkMessage {
  const name = readName(message)
  if (name === undefined) return { kind: 'error', errno: EPROTO }
  const flags = message.getUint32(HEADER_BYTES + 8, true)
  const link = {
    index,
    name,
    hardwareType: message.getUint16(HEADER_BYTES + 2, true),
    isUp: (flags & IFF_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
  }
  return { kind: 'link', link }
}

function readName(message: DataView): string | undefined {
  let at = HEADER_BYTES + LINK_BYTES
  while (at + 4 <= message.byteLength) {
    const length = message.getUint16(at, true)
    if (length < 4 || at + length > message.byteLength) return undefined
    if (message.getUint16(at + 2, true) === IFLA_IFNAME) {
      const bytes = new Uint8Array(message.buffer, message.byteOffset + at + 4, length - 4)
      const end = bytes.indexOf(0)
      return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end)) || undefined
    }
    at += align(length)
  }
  return undefined
}

function align(length: number): number {
  return (length + 3) & ~3
}
