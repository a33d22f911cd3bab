/** Whatever stands around it and however it is split: put together, a frame says what it said before. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { FrameMirror, type FrameFacts } from '../../../../../sidecar/offline/frame-mirror.ts'
import {
  checksumOf,
  concat,
  ethernet,
  hex,
  ipv4,
  ipv6,
  number,
  pseudoHeader,
  tagged,
  tcp,
  udp,
} from '../../../../helpers/frames.ts'
import {
  isChecksumRight,
  joinFragments,
  joinSegments,
  patched,
  pattern,
  readIp,
  readTcp,
  type ReadIp,
} from '../../../../helpers/reassembly.ts'

const PORTS = [40000, 80] as const
const TCP = 6
const UDP = 17
const ESP = 50

/** What FIT=fragment and FIT=off allow: the longest datagram there is, less the VXLAN header. */
const UNSPLIT = 65507 - 8

/** What stands around the upper layer of a packet. */
interface Shape {
  readonly version: 4 | 6
  /** EtherTypes of VLAN tags, the outermost first. */
  readonly tags: readonly number[]
  /** IPv6: hop-by-hop and destination options, PadN only. */
  readonly hasOptions: boolean
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  version: fc.constantFrom(4, 6),
  tags: fc.constantFrom([], [0x8100], [0x88a8, 0x8100], [0x8100, 0x8100]),
  hasOptions: fc.boolean(),
})

/** The longest frame that fits: any, or so long that nothing has to be split to fit. */
const fits = fc.oneof(fc.integer({ min: 300, max: 9000 }), fc.constant(UNSPLIT))

test('TCP in any tags and behind any headers, its checksum partial, right or wrong', () => {
  const property = fc.property(
    fc.record({
      shape: shapes,
      length: fc.integer({ min: 1, max: 20_000 }),
      fit: fits,
      gsoSize: fc.integer({ min: 60, max: 3000 }),
      error: fc.oneof(fc.constantFrom('partial', 0), fc.integer({ min: 1, max: 0xfffe })),
    }),
    ({ shape, length, fit, gsoSize, error }) => {
      const data = pattern(length)
      const packet = withChecksum(packetOf(shape, TCP, tcp(PORTS, data)), TCP, error)
      const gso = { gsoType: shape.version === 4 ? 1 : 4, gsoSize }
      const partial = { checksum: 'partial', ...startOf(shape), checksumOffset: 16 } as const

      const pieces = split(
        framed(shape, packet),
        fit,
        error === 'partial' ? { ...gso, ...partial } : gso,
      )

      const packets = pieces.map((piece) => bare(piece, shape))
      assert.deepEqual(joinSegments(packets.map(readTcp)), data)
      assert.equal(new Set(packets.map((each) => readTcp(each).rest)).size, 1)
      const errors = new Set(packets.map(errorOf))
      assert.deepEqual(errors, new Set([error === 'partial' ? 0 : error]))
      assert.ok(pieces.every((piece) => piece.length <= fit))
      if (fit === UNSPLIT) {
        const full = packets.slice(0, -1).map((each) => readTcp(each).data.length)
        assert.ok(full.every((bytes) => bytes === gsoSize))
      }
    },
  )
  fc.assert(property, { numRuns: 150 })
})

test('BIG TCP, in which IPv4 says length 0 and IPv6 has a jumbo option', () => {
  const property = fc.property(
    fc.constantFrom(4 as const, 6 as const),
    fc.integer({ min: 65_536, max: 120_000 }),
    fc.integer({ min: 400, max: 3000 }),
    fc.integer({ min: 400, max: 3000 }),
    (version, length, fit, gsoSize) => {
      const data = pattern(length)
      const shape = { version, tags: [], hasOptions: false }
      const packet = version === 4 ? longPacket4(data) : jumbogram(data)
      const start = 14 + (version === 4 ? 20 : 48)
      const facts = { gsoType: version === 4 ? 1 : 4, gsoSize, checksumStart: start }

      const pieces = split(ethernet(version === 4 ? 0x0800 : 0x86dd, packet), fit, {
        ...facts,
        checksum: 'partial',
        checksumOffset: 16,
      })

      const packets = pieces.map((piece) => bare(piece, shape))
      assert.deepEqual(joinSegments(packets.map(readTcp)), data)
      assert.ok(packets.every(isChecksumRight))
      assert.ok(pieces.every((piece) => piece.length <= fit))
    },
  )
  fc.assert(property, { numRuns: 10 })
})

