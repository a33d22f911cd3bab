/** What kernels and applications leave to network cards arrives at a sensor as it would have been on a cable. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { concat, ethernet, hex, ipv6, number, tagged, udp } from '../helpers/frames.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { LIKE_EACH_OTHER, unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { asSet, TEST_ETHER_TYPE, unwrapped } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS } from '../helpers/wire.ts'

const MIRRORED = 'udp dst port 4789'
const SEND_SEGMENTED = join(import.meta.dirname, '../helpers/send-segmented.ts')
const BAD_CHECKSUM =
  'tcp.checksum.status == 0 or ip.checksum.status == 0 or ' +
  '(udp.checksum.status == 0 and not udp.port == 4789)'

const wire = await openWire()
await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)

for (const [family, address] of [
  ['IPv4', HOSTS.client.ipv4],
  ['IPv6', HOSTS.client.ipv6],
] as const) {
  test(`datagrams that an application sent as one over ${family} arrive one by one`, async () => {
    const filter = 'udp dst port 9'
    const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter })
    const reference = await WireCapture.start(wire, 'pod', 'eth0', filter)
    const seen = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)

    await wire.run('pod', process.execPath, SEND_SEGMENTED, address, '9', '1200', '20')
    await seen.atLeast(20)
    await Promise.all([seen.stop(), reference.stop()])

    assert.equal(reference.frames().length, 1, 'the pod has sent them in one piece')
    const rows = await seen.tshark('udp.dstport == 9', 'udp.length', 'data.data')
    assert.deepEqual(
      rows.map(([lengths = '', data = '']) => [lengths.split(',').at(-1), data.slice(0, 4)]),
      Array.from({ length: 20 }, (_, index) => ['1208', index.toString(16).padStart(4, '0')]),
    )
    assert.deepEqual(await seen.tshark(BAD_CHECKSUM, 'frame.number'), [])
    assert.equal(unaccounted(await engine.stop()), 0)
  })
}

test('a sensor with a socket gets many datagrams as one, which its kernel takes apart again', async () => {
  const filter = 'ether src 02:00:00:00:00:01'
  const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter })
  await engine.setDestination(HOSTS.sensor.ipv4, 'socket')
  const atTheInterface = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)
  const unpacked = await WireCapture.start(wire, 'sensor', 'vx0', filter)
  const frames = Array.from({ length: 200 }, (_, index) =>
    ethernet(TEST_ETHER_TYPE, concat(number(index, 2), new Uint8Array(44))),
  )

  await wire.sendFrames('client', frames)

  assert.deepEqual(asSet(await unpacked.atLeast(200)), asSet(frames))
  const datagrams = await atTheInterface.stop()
  assert.ok(datagrams.length < 100, `${datagrams.length} at the interface`)
  assert.ok(Math.max(...datagrams.map(({ length }) => length)) > 1514)
  assert.equal((await engine.stop()).sentFrames, 200)
})

for (const settings of Object.values(LIKE_EACH_OTHER)) {
  test(`${settings.engine}: frames with one VLAN tag and with two arrive with them`, async () => {
    const filter = 'ether src 02:00:00:00:00:01'
    const engine = await WireEngine.mirroring(wire, { ...settings, filter })
    const seen = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)
    const plain = ethernet(0x86dd, ipv6({ protocol: 17, payload: udp([1, 9], hex('aabb')) }))
    const frames = [
      plain,
      tagged(plain, 0x8100, 42),
      tagged(plain, 0x88a8, 42),
      tagged(tagged(plain, 0x8100, 7), 0x88a8, 42),
      tagged(tagged(plain, 0x8100, 7), 0x8100, 42),
    ]

    await wire.sendFrames('client', frames)
    await wire.sendFrames('pod', frames)

    const arrived = unwrapped(await seen.atLeast(10))
    assert.deepEqual(asSet(arrived), asSet([...frames, ...frames]))
    await engine.stop()
  })
}
