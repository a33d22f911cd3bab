import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { FrameMirror, type FrameFacts } from '../../../../../sidecar/offline/frame-mirror.ts'
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
} from '../../../../helpers/frames.ts'
import {
  isChecksumRight,
  joinFragments,
  joinSegments,
  patched,
  pattern,
  readIp,
  readTcp,
} from '../../../../helpers/reassembly.ts'

const VXLAN = hex('08000000 abcdef 00')
const MTU_1500 = 1500 - 28 - 8
const PORTS = [40000, 80] as const
const IPV4_TCP_START = 34
const RECORDED = 0x1d0d

test('a frame that fits is carried byte for byte behind the VXLAN header', () => {
  const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: tcp(PORTS, pattern(100), RECORDED) }))

  assert.deepEqual(mirror(frame), [frame])
})

test('a partial checksum is completed where the kernel says', () => {
  const payload = pattern(101)
  const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: partialTcp4(payload) }))

  const [whole] = mirror(frame, partialAt(IPV4_TCP_START, 16))

  assert.ok(isChecksumRight(readIp(whole!)))
  assert.deepEqual(readIp(whole!).payload.subarray(20), payload)
})

test('a partial checksum of UDP over IPv6 that sums up to 0 is written as ffff', () => {
  const packet = ipv6({ protocol: 17, payload: udp(PORTS, hex('0000')) })
  const sum = 0xffff - checksumOf(concat(pseudoHeader(packet, 17, 10), packet.subarray(40)))
  const zero = ipv6({ protocol: 17, payload: udp(PORTS, number(0xffff - sum, 2)) })
  const partial = patched(zero, 46, 0xffff - checksumOf(pseudoHeader(zero, 17, 10)))

  const [whole] = mirror(ethernet(0x86dd, partial), partialAt(54, 6))

  assert.equal(Buffer.from(whole!.subarray(60, 62)).toString('hex'), 'ffff')
})

test('a partial checksum of SCTP is a CRC32c', () => {
  // RFC 9260 §3.1: ports, tag, checksum; the chunk is COOKIE ACK.
  const sctp = hex('0007 0007 00000001 00000000 0b000004')

  const [whole] = mirror(ethernet(0x0800, ipv4({ protocol: 132, payload: sctp })), partialAt(34, 8))

  assert.deepEqual(whole!.subarray(42, 46), number(crc32cOf(sctp), 4).reverse())
})

test('a partial checksum of SCTP is known by its 0 where nobody says that it stands there', () => {
  const sctp = hex('0007 0007 00000001 00000000 0b000004')
  const wrong = hex('0007 0007 00000001 00000001 0b000004')
  const completed = [sctp, wrong].map((payload) => {
    const frame = ethernet(0x0800, concat(ipv4({ protocol: 132, payload }), new Uint8Array(10)))
    return mirror(frame, { checksum: 'partial-unknown' })[0]!.subarray(42, 46)
  })

  assert.deepEqual(completed, [number(crc32cOf(sctp), 4).reverse(), hex('00000001')])
})

test('a VLAN tag that the kernel took out stands behind the addresses again', () => {
  const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: partialTcp4(pattern(9)) }))

  const [whole] = mirror(frame, { ...partialAt(IPV4_TCP_START, 16), vlanTag: 0x88a8_0064 | 0 })

  assert.deepEqual(whole!.subarray(0, 18), tagged(frame, 0x88a8, 100).subarray(0, 18))
  assert.ok(isChecksumRight(readIp(concat(whole!.subarray(0, 12), whole!.subarray(16)))))
})

test('IPv4 length 0 of a frame with a partial checksum becomes the real one', () => {
  const packet = patched(ipv4({ protocol: 6, payload: partialTcp4(pattern(50)) }), 2, 0)

  const [whole] = mirror(ethernet(0x0800, packet), partialAt(IPV4_TCP_START, 16))

  assert.equal(readIp(whole!).payload.length, 70)
})

test('a super-frame is split at the size of its packets on the wire', () => {
  const data = pattern(1000)
  const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: partialTcp4(data) }))

  const pieces = mirror(frame, { ...partialAt(34, 16), gsoType: 1, gsoSize: 400 })

  const packets = pieces.map(readIp)
  assert.deepEqual(
    packets.map((packet) => readTcp(packet).data.length),
    [400, 400, 200],
  )
  assert.ok(packets.every(isChecksumRight))
  assert.deepEqual(
    packets.map(({ id }) => id),
    [0x1234, 0x1235, 0x1236],
  )
  assert.deepEqual(joinSegments(packets.map(readTcp)), data)
})

test('FIN and PSH stay on the last piece, CWR on the first, all else on each', () => {
  const segment = partialTcp4(pattern(300))
  segment[13] = 0x80 | 0x40 | 0x10 | 0x08 | 0x01
  const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: segment }))

  const pieces = mirror(frame, { ...partialAt(34, 16), gsoType: 1, gsoSize: 100 })

  assert.deepEqual(
    pieces.map((piece) => readTcp(readIp(piece)).flags),
    [0x80 | 0x40 | 0x10, 0x40 | 0x10, 0x40 | 0x10 | 0x08 | 0x01],
  )
})