test('USO: every datagram of the application as it sent it, in fragments where it does not fit', () => {
  const property = fc.property(
    fc.record({
      shape: shapes,
      length: fc.integer({ min: 2, max: 30_000 }),
      fit: fits,
      gsoSize: fc.integer({ min: 40, max: 3000 }),
    }),
    ({ shape, length, fit, gsoSize }) => {
      const data = pattern(length)
      const packet = withChecksum(packetOf(shape, UDP, udp(PORTS, data)), UDP, 'partial')
      const partial = { checksum: 'partial', ...startOf(shape), checksumOffset: 6 } as const

      const pieces = split(framed(shape, packet), fit, { gsoType: 5, gsoSize, ...partial })

      assert.ok(pieces.every((piece) => piece.length <= fit))
      const datagrams = whole(pieces.map((piece) => bare(piece, shape)))
      assert.ok(datagrams.every(isChecksumRight))
      const payloads = datagrams.map(({ payload }) => payload.subarray(8))
      assert.ok(payloads.slice(0, -1).every((payload) => payload.length === gsoSize))
      assert.deepEqual(concat(...payloads), data)
    },
  )
  fc.assert(property, { numRuns: 80 })
})

test('what is neither, in fragments, and fragments of fragments', () => {
  const property = fc.property(
    fc.record({
      shape: shapes,
      length: fc.integer({ min: 1, max: 15_000 }),
      // Room for 16 bytes of options, two tags and a fragment header.
      fit: fc.integer({ min: 150, max: 9000 }),
      offset: fc.integer({ min: 0, max: 5000 }),
      more: fc.boolean(),
    }),
    ({ shape, length, fit, offset, more }) => {
      const payload = pattern(more ? (length + 7) & ~7 : length)
      const isFragment = offset > 0 || more
      const packet = isFragment
        ? fragmentOf(shape, payload, offset * 8 + (more ? 1 : 0))
        : packetOf(shape, ESP, payload)

      const pieces = split(framed(shape, packet), fit, {}).map((piece) => bare(piece, shape))

      assert.equal(pieces[0]!.offset, offset * 8)
      assert.equal(pieces.at(-1)!.more, more)
      const fromZero = pieces.map((each) => ({ ...each, offset: each.offset - offset * 8 }))
      const last = { ...fromZero.pop()!, more: false }
      assert.deepEqual(joinFragments([...fromZero, last]), payload)
    },
  )
  fc.assert(property, { numRuns: 100 })
})

test('no bytes in any shape, and no facts, make it fail or read outside of the frame', () => {
  const frames = fc
    .tuple(
      shapes,
      fc.uint8Array({ maxLength: 120 }),
      fc.constantFrom(0, 1, 6, 17, 43, 44, 51, 58, 60, 132),
    )
    .map(([shape, bytes, protocol]) => framed(shape, packetOf(shape, protocol, bytes)))
  const cut = fc.tuple(frames, fc.nat(200)).map(([frame, end]) => frame.subarray(0, end))
  const facts = fc.record({
    checksum: fc.constantFrom('done' as const, 'good', 'partial', 'partial-unknown'),
    checksumStart: fc.integer({ min: 0, max: 200 }),
    checksumOffset: fc.integer({ min: 0, max: 40 }),
    gsoType: fc.constantFrom(0, 1, 4, 5),
    gsoSize: fc.integer({ min: 0, max: 60 }),
    vlanTag: fc.constantFrom(0, 0x88a8_0001 | 0),
  })
  const property = fc.property(
    fc.oneof(frames, cut),
    facts,
    fc.integer({ min: 40, max: 200 }),
    (bytes, notes, fit) => {
      const twice = [0x00, 0xff].map((filler) => {
        const mirror = newMirror(fit)
        mirror.fillMemory(filler)
        return mirror.mirror(bytes, notes)
      })
      assert.deepEqual(twice[0], twice[1])
    },
  )
  fc.assert(property, { numRuns: 1000 })
})

/** Options that take 16 bytes, the upper layer behind them (RFC 8200 §4.2). */
function options(upper: number): Uint8Array {
  return concat(hex('3c00 0104 0000 0000'), number(upper, 1), hex('00 0104 0000 0000'))
}

function packetOf(
  { version, hasOptions }: Shape,
  protocol: number,
  payload: Uint8Array,
): Uint8Array {
  if (version === 4) return ipv4({ protocol, payload })
  if (!hasOptions) return ipv6({ protocol, payload })
  return ipv6({ protocol: 0, payload: concat(options(protocol), payload) })
}

