/**
 * The capture filter that keeps podtap from mirroring its own traffic, which would never end. It
 * names no address, so that the sensor may change while the filter stays, and it matches podtap's
 * packets exactly: an application that talks to the sensor, even to the same port, is mirrored.
 *
 * Three kinds of packets are podtap's own:
 * - datagrams from its source ports, which no other socket can have while podtap holds them;
 * - their later IP fragments, which carry no ports and are recognised by the hop limit;
 * - ICMP errors that quote such a datagram: a closed sensor port answers every mirrored frame with
 *   one, which would be mirrored and answered again.
 */

/**
 * The hop limit (TTL) of mirrored frames. Systems start at 64, 128 or 255 (RFC 1700 and practice), so
 * that no packet of another sender that a host forwards has 73 left: it would be 55 hops old.
 */
export const OWN_HOP_LIMIT = 73

/** How podtap's own packets can be told. */
export interface OwnPackets {
  /** UDP port that they go to. */
  readonly sensorPort: number
  /** The UDP ports that they come from, first to last. */
  readonly sourcePorts: { readonly first: number; readonly last: number }
  /**
   * Which way they pass the interface: `outbound`, or on a loopback interface `any`, because there
   * libpcap shows packets only as they come in again.
   */
  readonly direction: 'outbound' | 'any'
}

/**
 * The pcap-filter expression for what the user wants less podtap's own packets; an empty `user`
 * wants everything. Ours stands first: `vlan` or `mpls` in the user's part would move the offsets of
 * all that follows it (pcap-filter(7)).
 */
export function captureFilter(user: string, own: OwnPackets): string {
  const others = `not (${ownPacketsFilter(own)})`
  return user.trim() === '' ? others : `${others} and (${user})`
}

/**
 * The pcap-filter expression that matches podtap's own packets and nothing else. Every part first
 * asks for the length that it reads: a filter that reads behind the end of a packet rejects it
 * (Linux, Documentation/networking/filter.rst), and a malformed packet must be mirrored too. For the
 * same reason `outbound` stands last: only the kernel can answer it, and libpcap itself filters what
 * is in the buffer when the filter is set, and one packet more.
 */
export function ownPacketsFilter(own: OwnPackets): string {
  const outbound = own.direction === 'outbound' ? ' and outbound' : ''
  const sent = anyOf([datagrams4(own), fragments4(), datagrams6(own), fragments6(own)])
  return anyOf([`${sent}${outbound}`, errors4(own), errors6(own)])
}

/**
 * The pcap-filter expression for what passes the interfaces of a node, or several of a pod, less mirrored
 * frames: of this podtap, which knows its own by their mark as well, and of the sidecars and nodes around
 * it, whose frames pass the node on their way to a sensor. On a node they pass bridges, veths and tunnels,
 * in both directions.
 */
export function nodeFilter(): string {
  return `not (${mirroredFramesFilter()})`
}

/**
 * Mirrored frames of any podtap, their fragments, the ICMP errors that quote them, and all of it inside
 * the tunnels by which clusters join their nodes (IPIP; VXLAN, and Geneve without options). They are
 * known by the hop limit after few hops, a source port of RFC 7348, and the first word of a VXLAN header.
 */
function mirroredFramesFilter(): string {
  return anyOf([
    mirrored4('ip', 0),
    `len >= 54 and ip[0] = 0x45 and ip[9] = 4 and ${mirrored4('ip', 20)}`,
    `len >= 84 and ip[0] = 0x45 and ip[9] = 17 and ${mirrored4('ip', 50)}`,
    `len >= 104 and ip6[6] = 17 and ${mirrored4('ip6', 70)}`,
    `len >= 70 and ip6[6] = 17 and ${isOwnHopLimit('ip6', 7)} and ip6[40:2] >= 49152 and ip6[48:4] = ${VXLAN_FLAGS}`,
    `len >= 62 and ip6[6] = 44 and ip6[40] = 17 and ${isOwnHopLimit('ip6', 7)}`,
    quotedErrors4(),
    quotedErrors6(),
  ])
}

/** The first word of a VXLAN header that podtap writes: flag I, all reserved bits zero (RFC 7348 §5). */
const VXLAN_FLAGS = '0x08000000'

/** How many hops a mirrored frame is known for: less than lead to 64, where other systems begin. */
const KNOWN_HOPS = 8

function isOwnHopLimit(header: 'ip' | 'ip6', offset: number): string {
  const field = `${header}[${offset}]`
  return `${field} <= ${OWN_HOP_LIMIT} and ${field} >= ${OWN_HOP_LIMIT - KNOWN_HOPS}`
}

