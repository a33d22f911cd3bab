import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { completeChecksum } from '../../../../sidecar/engine/checksum.ts'
import { createPacket } from '../../../../sidecar/engine/packet.ts'
import { readPacket } from '../../../../sidecar/engine/read-packet.ts'
import {
  checksumOf,
  concat,
  ethernet,
  hex,
  ipv4,
  ipv6,
  pseudoHeader,
  tagged,
  tcp,
  udp,
} from '../../../helpers/frames.ts'

/** Where the checksum stands from the start of TCP and UDP. */
const FIELD = { 6: 16, 17: 6 } as const
type Protocol = keyof typeof FIELD

test('a TCP segment as Linux gives it to a veth is completed', () => {
  const frame = hex(`
    020000000002 020000000001 0800
    4500 002c 1234 4000 4006 1496 0a000001 0a000002   # 10.0.0.1 → 10.0.0.2, 24 bytes of TCP
    9c40 0050 00000001 00000002 5018 ffff
    1421                                              # 0a00+0001+0a00+0002 + 0006 + 0018, not complemented
    0000 47455420
  `)

  assert.equal(complete(frame), true)

  assert.deepEqual(
    frame,
    hex(`
      020000000002 020000000001 0800
      4500 002c 1234 4000 4006 1496 0a000001 0a000002
      9c40 0050 00000001 00000002 5018 ffff
      63cd                                              # ~(1421 + the sum of all other words)
      0000 47455420
    `),
  )
})

for (const [what, build] of [
  ['IPv4', (p: Protocol, l4: Uint8Array) => ethernet(0x0800, ipv4({ protocol: p, payload: l4 }))],
  ['IPv6', (p: Protocol, l4: Uint8Array) => ethernet(0x86dd, ipv6({ protocol: p, payload: l4 }))],
  [
    'tagged IPv4',
    (p: Protocol, l4: Uint8Array) =>
      tagged(ethernet(0x0800, ipv4({ protocol: p, payload: l4 })), 0x8100, 5),
  ],
  [
    'padded IPv4',
    (p: Protocol, l4: Uint8Array) =>
      concat(ethernet(0x0800, ipv4({ protocol: p, payload: l4 })), hex('ffff ff')),
  ],
] as const) {
  for (const protocol of [6, 17] as const) {
    test(`any ${what} packet with protocol ${protocol} and a half-done checksum is completed`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 3000 }), (payload) => {
          const frame = build(protocol, segment(protocol, payload))
          leaveHalfDone(frame)
          const before = frame.slice()

          assert.equal(complete(frame), true)

          assert.equal(verify(frame), true)
          assert.deepEqual(differences(before, frame), checksumField(frame))
        }),
      )
    })
  }
}

test('a super-frame whose IP length is 0 is completed over all that it carries', () => {
  const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: tcp([1, 2], new Uint8Array(65480)) }))
  frame.set(hex('0000'), 16)
  leaveHalfDone(frame)

  assert.equal(complete(frame), true)
  assert.equal(verify(frame), true)
})

test('a UDP checksum that comes out as zero is written as 0xffff', () => {
  const empty = ethernet(0x0800, ipv4({ protocol: 17, payload: udp([1, 2], hex('0000')) }))
  const remaining = checksumOf(sumInput(empty))
  const frame = ethernet(
    0x0800,
    ipv4({ protocol: 17, payload: udp([1, 2], Uint8Array.of(remaining >>> 8, remaining & 0xff)) }),
  )
  leaveHalfDone(frame)

  assert.equal(complete(frame), true)
  assert.deepEqual(frame.subarray(40, 42), hex('ffff'))
})

const UNTOUCHED: [string, Uint8Array<ArrayBuffer>][] = [
  [
    'UDP without a checksum',
    ethernet(0x0800, ipv4({ protocol: 17, payload: udp([1, 2], hex('ab')) })),
  ],
  [
    'a wrong checksum',
    ethernet(0x0800, ipv4({ protocol: 6, payload: tcp([1, 2], hex('ab'), 0xbad0) })),
  ],
  ['ICMP', ethernet(0x0800, ipv4({ protocol: 1, payload: hex('0800 0000 0001 0001') }))],
  ['ARP', ethernet(0x0806, new Uint8Array(28))],
  [
    'a first fragment',
    halfDone(
      ethernet(0x0800, ipv4({ protocol: 17, payload: udp([1, 2], hex('ab')), fragment: 0x2000 })),
    ),
  ],
  [
    'a TCP header that is cut short',
    ethernet(0x0800, ipv4({ protocol: 6, payload: tcp([1, 2], hex('')).subarray(0, 19) })),
  ],
  [
    'a packet that is longer than the frame',
    cut(halfDone(ethernet(0x0800, ipv4({ protocol: 6, payload: tcp([1, 2], hex('abcd')) })))),
  ],
]

