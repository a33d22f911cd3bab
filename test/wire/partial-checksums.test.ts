/** Checksums that a sender left to its network card are whole at the sensor; wrong ones are as wrong as they were. */
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  checksumOf,
  concat,
  crc32cOf,
  ethernet,
  hex,
  ipv4,
  ipv6,
  number,
  pseudoHeader,
  tagged,
  tcp,
  udp,
} from '../helpers/frames.ts'
import { pattern } from '../helpers/reassembly.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { unwrapped } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS, type PartialFrame } from '../helpers/wire.ts'

const MIRRORED = 'udp dst port 4789'
const FROM_TEST = 'ether src 02:00:00:00:00:01'
const ICMP = 1
const TCP = 6
const UDP = 17
const ICMPV6 = 58
const SCTP = 132

/** Where each protocol has its checksum. */
const CHECKSUM_AT: Readonly<Record<number, number>> = {
  [ICMP]: 2,
  [TCP]: 16,
  [UDP]: 6,
  [ICMPV6]: 2,
  [SCTP]: 8,
}

/** By which tshark knows the packets of this test. */
const INNER = {
  tcp: 'tcp.port == 40000',
  udp: 'udp.port == 40000',
  icmp: 'icmp.ident == 0x1234',
  icmpv6: 'icmpv6.echo.identifier == 0x1234',
  sctp: 'sctp.srcport == 40000',
} as const

/** How a frame is tagged, and how many bytes that takes. */
const UNTAGGED = { tags: 0, wrap: (frame: Uint8Array) => frame }
const TAGGINGS = [
  UNTAGGED,
  { tags: 4, wrap: (frame: Uint8Array) => tagged(frame, 0x8100, 42) },
  { tags: 8, wrap: (frame: Uint8Array) => tagged(tagged(frame, 0x8100, 7), 0x88a8, 42) },
]

/** Eight bytes of hop-by-hop options, then eight for the destination, both PadN only (RFC 8200 §4.2). */
const extensionHeaders = (upper: number): Uint8Array =>
  concat(hex('3c00 0104 0000 0000'), number(upper, 1), hex('00 0104 0000 0000'))

/** A frame as its sender hands it to the network card, and as the card would put it on the wire. */
interface Pair {
  readonly partial: PartialFrame
  readonly whole: Uint8Array
}

const wire = await openWire()
await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)

test('partial checksums are completed: TCP, UDP, ICMP, SCTP, in any tags, behind any headers', async () => {
  const pairs = TAGGINGS.flatMap((tagging) => packets(200).map((each) => pair(each, tagging)))
  const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter: FROM_TEST })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)

  for (const host of ['client', 'pod'] as const) {
    await wire.sendPartial(host, partialsOf(pairs))
  }
  await arriving.atLeast(2 * pairs.length)
  const arrived = unwrapped(await arriving.stop())

  const expected = pairs.flatMap(({ whole }) => [whole, whole])
  assert.deepEqual(arrived.map(toHex).sort(), expected.map(toHex).sort())
  const seen = await checksums(arriving)
  assert.deepEqual([...new Set(Object.values(seen).flat())], ['1'])
  assert.equal(seen.sctp.length, 2 * TAGGINGS.length * 3)
  assert.equal(unaccounted(await engine.stop()), 0)
})

test('partial checksums of packets that do not fit are whole in what the sensor puts together', async () => {
  const pairs = packets(1416).map((each) => pair(each, UNTAGGED))
  const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter: FROM_TEST })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)

  await wire.sendPartial('client', partialsOf(pairs))
  await arriving.atLeast(datagramsFor(pairs.map(({ whole }) => whole)))
  await arriving.stop()

  // A segment of TCP becomes two; of other packets the last fragment has the status of the whole.
  assert.deepEqual(await checksums(arriving), {
    tcp: ['1', '1', '1', '1', '1', '1'],
    udp: ['1', '1', '1'],
    icmp: ['1'],
    icmpv6: ['1', '1'],
    sctp: ['1', '1', '1'],
  })
  assert.equal(unaccounted(await engine.stop()), 0)
})

test('checksums that were wrong on the wire stay wrong, whole frames to the byte', async () => {
  const [small, large] = [100, 1416].map((length) =>
    packets(length).map((each) => withWrongChecksum(pair(each, UNTAGGED).whole, each)),
  )
  const tags = TAGGINGS.flatMap(({ wrap }) => small!.map(wrap))
  const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter: FROM_TEST })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)

  await wire.sendFrames('client', tags)
  const arrived = unwrapped(await arriving.atLeast(tags.length))
  assert.deepEqual(arrived.map(toHex).sort(), tags.map(toHex).sort())
  await wire.sendFrames('client', large!)
  await arriving.atLeast(tags.length + datagramsFor(large!))
  await arriving.stop()

  const seen = await checksums(arriving)
  assert.deepEqual([...new Set(Object.values(seen).flat())], ['0'])
  assert.equal(seen.sctp.length, (TAGGINGS.length + 1) * 3)
  assert.equal(unaccounted(await engine.stop()), 0)
})

