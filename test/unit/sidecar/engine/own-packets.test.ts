import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { checkFilter } from '../../../../sidecar/engine/libpcap.ts'
import {
  captureFilter,
  OWN_HOP_LIMIT,
  ownPacketsFilter,
  type OwnPackets,
} from '../../../../sidecar/engine/own-packets.ts'
import { concat, ethernet, hex, ipv4, ipv6, tcp, udp } from '../../../helpers/frames.ts'
import { compileFilter } from '../../../helpers/offline-filter.ts'

const OWN: OwnPackets = {
  sensorPort: 4789,
  sourcePorts: { first: 65528, last: 65535 },
  direction: 'any',
}
const isMirrored = compileFilter(captureFilter('', OWN))

const MIRRORED = udp([65530, 4789], hex('0800 0000 0000 0100 ffff ffff ffff'))
const OWN4 = ipv4({ protocol: 17, payload: MIRRORED, hopLimit: OWN_HOP_LIMIT })
const OWN6 = ipv6({ protocol: 17, payload: MIRRORED, hopLimit: OWN_HOP_LIMIT })
const UDP_LATER = hex('0102 0304 0506 0708')

/** `type` and what it quotes, which is cut to 8 bytes behind the IP header as RFC 792 allows. */
const icmp4 = (type: number, quoted: Uint8Array): Uint8Array =>
  ethernet(
    0x0800,
    ipv4({
      protocol: 1,
      payload: concat(Uint8Array.of(type), new Uint8Array(7), quoted.subarray(0, 28)),
    }),
  )
const icmp6 = (type: number, quoted: Uint8Array): Uint8Array =>
  ethernet(
    0x86dd,
    ipv6({ protocol: 58, payload: concat(Uint8Array.of(type), new Uint8Array(7), quoted) }),
  )
const fragment6 = (offset: string, payload: Uint8Array, hopLimit = OWN_HOP_LIMIT): Uint8Array =>
  ipv6({ protocol: 44, hopLimit, payload: concat(hex(`1100 ${offset} 0000 0001`), payload) })

const OWN_FRAMES: [string, Uint8Array][] = [
  ['an IPv4 datagram', ethernet(0x0800, OWN4)],
  ['an IPv6 datagram', ethernet(0x86dd, OWN6)],
  [
    'a first IPv4 fragment',
    ethernet(0x0800, ipv4({ protocol: 17, payload: MIRRORED, fragment: 0x2000 })),
  ],
  [
    'a later IPv4 fragment',
    ethernet(
      0x0800,
      ipv4({ protocol: 17, payload: UDP_LATER, fragment: 0x00b9, hopLimit: OWN_HOP_LIMIT }),
    ),
  ],
  ['a first IPv6 fragment', ethernet(0x86dd, fragment6('0001', MIRRORED))],
  ['a later IPv6 fragment', ethernet(0x86dd, fragment6('05a8', UDP_LATER))],
  ...[3, 4, 5, 11, 12].map((type): [string, Uint8Array] => [
    `ICMP error ${type} about a datagram`,
    icmp4(type, OWN4),
  ]),
  ...[1, 2, 3, 4].map((type): [string, Uint8Array] => [
    `ICMPv6 error ${type} about a datagram`,
    icmp6(type, OWN6),
  ]),
  ['an ICMPv6 error about a fragment', icmp6(2, fragment6('0001', MIRRORED))],
]

for (const [what, frame] of OWN_FRAMES) {
  test(`${what} of podtap is not mirrored`, () => {
    assert.equal(isMirrored(frame), false)
  })
}

const FOREIGN_UDP = udp([40000, 4789], hex('0800 0000 0000 0100'))
const FOREIGN_FRAMES: [string, Uint8Array][] = [
  [
    'UDP to the sensor port from another source port',
    ethernet(0x0800, ipv4({ protocol: 17, payload: FOREIGN_UDP, hopLimit: OWN_HOP_LIMIT })),
  ],
  [
    'IPv6 UDP to the sensor port from another source port',
    ethernet(0x86dd, ipv6({ protocol: 17, payload: FOREIGN_UDP })),
  ],
  [
    'UDP from a source port below ours',
    ethernet(0x0800, ipv4({ protocol: 17, payload: udp([65527, 4789], hex('')) })),
  ],
  [
    'UDP from our source port to another port',
    ethernet(0x0800, ipv4({ protocol: 17, payload: udp([65528, 4790], hex('')) })),
  ],
  [
    'TCP with the same ports',
    ethernet(0x0800, ipv4({ protocol: 6, payload: tcp([65530, 4789], hex('')) })),
  ],
  [
    'a later fragment with another hop limit',
    ethernet(0x0800, ipv4({ protocol: 17, payload: UDP_LATER, fragment: 0x00b9 })),
  ],
  [
    'a later IPv6 fragment with another hop limit',
    ethernet(0x86dd, fragment6('05a8', UDP_LATER, 64)),
  ],
  [
    'a later TCP fragment with our hop limit',
    ethernet(
      0x0800,
      ipv4({ protocol: 6, payload: UDP_LATER, fragment: 0x00b9, hopLimit: OWN_HOP_LIMIT }),
    ),
  ],
  ['an ICMP error about another datagram', icmp4(3, ipv4({ protocol: 17, payload: FOREIGN_UDP }))],
  [
    'an ICMPv6 error about another datagram',
    icmp6(1, ipv6({ protocol: 17, payload: FOREIGN_UDP })),
  ],
  ['an ICMP echo that contains one of our datagrams', icmp4(8, OWN4)],
  ['an ICMPv6 echo that contains one of our datagrams', icmp6(128, OWN6)],
  ['ARP', ethernet(0x0806, new Uint8Array(28))],
]

