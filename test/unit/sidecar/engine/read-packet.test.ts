import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createPacket, type Packet } from '../../../../sidecar/engine/packet.ts'
import { readPacket } from '../../../../sidecar/engine/read-packet.ts'
import { concat, ethernet, hex, ipv4, ipv6, tagged, tcp, udp } from '../../../helpers/frames.ts'

const TCP_SEGMENT = tcp([40000, 80], hex('4745 5420'))
const TCP4 = ipv4({ protocol: 6, payload: TCP_SEGMENT })
const TCP6 = ipv6({ protocol: 6, payload: TCP_SEGMENT })

const WHOLE4: Packet = {
  etherType: 0x0800,
  ipVersion: 4,
  network: 14,
  protocol: 6,
  transport: 34,
  packetEnd: 58,
  isFragment: false,
  isCut: false,
}
const WHOLE6: Packet = { ...WHOLE4, etherType: 0x86dd, ipVersion: 6, transport: 54, packetEnd: 78 }
const NO_PACKET = { ipVersion: 0, network: -1, protocol: -1, transport: -1 } as const

const CASES: [string, Uint8Array, Packet][] = [
  ['an IPv4 packet', ethernet(0x0800, TCP4), WHOLE4],
  ['an IPv6 packet', ethernet(0x86dd, TCP6), WHOLE6],
  [
    'a packet behind one VLAN tag',
    tagged(ethernet(0x0800, TCP4), 0x8100, 42),
    { ...WHOLE4, network: 18, transport: 38, packetEnd: 62 },
  ],
  [
    'a packet behind two VLAN tags (QinQ)',
    tagged(tagged(ethernet(0x0800, TCP4), 0x8100, 42), 0x88a8, 7),
    { ...WHOLE4, network: 22, transport: 42, packetEnd: 66 },
  ],
  [
    'a packet behind a tag of old QinQ equipment',
    tagged(ethernet(0x86dd, TCP6), 0x9100, 7),
    { ...WHOLE6, network: 18, transport: 58, packetEnd: 82 },
  ],
  [
    'Ethernet padding, which is no part of the packet',
    concat(ethernet(0x0800, TCP4), new Uint8Array(6)),
    WHOLE4,
  ],
  [
    'IPv4 options',
    ethernet(
      0x0800,
      hex(`
        4600 001c 0000 0000 4011 0000 0a000001 0a000002  # header length 6 words, UDP
        94040000                                         # router alert
        0001 0002 0008 0000
      `),
    ),
    { ...WHOLE4, protocol: 17, transport: 38, packetEnd: 42 },
  ],
  [
    'a first IPv4 fragment, which has no transport to rely on',
    ethernet(0x0800, ipv4({ protocol: 6, payload: TCP_SEGMENT, fragment: 0x2000 })),
    { ...WHOLE4, transport: -1, isFragment: true },
  ],
  [
    'a last IPv4 fragment',
    ethernet(0x0800, ipv4({ protocol: 6, payload: TCP_SEGMENT, fragment: 0x00b9 })),
    { ...WHOLE4, transport: -1, isFragment: true },
  ],
  [
    'an IPv4 packet that may not be fragmented',
    ethernet(0x0800, ipv4({ protocol: 6, payload: TCP_SEGMENT, fragment: 0x4000 })),
    WHOLE4,
  ],
  [
    'an IPv4 total length of 0: all that is carried',
    ethernet(0x0800, withBytes(TCP4, 2, '0000')),
    WHOLE4,
  ],
  [
    'an IPv6 payload length of 0: all that is carried',
    ethernet(0x86dd, withBytes(TCP6, 4, '0000')),
    WHOLE6,
  ],
  [
    'an IPv4 total length beyond the frame',
    ethernet(0x0800, withBytes(TCP4, 2, '002d')),
    { ...WHOLE4, isCut: true },
  ],
  [
    'an IPv6 payload length beyond the frame',
    ethernet(0x86dd, withBytes(TCP6, 4, '0019')),
    { ...WHOLE6, isCut: true },
  ],
  [
    'an IPv4 header length below its minimum',
    ethernet(0x0800, withBytes(TCP4, 0, '44')),
    { ...WHOLE4, transport: -1 },
  ],
  [
    'an IPv4 total length that ends inside the header',
    ethernet(0x0800, withBytes(TCP4, 2, '0013')),
    { ...WHOLE4, transport: -1, packetEnd: 33 },
  ],
  [
    'an IPv4 header that the frame cuts',
    ethernet(0x0800, TCP4.subarray(0, 19)),
    { ...WHOLE4, ...NO_PACKET, packetEnd: 33 },
  ],
  [
    'an EtherType that contradicts the version',
    ethernet(0x0800, TCP6),
    { ...WHOLE4, ...NO_PACKET, packetEnd: 78 },
  ],
  [
    'ARP',
    ethernet(0x0806, new Uint8Array(28)),
    { ...WHOLE4, ...NO_PACKET, etherType: 0x0806, packetEnd: 42 },
  ],
  [
    'a frame without a whole EtherType',
    new Uint8Array(13),
    { ...WHOLE4, ...NO_PACKET, etherType: 0, packetEnd: 13 },
  ],
  [
    'hop-by-hop, routing and destination options before TCP',
    ethernet(
      0x86dd,
      ipv6({
        protocol: 0,
        payload: concat(
          hex('2b00 0104 0000 0000'), // hop-by-hop, 8 bytes, then routing
          hex('3c02 0400 0000 0000').subarray(0, 8), // routing, 24 bytes, then destination options
          new Uint8Array(16),
          hex('0600 0104 0000 0000'), // destination options, 8 bytes, then TCP
          TCP_SEGMENT,
        ),
      }),
    ),
    { ...WHOLE6, transport: 94, packetEnd: 118 },
  ],
  [
    'an authentication header, whose length counts in words, before UDP',
    ethernet(
      0x86dd,
      ipv6({
        protocol: 51,
        payload: concat(hex('1104 0000'), new Uint8Array(20), udp([1, 2], hex('00'))),
      }),
    ),
    { ...WHOLE6, protocol: 17, transport: 78, packetEnd: 87 },
  ],
  [
    'a later IPv6 fragment',
    ethernet(
      0x86dd,
      ipv6({ protocol: 44, payload: concat(hex('0600 05a8 1234 5678'), TCP_SEGMENT) }),
    ),
    { ...WHOLE6, transport: -1, packetEnd: 86, isFragment: true },
  ],
  [
    'an atomic IPv6 fragment, which is a whole packet (RFC 6946)',
    ethernet(
      0x86dd,
      ipv6({ protocol: 44, payload: concat(hex('0600 0000 1234 5678'), TCP_SEGMENT) }),
    ),
    { ...WHOLE6, transport: 62, packetEnd: 86 },
  ],
  [
    'an extension header that reaches beyond the packet',
    ethernet(0x86dd, ipv6({ protocol: 60, payload: hex('06ff 0000 0000 0000') })),
    { ...WHOLE6, protocol: 60, transport: -1, packetEnd: 62 },
  ],
]

