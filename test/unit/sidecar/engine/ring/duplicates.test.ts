import assert from 'node:assert/strict'
import test from 'node:test'
import { createPacket } from '../../../../../sidecar/engine/packet.ts'
import { readPacket } from '../../../../../sidecar/engine/read-packet.ts'
import { LocalDuplicates } from '../../../../../sidecar/engine/ring/duplicates.ts'
import { ethernet, hex, ipv4, ipv6, tcp, udp } from '../../../../helpers/frames.ts'

const VETH = 14
const UPLINK = 4

function isCopy(
  duplicates: LocalDuplicates,
  bytes: Uint8Array,
  sight: { readonly place: number; readonly now: number },
): boolean {
  const packet = createPacket()
  const frame = { bytes, start: 0, end: bytes.length }
  readPacket(frame, packet)
  return duplicates.isCopy(frame, packet, sight)
}

const request = (payload: Uint8Array, hopLimit = 64, checksum = 0): Uint8Array =>
  ethernet(0x0800, ipv4({ protocol: 6, hopLimit, payload: tcp([1000, 80], payload, checksum) }))

test('what was seen on another interface is a copy, with another hop limit and checksum as well', () => {
  const duplicates = new LocalDuplicates()
  const later = request(hex('aabb'), 63, 0x1234)
  later.set(hex('02aa 0000 0001 02aa 0000 0002')) // routed: other MAC addresses

  assert.equal(isCopy(duplicates, request(hex('aabb')), { place: VETH, now: 0 }), false)
  assert.equal(isCopy(duplicates, later, { place: UPLINK, now: 1 }), true)
})

test('the same bytes on the same interface are another packet, whose copies are copies', () => {
  const duplicates = new LocalDuplicates()
  const seen = [VETH, UPLINK, VETH, UPLINK].map((place, now) =>
    isCopy(duplicates, request(hex('aabb')), { place, now }),
  )

  assert.deepEqual(seen, [false, true, false, true])
})

test('other bytes, another length or another time are no copy', () => {
  const duplicates = new LocalDuplicates()
  isCopy(duplicates, request(hex('aabb')), { place: VETH, now: 0 })

  for (const other of [request(hex('aabc')), request(hex('aabb00')), request(hex('aa'))]) {
    assert.equal(isCopy(duplicates, other, { place: UPLINK, now: 1 }), false)
  }
  assert.equal(isCopy(duplicates, request(hex('aabb')), { place: UPLINK, now: 2000 }), false)
})

test('IPv6, UDP, ARP and frames of any length are compared', () => {
  const frames = [
    ethernet(0x86dd, ipv6({ protocol: 17, payload: udp([1, 2], new Uint8Array(1400)) })),
    ethernet(0x0806, new Uint8Array(28)),
    ethernet(0x88b5, new Uint8Array(1)),
    hex('02'),
  ]
  const duplicates = new LocalDuplicates()
  for (const place of [VETH, UPLINK]) {
    for (const frame of frames) {
      assert.equal(isCopy(duplicates, frame, { place, now: 0 }), place === UPLINK)
    }
  }
})

test('more packets than are remembered are sent, never dropped', () => {
  const duplicates = new LocalDuplicates()
  const numbered = (index: number): Uint8Array =>
    request(Uint8Array.of(index >>> 16, index >>> 8, index))

  let lost = 0
  for (let index = 0; index < 100_000; index++) {
    if (isCopy(duplicates, numbered(index), { place: VETH, now: 0 })) lost++
  }
  assert.equal(lost, 0)
})