for (const [what, frame] of FOREIGN_FRAMES) {
  test(`${what} is mirrored`, () => {
    assert.equal(isMirrored(frame), true)
  })
}

test('a malformed packet, cut anywhere, is mirrored: the filter never reads behind its end', () => {
  const headers = [...OWN_FRAMES, ...FOREIGN_FRAMES].map(([, frame]) => frame.subarray(0, 60))

  for (const frame of headers) {
    for (let length = 14; length < 34; length++) {
      assert.equal(isMirrored(frame.subarray(0, length)), true, `${length} bytes`)
    }
  }
})

test('any frame that is not ours is mirrored', () => {
  const isOwn = compileFilter(ownPacketsFilter(OWN))
  const start = fc.constantFrom(...[...OWN_FRAMES, ...FOREIGN_FRAMES].map(([, frame]) => frame))
  const changed = fc
    .tuple(start, fc.nat(130), fc.nat(130), fc.integer({ min: 0, max: 255 }))
    .map(([frame, length, at, value]) =>
      frame.slice(0, Math.max(14, length)).fill(value, at, at + 1),
    )

  fc.assert(
    fc.property(changed, (frame) => {
      assert.equal(isMirrored(frame), !isOwn(frame))
    }),
    { numRuns: 5000 },
  )
})

test("podtap's packets stay out whatever the user's filter asks for", () => {
  for (const user of ['udp', 'vlan or udp', 'mpls or udp', 'not tcp', 'ip or ip6 or arp']) {
    const wanted = compileFilter(captureFilter(user, OWN))
    assert.deepEqual(
      OWN_FRAMES.filter(([, frame]) => wanted(frame)).map(([what]) => what),
      [],
      user,
    )
  }
})

test("of all other packets the user's filter chooses", () => {
  const wanted = compileFilter(captureFilter('tcp port 80 or tcp port 443', OWN))
  const web = (port: number): Uint8Array =>
    ethernet(0x0800, ipv4({ protocol: 6, payload: tcp([40000, port], hex('')) }))

  assert.deepEqual([80, 443, 8080].map(web).map(wanted), [true, true, false])
})

test('every other packet is mirrored also by a filter that cannot know its direction', () => {
  const accepts = compileFilter(captureFilter('', { ...OWN, direction: 'outbound' }))

  assert.deepEqual(
    FOREIGN_FRAMES.filter(([, frame]) => !accepts(frame)).map(([what]) => what),
    [],
  )
})

test('the filter for a live capture, which knows directions, compiles', async () => {
  await checkFilter(captureFilter('tcp', { ...OWN, direction: 'outbound' }))
})

test('the filter says what is ours in one expression without an address', () => {
  assert.equal(
    captureFilter('arp', { ...OWN, direction: 'outbound' }),
    'not ((((' +
      '(len >= 42 and ip[0] = 0x45 and ip[6:2] & 0x1fff = 0 and ip[9] = 17 and ip[20:2] >= 65528 and ip[20:2] <= 65535 and ip[22:2] = 4789) or ' +
      '(len >= 34 and ip[0] = 0x45 and ip[6:2] & 0x1fff != 0 and ip[9] = 17 and ip[8] = 73) or ' +
      '(len >= 62 and ip6[6] = 17 and ip6[40:2] >= 65528 and ip6[40:2] <= 65535 and ip6[42:2] = 4789) or ' +
      '(len >= 66 and ip6[6] = 44 and ip6[40] = 17 and ((ip6[42:2] & 0xfff8 = 0 and ip6[48:2] >= 65528 and ip6[48:2] <= 65535 and ip6[50:2] = 4789) or (ip6[42:2] & 0xfff8 != 0 and ip6[7] = 73)))' +
      ') and outbound) or ' +
      '(len >= 66 and ip[0] = 0x45 and ip[6:2] & 0x1fff = 0 and ip[9] = 1 and ((ip[20] = 3) or (ip[20] = 4) or (ip[20] = 5) or (ip[20] = 11) or (ip[20] = 12)) and ip[28] = 0x45 and ip[37] = 17 and ip[48:2] >= 65528 and ip[48:2] <= 65535 and ip[50:2] = 4789) or ' +
      '(len >= 106 and ip6[6] = 58 and ip6[40] >= 1 and ip6[40] <= 4 and ((ip6[54] = 17 and ip6[88:2] >= 65528 and ip6[88:2] <= 65535 and ip6[90:2] = 4789) or (len >= 114 and ip6[54] = 44 and ip6[88] = 17 and ip6[96:2] >= 65528 and ip6[96:2] <= 65535 and ip6[98:2] = 4789)))' +
      ')) and (arp)',
  )
})