test('a full-size TCP frame becomes two of equal length that fit the path', () => {
  const segment = goodTcp4(pattern(1448))
  const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: segment }))

  const pieces = mirror(frame)

  assert.deepEqual(
    pieces.map(({ length }) => length),
    [778, 778],
  )
  assert.ok(pieces.map(readIp).every(isChecksumRight))
})

test('a wrong checksum stays wrong by the same difference in every piece', () => {
  const segment = goodTcp4(pattern(1448))
  const wrong = patched(segment, 16, (segment[16]! * 256 + segment[17]! + 5) & 0xffff)
  const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: wrong }))

  const sums = mirror(frame)
    .map(readIp)
    .map((ip) => checksumOf(concat(pseudoHeader(ip.header, 6, ip.payload.length), ip.payload)))

  assert.deepEqual(sums, [0xffff - 5, 0xffff - 5])
})

test('a jumbogram becomes ordinary packets without its jumbo option', () => {
  const data = pattern(70_000)
  const options = concat(hex('06 00 c2 04'), number(8 + 20 + data.length, 4))
  const packet = ipv6({ protocol: 0, payload: concat(options, tcp(PORTS, data)) })
  const jumbo = patched(packet, 4, 0)

  const facts = { ...partialAt(14 + 48, 16), gsoType: 4, gsoSize: 1428 }
  const packets = mirror(ethernet(0x86dd, jumbo), facts).map(readIp)

  assert.ok(packets.every((ip) => ip.protocol === 6 && isChecksumRight(ip)))
  assert.deepEqual(joinSegments(packets.map(readTcp)), data)
})

test('a UDP super-datagram becomes the datagrams of the wire', () => {
  const frame = ethernet(0x0800, ipv4({ protocol: 17, payload: udp(PORTS, pattern(2500)) }))

  const packets = mirror(frame, { ...partialAt(34, 6), gsoType: 5, gsoSize: 1200 }).map(readIp)

  assert.deepEqual(
    packets.map(({ payload }) => [payload.length, payload[4]! * 256 + payload[5]!]),
    [
      [1208, 1208],
      [1208, 1208],
      [108, 108],
    ],
  )
  assert.ok(packets.every(isChecksumRight))
  assert.deepEqual(concat(...packets.map(({ payload }) => payload.subarray(8))), pattern(2500))
})

test('datagrams of a super-datagram that do not fit become fragments each', () => {
  const frame = ethernet(0x0800, ipv4({ protocol: 17, payload: udp(PORTS, pattern(2944)) }))

  const packets = mirror(frame, { ...partialAt(34, 6), gsoType: 5, gsoSize: 1472 }).map(readIp)

  assert.equal(packets.length, 4)
  for (const pair of [packets.slice(0, 2), packets.slice(2)]) {
    const payload = joinFragments(pair)
    assert.equal(payload.length, 1480)
    assert.ok(isChecksumRight({ ...pair[0]!, payload }))
  }
})

test('a UDP packet that does not fit becomes IPv4 fragments with its identification', () => {
  const payload = udp(PORTS, pattern(1472), 0x4242)

  const fragments = mirror(ethernet(0x0800, ipv4({ protocol: 17, payload }))).map(readIp)

  assert.deepEqual(
    fragments.map(({ id, payload: part }) => [id, part.length]),
    [
      [0x1234, 744],
      [0x1234, 736],
    ],
  )
  assert.deepEqual(joinFragments(fragments), payload)
})

test('fragments of packets that must not be fragmented have identifications of their own', () => {
  const packet = ipv4({ protocol: 17, payload: udp(PORTS, pattern(1472)), fragment: 0x4000 })
  const session = newMirror()

  const ids = [1, 2].flatMap(() =>
    session
      .mirror(ethernet(0x0800, packet), {})!
      .map(({ payload }) => readIp(payload.subarray(8)).id),
  )

  assert.deepEqual(ids, [1, 1, 2, 2])
})

test('a UDP packet over IPv6 that does not fit becomes IPv6 fragments', () => {
  const payload = udp(PORTS, pattern(1452), 0x4242)

  const fragments = mirror(ethernet(0x86dd, ipv6({ protocol: 17, payload }))).map(readIp)

  assert.deepEqual(
    fragments.map(({ protocol }) => protocol),
    [17, 17],
  )
  assert.deepEqual(joinFragments(fragments), payload)
})

test('a fragment that does not fit becomes smaller fragments of the same packet', () => {
  const payload = pattern(1480)

  const fragments = mirror(
    ethernet(0x0800, ipv4({ protocol: 17, payload, fragment: 0x2000 | 185 })),
  ).map(readIp)

  assert.deepEqual(
    fragments.map(({ offset, more, id }) => [offset, more, id]),
    [
      [1480, true, 0x1234],
      [2224, true, 0x1234],
    ],
  )
})

test('what is no IP and does not fit is not sent', () => {
  const frame = ethernet(0x88b5, pattern(1600))

  assert.equal(newMirror().mirror(frame, {}), undefined)
})

