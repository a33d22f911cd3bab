/** What a sensor gets is what the pod's interface saw; tshark and the kernel's VXLAN device judge. */
import assert from 'node:assert/strict'
import test, { suite } from 'node:test'
import { concat, ethernet, hex, ipv4, ipv6, number, tagged, udp } from '../helpers/frames.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { LIKE_EACH_OTHER, WireEngine, type WireEngineOptions } from '../helpers/wire-engine.ts'
import { asSet, TEST_ETHER_TYPE, unwrapped } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS, Wire } from '../helpers/wire.ts'

const VNI = 0xabcdef
const ONE_OF_OURS = 'ether proto 0x88b5'

const wire = await openWire()
await wire.addVxlan(VNI, HOSTS.sensor.ipv4)

for (const settings of Object.values(LIKE_EACH_OTHER)) {
  suite(settings.engine, () => {
    const mirroring = (on: Wire, options: WireEngineOptions = {}, family: 4 | 6 = 4) =>
      WireEngine.mirroring(on, { ...settings, ...options }, family)

    test('each frame arrives in one VXLAN packet of the right form', async () => {
      const engine = await mirroring(wire)
      const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

      await wire.sendFrames('client', numbered(20, 60))
      await arriving.atLeast(20)
      await arriving.stop()

      const rows = await arriving.tshark(
        'eth.type == 0x88b5',
        ...['vxlan.flags', 'vxlan.vni', 'vxlan.gbp', 'vxlan.reserved8'],
        ...['ip.src', 'ip.dst', 'ip.ttl', 'ip.flags', 'udp.dstport', 'udp.checksum', 'udp.length'],
      )
      const expected = [
        '0x0800',
        '11259375',
        '0',
        '0',
        '10.77.0.1',
        '10.77.0.3',
        '73',
        '0x00',
        '4789',
      ]
      assert.equal(rows.length, 20)
      for (const row of rows) assert.deepEqual(row, [...expected, '0x0000', `${8 + 8 + 60}`])
      await engine.stop()
    })

    test('frames of every size and kind arrive byte for byte, in both directions', async () => {
      const engine = await mirroring(wire)
      const filter = `${ONE_OF_OURS} or (vlan and ${ONE_OF_OURS})`
      const arriving = await WireCapture.start(wire, 'sensor', 'vx0', filter)
      const frames = [60, 61, 64, 590, 1463, 1464, 1465, 1500, 1514].flatMap((size) =>
        numbered(2, size),
      )
      const all = [...frames, ...frames.slice(0, 10).map((frame) => tagged(frame, 0x8100, 42))]

      await wire.sendFrames('client', all)
      await wire.sendFrames('pod', all)

      const arrived = await arriving.atLeast(2 * all.length)
      assert.deepEqual(asSet(arrived), asSet([...all, ...all]))
      await engine.stop()
    })

    test('malformed and unusual packets arrive as they are', async () => {
      const engine = await mirroring(wire)
      // The kernel's VXLAN device discards malformed packets, so these are looked at before it.
      const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')
      const datagram = udp([9, 9], hex('6d61726b'))
      const frames = [
        ethernet(0x0800, ipv4({ protocol: 17, payload: udp([9, 9], hex('ab'), 0xbad0) })),
        ethernet(0x0800, ipv4({ protocol: 17, payload: datagram, fragment: 0x2000 })),
        ethernet(0x0800, ipv4({ protocol: 17, payload: datagram, fragment: 0x0001 })),
        ethernet(0x0800, ipv4({ protocol: 1, payload: hex('0301 0000') })),
        ethernet(0x0800, hex('45')),
        ethernet(0x0800, concat(hex('4f00 ffff'), new Uint8Array(30))),
        ethernet(0x86dd, ipv6({ protocol: 44, payload: hex('1100') })),
        ethernet(0x86dd, ipv6({ protocol: 58, payload: hex('0100 0000') })),
        tagged(
          tagged(ethernet(0x86dd, ipv6({ protocol: 0, payload: datagram })), 0x8100, 3),
          0x88a8,
          4,
        ),
      ]

      await wire.sendFrames('pod', frames)

      const isOurs = (frame: Uint8Array): boolean =>
        toHex(frame).startsWith('020000000002020000000001')
      const arrived = await until(
        () => 'all frames arrive',
        () => {
          const ours = unwrapped(arriving.frames()).filter(isOurs)
          return ours.length >= frames.length && ours
        },
      )
      assert.deepEqual(arrived.map(toHex).sort(), frames.map(toHex).sort())
      await engine.stop()
    })

    test('over IPv6 frames arrive byte for byte, and the UDP checksum is right', async (t) => {
      const wire6 = await Wire.open()
      t.after(() => wire6.close())
      await wire6.addVxlan(VNI, HOSTS.sensor.ipv6)
      const engine = await mirroring(wire6, {}, 6)
      const arriving = await WireCapture.start(wire6, 'sensor', 'vx0', ONE_OF_OURS)
      // The outer headers take 56 bytes: with 1445 the kernel begins to cut.
      const frames = [60, 590, 1444, 1445, 1514].flatMap((size) => numbered(2, size))

      await wire6.sendFrames('client', frames)

      const arrived = await arriving.atLeast(frames.length)
      assert.deepEqual(asSet(arrived), asSet(frames))
      await engine.stop()
    })

    test('each flow keeps one source port, and many flows use all eight', async () => {
      const engine = await mirroring(wire)
      const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')
      const flows = Array.from({ length: 100 }, (_, flow) =>
        ethernet(0x0800, ipv4({ protocol: 17, payload: udp([10_000 + flow, 7], hex('ab')) })),
      )
      const answers = Array.from({ length: 100 }, (_, flow) =>
        ethernet(
          0x0800,
          ipv4({
            protocol: 17,
            payload: udp([7, 10_000 + flow], hex('cd')),
            source: hex('0a00 0002'),
            destination: hex('0a00 0001'),
          }),
        ),
      )

      await wire.sendFrames('client', [...flows, ...answers])
      await engine.countersWhen('200 frames are sent', ({ sentFrames }) => sentFrames >= 200)
      await arriving.stop()

      const rows = await arriving.tshark('udp.port == 7', 'udp.srcport', 'udp.port')
      const portsOf = new Map<string, Set<string>>()
      for (const [sources = '', ports = ''] of rows) {
        const flow = ports.split(',').find((port) => /^10\d{3}$/.test(port)) ?? ''
        portsOf.set(flow, (portsOf.get(flow) ?? new Set()).add(sources.split(',')[0]!))
      }
      assert.equal(portsOf.size, 100)
      assert.deepEqual(
        [...portsOf.values()].filter((ports) => ports.size !== 1),
        [],
      )
      assert.equal(new Set([...portsOf.values()].flatMap((ports) => [...ports])).size, 8)
      await engine.stop()
    })

    test('only what the filter asks for is mirrored', async () => {
      const engine = await mirroring(wire, { filter: `${ONE_OF_OURS} and greater 100` })
      const arriving = await WireCapture.start(wire, 'sensor', 'vx0')

      await wire.sendFrames('client', [...numbered(5, 60), ...numbered(5, 200)])

      const arrived = await arriving.atLeast(5)
      assert.deepEqual(asSet(arrived), asSet(numbered(5, 200)))
      const counters = await engine.stop()
      assert.equal(counters.capturedFrames, 5)
      assert.equal(counters.capturedBytes, 1000)
      assert.equal(counters.sentFrames, 5)
      assert.equal(counters.sentBytes, 1040)
    })
  })
}

/** `count` different frames of `size` bytes that no kernel answers. */
function numbered(count: number, size: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    ethernet(TEST_ETHER_TYPE, concat(number(index, 2), new Uint8Array(size - 16).fill(index))),
  )
}

function toHex(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex')
}