/** A mirrored frame, or a later fragment of one, whose IPv4 header is at `at` of `header`. */
function mirrored4(header: 'ip' | 'ip6', at: number): string {
  const field = (offset: number, bytes = 1): string => `${header}[${at + offset}:${bytes}]`
  const later = `${field(6, 2)} & 0x1fff != 0`
  const first = `len >= ${14 + at + 36} and ${field(20, 2)} >= 49152 and ${field(28, 4)} = ${VXLAN_FLAGS}`
  const udp = `len >= ${14 + at + 20} and ${field(0)} = 0x45 and ${field(9)} = 17`
  return `${udp} and ${isOwnHopLimit(header, at + 8)} and ${anyOf([later, first])}`
}

/** As errors4(), by the quoted hop limit (ip[36]) instead of the ports. */
function quotedErrors4(): string {
  const types = anyOf([3, 4, 5, 11, 12].map((type) => `ip[20] = ${type}`))
  const error = `len >= 66 and ip[0] = 0x45 and ip[6:2] & 0x1fff = 0 and ip[9] = 1 and ${types}`
  return `${error} and ip[28] = 0x45 and ip[37] = 17 and ${isOwnHopLimit('ip', 36)} and ip[48:2] >= 49152`
}

/** As errors6(), by the quoted hop limit (ip6[55]) instead of the ports. */
function quotedErrors6(): string {
  const error = 'len >= 106 and ip6[6] = 58 and ip6[40] >= 1 and ip6[40] <= 4'
  return `${error} and ${anyOf(['ip6[54] = 17', 'ip6[54] = 44'])} and ${isOwnHopLimit('ip6', 55)}`
}

/** ip[0]: version and header length, ip[6:2]: flags and fragment offset, ip[9]: protocol (RFC 791 §3.1). */
function datagrams4(own: OwnPackets): string {
  return `len >= 42 and ip[0] = 0x45 and ip[6:2] & 0x1fff = 0 and ip[9] = 17 and ${portsAt('ip', 20, own)}`
}

/** ip[8]: time to live. The first fragment has the ports and is found by them. */
function fragments4(): string {
  return `len >= 34 and ip[0] = 0x45 and ip[6:2] & 0x1fff != 0 and ip[9] = 17 and ip[8] = ${OWN_HOP_LIMIT}`
}

/** ip6[6]: next header (RFC 8200 §3); podtap sends no extension headers. */
function datagrams6(own: OwnPackets): string {
  return `len >= 62 and ip6[6] = 17 and ${portsAt('ip6', 40, own)}`
}

/**
 * ip6[7]: hop limit, ip6[40]: what the fragment header leads to, ip6[42:2]: fragment offset and flags
 * (RFC 8200 §4.5). In the first fragment UDP begins at 48.
 */
function fragments6(own: OwnPackets): string {
  const first = `ip6[42:2] & 0xfff8 = 0 and ${portsAt('ip6', 48, own)}`
  const later = `ip6[42:2] & 0xfff8 != 0 and ip6[7] = ${OWN_HOP_LIMIT}`
  return `len >= 66 and ip6[6] = 44 and ip6[40] = 17 and ${anyOf([first, later])}`
}

/**
 * ICMP errors: unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792). ICMP
 * begins at 20, what it quotes at 28: an IPv4 header without options, since podtap sends none, then UDP.
 */
function errors4(own: OwnPackets): string {
  const types = anyOf([3, 4, 5, 11, 12].map((type) => `ip[20] = ${type}`))
  const error = `len >= 66 and ip[0] = 0x45 and ip[6:2] & 0x1fff = 0 and ip[9] = 1 and ${types}`
  return `${error} and ip[28] = 0x45 and ip[37] = 17 and ${portsAt('ip', 48, own)}`
}

/**
 * ICMPv6 errors have the types 1…4 (RFC 4443 §2.1). The quoted IPv6 header begins at 48, its next
 * header is at 54; UDP follows at 88, or at 96 behind the header of a fragment.
 */
function errors6(own: OwnPackets): string {
  const whole = `ip6[54] = 17 and ${portsAt('ip6', 88, own)}`
  const fragment = `len >= 114 and ip6[54] = 44 and ip6[88] = 17 and ${portsAt('ip6', 96, own)}`
  const error = 'len >= 106 and ip6[6] = 58 and ip6[40] >= 1 and ip6[40] <= 4'
  return `${error} and ${anyOf([whole, fragment])}`
}

/** Our ports in the UDP header at `offset` of `header`: source, then destination. */
function portsAt(header: 'ip' | 'ip6', offset: number, own: OwnPackets): string {
  const source = `${header}[${offset}:2]`
  const { first, last } = own.sourcePorts
  return `${source} >= ${first} and ${source} <= ${last} and ${header}[${offset + 2}:2] = ${own.sensorPort}`
}

/** `and` and `or` bind equally tight in pcap-filter expressions, hence every parenthesis. */
function anyOf(expressions: readonly string[]): string {
  return `(${expressions.map((expression) => `(${expression})`).join(' or ')})`
}