test('splitting and joining any TCP payload gives it back, every checksum right', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 200, max: 9000 }),
      fc.integer({ min: 0, max: 3000 }),
      fc.constantFrom(4, 6),
      (length, fitBytes, gsoSize, version) => {
        const data = pattern(length)
        const frame =
          version === 4
            ? ethernet(0x0800, ipv4({ protocol: 6, payload: partialTcp4(data) }))
            : ethernet(0x86dd, ipv6({ protocol: 6, payload: tcp(PORTS, data) }))
        const start = version === 4 ? 34 : 54
        const facts = { ...partialAt(start, 16), gsoType: version === 4 ? 1 : 4, gsoSize }
        if (version === 6) frame.set(number(pseudoSum6(frame), 2), start + 16)

        const pieces = mirror(frame, facts, fitBytes)

        assert.ok(pieces.every((piece) => piece.length <= Math.max(fitBytes, 0)))
        const packets = pieces.map(readIp)
        assert.ok(packets.every(isChecksumRight))
        assert.deepEqual(joinSegments(packets.map(readTcp)), data)
        assert.equal(new Set(packets.map((ip) => readTcp(ip).rest)).size, 1)
      },
    ),
    { numRuns: 150 },
  )
})

test('fragmenting and joining any payload gives it back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 15_000 }),
      fc.integer({ min: 100, max: 9000 }),
      fc.constantFrom(4, 6),
      (length, fitBytes, version) => {
        const payload = pattern(length)
        const frame =
          version === 4
            ? ethernet(0x0800, ipv4({ protocol: 50, payload }))
            : ethernet(0x86dd, ipv6({ protocol: 50, payload }))

        const pieces = mirror(frame, {}, fitBytes)

        assert.ok(pieces.every((piece) => piece.length <= fitBytes))
        assert.deepEqual(joinFragments(pieces.map(readIp)), payload)
      },
    ),
    { numRuns: 150 },
  )
})

test('no bytes and no facts make it fail or read outside of the frame', () => {
  const packet = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .uint8Array({ maxLength: 200 })
      .map((bytes) => ethernet(0x0800, ipv4({ protocol: 6, payload: bytes }))),
    fc
      .tuple(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 6, 17, 43, 44, 60, 132))
      .map(([bytes, protocol]) => ethernet(0x86dd, ipv6({ protocol, payload: bytes }))),
  )
  fc.assert(
    fc.property(
      packet,
      factsArbitrary(),
      fc.integer({ min: 40, max: 400 }),
      (bytes, facts, fit) => {
        const twice = [0x00, 0xff].map((filler) => newMirror(fit, filler).mirror(bytes, facts))

        assert.deepEqual(twice[0], twice[1])
      },
    ),
    { numRuns: 2000 },
  )
})

function factsArbitrary(): fc.Arbitrary<FrameFacts> {
  return fc.record({
    checksum: fc.constantFrom('done', 'good', 'partial', 'partial-unknown'),
    checksumStart: fc.integer({ min: 0, max: 0xffff }),
    checksumOffset: fc.integer({ min: 0, max: 0xffff }),
    gsoType: fc.integer({ min: 0, max: 6 }),
    gsoSize: fc.integer({ min: 0, max: 0xffff }),
    vlanTag: fc.constantFrom(0, 0x8100_0001 | 0),
  })
}

/** `filler` is what stands around the frame in memory: it must not matter. */
function newMirror(fitBytes = MTU_1500, filler = 0): FrameMirror {
  const mirror = new FrameMirror({ vni: 0xabcdef, fitBytes, maxFrameBytes: 100_000 })
  mirror.fillMemory(filler)
  return mirror
}

function mirror(frame: Uint8Array, facts: FrameFacts = {}, fitBytes = MTU_1500): Uint8Array[] {
  const datagrams = newMirror(fitBytes).mirror(frame, facts)
  assert.ok(datagrams !== undefined, 'expected the frame to be mirrored')
  for (const { payload } of datagrams) assert.deepEqual(payload.subarray(0, 8), VXLAN)
  return datagrams.map(({ payload }) => payload.subarray(8))
}

function partialAt(checksumStart: number, checksumOffset: number): FrameFacts {
  return { checksum: 'partial', checksumStart, checksumOffset }
}

/** A segment whose checksum is the sum of the pseudo-header, as Linux leaves it. */
function partialTcp4(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const packet = ipv4({ protocol: 6, payload: tcp(PORTS, data) })
  return tcp(PORTS, data, 0xffff - checksumOf(pseudoHeader(packet, 6, 20 + data.length)))
}

function goodTcp4(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const segment = tcp(PORTS, data)
  const packet = ipv4({ protocol: 6, payload: segment })
  return tcp(PORTS, data, checksumOf(concat(pseudoHeader(packet, 6, segment.length), segment)))
}

function pseudoSum6(frame: Uint8Array): number {
  const packet = frame.subarray(14)
  return 0xffff - checksumOf(pseudoHeader(packet, 6, packet.length - 40))
}