/** A fragment of an ESP packet; `position` as the field has it, in bytes, with the bit for more. */
function fragmentOf(shape: Shape, payload: Uint8Array, position: number): Uint8Array {
  const [offset, more] = [position >>> 3, position & 1]
  if (shape.version === 4) {
    return ipv4({ protocol: ESP, payload, fragment: offset | (more << 13) })
  }
  const header = concat(number(ESP, 1), hex('00'), number(position, 2), hex('12345678'))
  return packetOf(shape, 44, concat(header, payload))
}

function longPacket4(data: Uint8Array): Uint8Array {
  const packet = patched(ipv4({ protocol: TCP, payload: tcp(PORTS, data) }), 2, 0)
  return withChecksum(packet, TCP, 'partial', 20)
}

/** RFC 2675 §2. */
function jumbogram(data: Uint8Array): Uint8Array {
  const jumbo = concat(hex('06 00 c2 04'), number(8 + 20 + data.length, 4))
  const packet = patched(ipv6({ protocol: 0, payload: concat(jumbo, tcp(PORTS, data)) }), 4, 0)
  return withChecksum(packet, TCP, 'partial', 48)
}

/** The packet with the checksum at its upper layer partial, or as far from the right one as `error` says. */
function withChecksum(
  packet: Uint8Array,
  protocol: number,
  error: number | string,
  transport = transportOf(packet),
): Uint8Array {
  const upper = packet.subarray(transport)
  const pseudo = pseudoHeader(packet, protocol, upper.length)
  const right = checksumOf(concat(pseudo, upper))
  const wrong = (right + Number(error)) % 0xffff
  const checksum = error === 'partial' ? 0xffff - checksumOf(pseudo) : wrong
  return patched(packet, transport + (protocol === TCP ? 16 : 6), checksum)
}

/** Of the packets that packetOf() makes. */
function transportOf(packet: Uint8Array): number {
  if (packet[0]! >>> 4 === 4) return 20
  return packet[6] === 0 ? 56 : 40
}

function startOf({ version, tags, hasOptions }: Shape): { checksumStart: number } {
  const network = 14 + 4 * tags.length
  return { checksumStart: network + (version === 4 ? 20 : hasOptions ? 56 : 40) }
}

function framed({ tags }: Shape, packet: Uint8Array): Uint8Array {
  const plain = ethernet(packet[0]! >>> 4 === 4 ? 0x0800 : 0x86dd, packet)
  return tags.reduceRight((frame: Uint8Array, tag) => tagged(frame, tag, 42), plain)
}

/** A piece without its tags and options, which must be those of the frame. */
function bare(piece: Uint8Array, shape: Shape): ReadIp {
  const around = framed(shape, new Uint8Array()).subarray(0, 12 + 4 * shape.tags.length)
  assert.deepEqual(piece.subarray(0, around.length), around)
  const plain = concat(piece.subarray(0, 12), piece.subarray(around.length))
  if (shape.version === 4 || !shape.hasOptions) return readIp(plain)
  assert.equal(plain[20], 0)
  assert.deepEqual(plain.subarray(54, 70), options(plain[62]!))
  const length = plain[18]! * 256 + plain[19]! - 16
  const header = patched(plain.subarray(0, 54), 18, length)
  header[20] = plain[62]!
  return readIp(concat(header, plain.subarray(70)))
}

/** How far the checksum of a TCP segment is from the right one. */
function errorOf(packet: ReadIp): number {
  const pseudo = pseudoHeader(packet.header, TCP, packet.payload.length)
  return (0xffff - checksumOf(concat(pseudo, packet.payload))) % 0xffff
}

/** Packets in order, those in fragments put together. */
function whole(pieces: readonly ReadIp[]): ReadIp[] {
  const packets: ReadIp[] = []
  let open: ReadIp[] = []
  for (const piece of pieces) {
    open.push(piece)
    if (piece.more) continue
    packets.push({ ...piece, payload: joinFragments(open) })
    open = []
  }
  return packets
}

function newMirror(fitBytes: number): FrameMirror {
  return new FrameMirror({ vni: 1, fitBytes, maxFrameBytes: 160_000 })
}

function split(frame: Uint8Array, fit: number, facts: FrameFacts): Uint8Array[] {
  const datagrams = newMirror(fit).mirror(frame, facts)
  assert.ok(datagrams !== undefined, 'expected the frame to be mirrored')
  return datagrams.map(({ payload }) => payload.subarray(8))
}
