/**
 * Spreads mirrored flows over a few UDP source ports (RFC 7348 §5 recommends a hash of the inner
 * packet), so that switches and the workers of a sensor can share the load. Both directions of a
 * flow, and all fragments of a packet, get the same port: a sensor must see them in one place.
 */
import { readUint16, type Frame, type Packet } from './packet.ts'

const TCP = 6
const UDP = 17
const SCTP = 132
const MAC_BYTES = 6

/**
 * Which of `count` source ports carries `frame`, 0…count-1. TCP, UDP and SCTP are told apart by
 * addresses, ports and protocol; fragments and other IP packets by addresses alone; the rest by MAC
 * addresses and EtherType.
 */
export function flowIndex(frame: Frame, packet: Packet, count: number): number {
  return flowHash(frame, packet) % count
}

/** The symmetric hash of the flow that flowIndex() goes by: 32 bits, without a sign. */
export function flowHash(frame: Frame, packet: Packet): number {
  const { bytes, start, end } = frame
  if (packet.ipVersion === 4) return hashIp(bytes, packet, 4)
  if (packet.ipVersion === 6) return hashIp(bytes, packet, 16)
  if (start + 2 * MAC_BYTES > end) return 0
  const hash = hashPair(bytes, start, MAC_BYTES)
  return finish(hash + packet.etherType)
}

/** The addresses end the fixed header in both versions: source first, then destination. */
function hashIp(bytes: Uint8Array, packet: Packet, addressBytes: 4 | 16): number {
  const source = packet.network + (addressBytes === 4 ? 12 : 8)
  const ports = hasPorts(packet) ? packet.transport : -1
  if (ports === -1) return finish(hashPair(bytes, source, addressBytes))
  const from = mix(hashBytes(bytes, source, addressBytes), readUint16(bytes, ports))
  const to = mix(
    hashBytes(bytes, source + addressBytes, addressBytes),
    readUint16(bytes, ports + 2),
  )
  return finish(from + to + packet.protocol)
}

function hasPorts(packet: Packet): boolean {
  const { protocol, transport, packetEnd } = packet
  if (transport === -1 || transport + 4 > packetEnd) return false
  return protocol === TCP || protocol === UDP || protocol === SCTP
}

/** Two neighbouring addresses. Their hashes are added, which makes the result symmetric. */
function hashPair(bytes: Uint8Array, start: number, length: number): number {
  return hashBytes(bytes, start, length) + hashBytes(bytes, start + length, length)
}

function hashBytes(bytes: Uint8Array, start: number, length: number): number {
  let hash = 0
  for (let at = start; at < start + length; at += 2) hash = mix(hash, readUint16(bytes, at))
  return hash >>> 0
}

/** One round of MurmurHash3, 32 bit, by Austin Appleby (public domain). */
function mix(hash: number, value: number): number {
  const scrambled = Math.imul(rotate(Math.imul(value, 0xcc9e2d51), 15), 0x1b873593)
  return (Math.imul(rotate(hash ^ scrambled, 13), 5) + 0xe6546b64) >>> 0
}

/** MurmurHash3's finalizer: every bit of the sum reaches every bit of the result. */
function finish(sum: number): number {
  let hash = sum | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
