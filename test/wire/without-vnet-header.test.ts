/** Where the kernel gives no notes on checksums and segments (PACKET_VNET_HDR): what is right then, and what cannot be. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import {
  checksumOf,
  concat,
  crc32cOf,
  ethernet,
  hex,
  ipv4,
  number,
  pseudoHeader,
  udp,
} from '../helpers/frames.ts'
import { joinFragments, pattern, readIp } from '../helpers/reassembly.ts'
import { BAD_CHECKSUM, converse, DISTURBED, FRAGMENT, payloadBytes } from '../helpers/tcp-stream.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { unwrapped } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { CONVERSATION, HOSTS } from '../helpers/wire.ts'

const MIRRORED = { filter: 'udp dst port 4789', snapBytes: 2048 }
const SEND_SEGMENTED = join(import.meta.dirname, '../helpers/send-segmented.ts')
const RING = { engine: 'ring', ring: { withoutVnetHeader: true } } as const

const wire = await openWire()
await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)

for (const family of [4, 6] as const) {
  test(`TCP super-frames over IPv${family} are split evenly, every checksum right and no byte missing`, async () => {
    const engine = await WireEngine.mirroring(wire, { ...RING, filter: CONVERSATION })
    const onThePod = await WireCapture.start(wire, 'pod', 'eth0', CONVERSATION)
    const seen = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)

    const address = family === 4 ? HOSTS.pod.ipv4 : HOSTS.pod.ipv6
    await converse(wire, address, ['--bidir', '-b', '40M', '-n', '2M'])
    const counters = await engine.countersWhen(
      'the engine and tcpdump have seen the same',
      (now) => {
        return unaccounted(now) === 0 && now.capturedFrames === onThePod.frames().length
      },
    )
    await Promise.all([engine.stop(), onThePod.stop(), seen.stop()])

    assert.ok(Math.max(...onThePod.frames().map(({ length }) => length)) > 10_000)
    assert.equal(counters.sentFrames, counters.capturedFrames)
    const wrong = [BAD_CHECKSUM, FRAGMENT, DISTURBED, 'frame.len > 1514'].join(' or ')
    assert.deepEqual(await seen.tshark(wrong, 'frame.number'), [])
    const [arrived, real] = await Promise.all([seen, onThePod].map(payloadBytes))
    assert.equal(arrived, real)
  })
}

test('partial checksums of UDP and SCTP are completed: the kernel says that, not where, they are missing', async () => {
  const engine = await WireEngine.mirroring(wire, {
    ...RING,
    filter: 'ether src 02:00:00:00:00:01',
  })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)
  const datagram = ipv4({ protocol: 17, payload: udp([40000, 9], pattern(200)) })
  const pseudo = pseudoHeader(datagram, 17, 208)
  const sctp = hex('9c40 1451 00000001 00000000 0b000004')

  await wire.sendPartial('client', [
    { frame: framed(datagram, 26, number(0xffff - checksumOf(pseudo), 2)), start: 34, offset: 6 },
    { frame: framed(ipv4({ protocol: 132, payload: sctp }), 0, hex('')), start: 34, offset: 8 },
  ])

  const whole = number(checksumOf(concat(pseudo, datagram.subarray(20))), 2)
  const crc = number(crc32cOf(sctp), 4).reverse()
  const expected = [
    framed(datagram, 26, whole),
    framed(ipv4({ protocol: 132, payload: sctp }), 28, crc),
  ]
  assert.deepEqual(asSet(unwrapped(await arriving.atLeast(2))), asSet(expected))
  assert.equal(unaccounted(await engine.stop()), 0)
})

test('datagrams that an application sent as one stay one: nobody says how long each was', async () => {
  const engine = await WireEngine.mirroring(wire, { ...RING, filter: 'udp dst port 9' })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)

  await wire.run('pod', process.execPath, SEND_SEGMENTED, HOSTS.client.ipv4, '9', '1000', '5')

  const pieces = unwrapped(await arriving.atLeast(4)).map(readIp)
  const payload = joinFragments(pieces)
  assert.equal(payload.length, 8 + 5 * 1000)
  assert.equal(checksumOf(concat(pseudoHeader(pieces[0]!.header, 17, payload.length), payload)), 0)
  assert.equal((await engine.stop()).sentFrames, 1)
})

/** The packet in a frame, with `bytes` written at `at` of the packet. */
function framed(packet: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(packet)
  copy.set(bytes, at)
  return ethernet(0x0800, copy)
}

function asSet(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => Buffer.from(frame).toString('hex')).sort()
}