interface Packet {
  readonly protocol: number
  readonly packet: Uint8Array<ArrayBuffer>
  /** Where the upper layer begins. */
  readonly transport: number
}

/** One packet of each protocol and kind of IP header with so much payload; checksums are 0. */
function packets(length: number): Packet[] {
  return [ICMP, TCP, UDP, SCTP, ICMPV6].flatMap((protocol) => {
    const payload = upperLayer(protocol, length)
    const source4 = { protocol, payload }
    const behind = { protocol: 0, payload: concat(extensionHeaders(protocol), payload) }
    const four = { protocol, packet: ipv4(source4), transport: 20 }
    const six = [
      { protocol, packet: ipv6(source4), transport: 40 },
      { protocol, packet: ipv6(behind), transport: 56 },
    ]
    if (protocol === ICMP) return [four]
    return protocol === ICMPV6 ? six : [four, ...six]
  })
}

function upperLayer(protocol: number, length: number): Uint8Array {
  const data = pattern(length)
  if (protocol === TCP) return tcp([40000, 80], data)
  if (protocol === UDP) return udp([40000, 5353], data)
  if (protocol === ICMP) return concat(hex('0800 0000 1234 0001'), data)
  if (protocol === ICMPV6) return concat(hex('8000 0000 1234 0001'), data)
  // RFC 9260 §3.1 and §3.3.1: ports, tag, checksum; a DATA chunk, whole: type, flags, length, TSN, stream, sequence, protocol.
  const chunk = concat(
    hex('0003'),
    number(16 + length, 2),
    hex('00000001 0000 0000 00000000'),
    data,
  )
  return concat(hex('9c40 1451 00000001 00000000'), chunk)
}

function pair({ protocol, packet, transport }: Packet, { tags, wrap }: typeof UNTAGGED): Pair {
  const offset = CHECKSUM_AT[protocol]!
  const etherType = packet[0]! >>> 4 === 4 ? 0x0800 : 0x86dd
  const upper = packet.subarray(transport)
  const [half, whole] = checksumsOf(protocol, packet, upper)
  const framed = (checksum: Uint8Array): Uint8Array => {
    const copy = Uint8Array.from(packet)
    copy.set(checksum, transport + offset)
    return wrap(ethernet(etherType, copy))
  }
  return {
    partial: { frame: framed(half), start: 14 + tags + transport, offset },
    whole: framed(whole),
  }
}

/** What a sender writes that leaves the rest to its card, and what the card makes of it. */
function checksumsOf(
  protocol: number,
  packet: Uint8Array,
  upper: Uint8Array,
): [Uint8Array, Uint8Array] {
  if (protocol === SCTP) return [new Uint8Array(4), number(crc32cOf(upper), 4).reverse()]
  if (protocol === ICMP) return [new Uint8Array(2), number(checksumOf(upper), 2)]
  const pseudo = pseudoHeader(packet, protocol, upper.length)
  return [number(0xffff - checksumOf(pseudo), 2), number(checksumOf(concat(pseudo, upper)), 2)]
}

/** The untagged frame with the last bit of its checksum turned over. */
function withWrongChecksum(frame: Uint8Array, { protocol, transport }: Packet): Uint8Array {
  const copy = Uint8Array.from(frame)
  const last = 14 + transport + CHECKSUM_AT[protocol]! + 1
  copy[last] = copy[last]! ^ 1
  return copy
}

/** Of 1500 bytes the headers around a frame take 36. */
function datagramsFor(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, { length }) => sum + (length > 1464 ? 2 : 1), 0)
}

function partialsOf(pairs: readonly Pair[]): PartialFrame[] {
  return pairs.map(({ partial }) => partial)
}

/** What tshark says of the inner checksums of each protocol: 1 is good, 0 is bad; of the outer UDP nothing. */
async function checksums(capture: WireCapture): Promise<Record<keyof typeof INNER, string[]>> {
  const seen = { tcp: [], udp: [], icmp: [], icmpv6: [], sctp: [] } as Record<string, string[]>
  for (const [name, filter] of Object.entries(INNER)) {
    const rows = await capture.tshark(filter, `${name}.checksum.status`)
    seen[name] = rows.map(([status = '']) => status.split(',').at(-1)!)
  }
  return seen
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