for (const [what, frame] of UNTOUCHED) {
  test(`${what} is left alone`, () => {
    const before = frame.slice()

    assert.equal(complete(frame), false)

    assert.deepEqual(frame, before)
  })
}

test('a right checksum stays as it is, whatever it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (payload) => {
      const frame = ethernet(0x0800, ipv4({ protocol: 6, payload: tcp([1, 2], payload) }))
      leaveHalfDone(frame)
      complete(frame)
      const before = frame.slice()

      complete(frame)

      assert.deepEqual(frame, before)
    }),
  )
})

test('no bytes make it throw or write outside the frame', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 90 }), fc.constantFrom(0x0800, 0x86dd), (rest, type) => {
      const frame = ethernet(type, rest)
      const bytes = concat(new Uint8Array(16).fill(0xca), frame, new Uint8Array(16).fill(0xca))

      complete(bytes, 16, 16 + frame.length)

      assert.deepEqual(bytes.subarray(0, 16), new Uint8Array(16).fill(0xca))
      assert.deepEqual(bytes.subarray(-16), new Uint8Array(16).fill(0xca))
    }),
    { numRuns: 5000 },
  )
})

function complete(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  const packet = createPacket()
  readPacket({ bytes, start, end }, packet)
  return completeChecksum({ bytes, start, end }, packet)
}

function segment(protocol: Protocol, payload: Uint8Array): Uint8Array {
  return protocol === 6 ? tcp([40000, 80], payload) : udp([40000, 53], payload)
}

/** Writes what Linux leaves for the card to complete: the pseudo-header's sum, not complemented. */
function leaveHalfDone(frame: Uint8Array): void {
  const { ip, protocol, l4, field } = locate(frame)
  const sum = 0xffff - checksumOf(pseudoHeader(ip, protocol, l4.length))
  frame.set([sum >>> 8, sum & 0xff], field)
}

function halfDone(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  leaveHalfDone(frame)
  return frame
}

function cut(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return frame.slice(0, -1)
}

/** Whether a receiver accepts the checksum: pseudo-header and segment sum up to 0xffff. */
function verify(frame: Uint8Array): boolean {
  return checksumOf(sumInput(frame)) === 0
}

function sumInput(frame: Uint8Array): Uint8Array {
  const { ip, protocol, l4 } = locate(frame)
  return concat(pseudoHeader(ip, protocol, l4.length), l4)
}

function checksumField(frame: Uint8Array): number[] {
  const { field } = locate(frame)
  return [field, field + 1]
}

/** Finds the upper layer of the frames of this file: at most one tag, no options, no extension headers. */
function locate(frame: Uint8Array): {
  ip: Uint8Array
  protocol: Protocol
  l4: Uint8Array
  field: number
} {
  const start = frame[12] === 0x81 ? 18 : 14
  const is4 = frame[start]! >>> 4 === 4
  const length = is4
    ? frame[start + 2]! * 256 + frame[start + 3]!
    : 40 + frame[start + 4]! * 256 + frame[start + 5]!
  const ip = frame.subarray(start, length === 0 ? undefined : start + length)
  const protocol = ip[is4 ? 9 : 6] as Protocol
  const l4Start = is4 ? 20 : 40
  return { ip, protocol, l4: ip.subarray(l4Start), field: start + l4Start + FIELD[protocol] }
}

/** The indexes at which two frames differ, together with those of the field, which may stay the same. */
function differences(before: Uint8Array, after: Uint8Array): number[] {
  const field = checksumField(after)
  const others = [...before.keys()].filter((at) => !field.includes(at))
  return [...others.filter((at) => before[at] !== after[at]), ...field]
}
