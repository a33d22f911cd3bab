import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { flowIndex } from '../../../../sidecar/engine/flow-hash.ts'
import { createPacket } from '../../../../sidecar/engine/packet.ts'
import { readPacket } from '../../../../sidecar/engine/read-packet.ts'
import { concat, ethernet, hex, ipv4, ipv6, number, tcp, udp } from '../../../helpers/frames.ts'

const PORTS = 8
const port = fc.integer({ min: 1, max: 65535 })
const address4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
const address6 = fc.uint8Array({ minLength: 16, maxLength: 16 })

test('both directions of an IPv4 flow have one index', () => {
  fc.assert(
    fc.property(address4, address4, port, port, (source, destination, from, to) => {
      const there = ipv4({ protocol: 6, payload: tcp([from, to], hex('')), source, destination })
      const back = ipv4({
        protocol: 6,
        payload: tcp([to, from], hex('ab')),
        source: destination,
        destination: source,
      })

      assert.equal(indexOf(ethernet(0x0800, there)), indexOf(ethernet(0x0800, back)))
    }),
  )
})

test('both directions of an IPv6 flow have one index', () => {
  fc.assert(
    fc.property(address6, address6, port, port, (source, destination, from, to) => {
      const there = ipv6({ protocol: 17, payload: udp([from, to], hex('')), source, destination })
      const back = ipv6({
        protocol: 17,
        payload: udp([to, from], hex('ab')),
        source: destination,
        destination: source,
      })

      assert.equal(indexOf(ethernet(0x86dd, there)), indexOf(ethernet(0x86dd, back)))
    }),
  )
})

test('all fragments of a datagram have one index, whatever they carry', () => {
  fc.assert(
    fc.property(address4, fc.uint8Array({ minLength: 8, maxLength: 40 }), (source, payload) => {
      const first = ipv4({ protocol: 17, payload: udp([9, 4], payload), fragment: 0x2000, source })
      const middle = ipv4({ protocol: 17, payload, fragment: 0x2001, source })
      const last = ipv4({ protocol: 17, payload, fragment: 0x0002, source })

      const indexes = [first, middle, last].map((packet) => indexOf(ethernet(0x0800, packet)))

      assert.equal(new Set(indexes).size, 1)
    }),
  )
})

test('both directions of ARP between two hosts have one index', () => {
  const there = concat(hex('020000000001 020000000002 0806'), new Uint8Array(28))
  const back = concat(hex('020000000002 020000000001 0806'), new Uint8Array(28).fill(1))

  assert.equal(indexOf(there), indexOf(back))
})

test('flows between two hosts spread evenly', () => {
  const counts = new Array<number>(PORTS).fill(0)
  for (let client = 32768; client < 32768 + 4000; client++) {
    const packet = ipv4({ protocol: 6, payload: tcp([client, 443], hex('')) })
    counts[indexOf(ethernet(0x0800, packet))]! += 1
  }

  assert.ok(Math.min(...counts) > 400, `expected about 500 each, received ${counts.join(' ')}`)
  assert.ok(Math.max(...counts) < 600, `expected about 500 each, received ${counts.join(' ')}`)
})

test('clients of one server port spread evenly by address', () => {
  const counts = new Array<number>(PORTS).fill(0)
  for (let host = 0; host < 4000; host++) {
    const source = number(0x0a010000 + host, 4)
    const packet = ipv4({ protocol: 17, payload: udp([53, 53], hex('')), source })
    counts[indexOf(ethernet(0x0800, packet))]! += 1
  }

  assert.ok(Math.min(...counts) > 400, `expected about 500 each, received ${counts.join(' ')}`)
  assert.ok(Math.max(...counts) < 600, `expected about 500 each, received ${counts.join(' ')}`)
})

test('any bytes have an index, and what lies behind the frame does not change it', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.integer({ min: 1, max: 16 }),
      (frame, count) => {
        const index = indexOf(frame, count)

        assert.ok(Number.isInteger(index) && index >= 0 && index < count)
        assert.equal(indexOf(concat(frame, hex('ffff ffff')), count, frame.length), index)
      },
    ),
    { numRuns: 2000 },
  )
})

function indexOf(bytes: Uint8Array, count = PORTS, end = bytes.length): number {
  const packet = createPacket()
  readPacket({ bytes, start: 0, end }, packet)
  return flowIndex({ bytes, start: 0, end }, packet, count)
}