for (const [what, bytes, expected] of CASES) {
  test(`the walk understands ${what}`, () => {
    const packet = createPacket()

    readPacket({ bytes, start: 0, end: bytes.length }, packet)

    assert.deepEqual(packet, expected)
  })
}

test('a packet object that was used before keeps nothing', () => {
  const packet = createPacket()
  const fragment = ethernet(0x0800, ipv4({ protocol: 6, payload: TCP_SEGMENT, fragment: 0x2000 }))
  readPacket({ bytes: fragment, start: 0, end: fragment.length }, packet)

  readPacket({ bytes: new Uint8Array(13), start: 0, end: 13 }, packet)

  assert.deepEqual(packet, { ...WHOLE4, ...NO_PACKET, etherType: 0, packetEnd: 13 })
})

test('offsets count from the beginning of the bytes, wherever the frame begins', () => {
  const packet = createPacket()
  const bytes = concat(new Uint8Array(10), ethernet(0x0800, TCP4), new Uint8Array(5))

  readPacket({ bytes, start: 10, end: bytes.length - 5 }, packet)

  assert.deepEqual(packet, { ...WHOLE4, network: 24, transport: 44, packetEnd: 68 })
})

test('no bytes make the walk throw, and every offset lies inside the frame', () => {
  fc.assert(
    fc.property(hostileFrame(), fc.nat(20), (frame, start) => {
      const packet = createPacket()
      const end = start + frame.length
      const bytes = concat(new Uint8Array(start), frame, new Uint8Array(20))

      readPacket({ bytes, start, end }, packet)

      assert.ok(packet.packetEnd <= end)
      if (packet.ipVersion !== 0) assert.ok(packet.network >= start + 14)
      if (packet.ipVersion === 4) assert.ok(packet.network + 20 <= end)
      if (packet.ipVersion === 6) assert.ok(packet.network + 40 <= end)
      if (packet.transport !== -1) assert.ok(packet.transport <= packet.packetEnd)
    }),
    { numRuns: 5000 },
  )
})

test('what lies behind a frame has no influence on the walk', () => {
  fc.assert(
    fc.property(hostileFrame(), fc.uint8Array({ minLength: 64, maxLength: 64 }), (frame, rest) => {
      const alone = createPacket()
      const followed = createPacket()

      readPacket({ bytes: frame, start: 0, end: frame.length }, alone)
      readPacket({ bytes: concat(frame, rest), start: 0, end: frame.length }, followed)

      assert.deepEqual(followed, alone)
    }),
    { numRuns: 5000 },
  )
})

/** Random bytes rarely look like IP, so most of these begin as IP and go on as they like. */
function hostileFrame(): fc.Arbitrary<Uint8Array> {
  const anything = fc.uint8Array({ maxLength: 120 })
  const etherType = fc.constantFrom(0x0800, 0x86dd, 0x8100, 0x88a8)
  const version = fc.constantFrom(0x45, 0x4f, 0x40, 0x60)
  const nextHeader = fc.constantFrom(0, 6, 17, 43, 44, 51, 60, 255)
  const almostIp = fc
    .tuple(etherType, version, nextHeader, anything)
    .map(([type, first, next, rest]) => {
      const payload = concat(Uint8Array.of(first), rest)
      if (payload.length > 6) payload[6] = next
      return ethernet(type, payload)
    })
  return fc.oneof(almostIp, anything)
}

function withBytes(packet: Uint8Array, offset: number, bytes: string): Uint8Array {
  const changed = packet.slice()
  changed.set(hex(bytes), offset)
  return changed
}
