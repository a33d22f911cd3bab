/** podtap never mirrors its own packets, and always mirrors what only looks like them. */
import assert from 'node:assert/strict'
import test, { suite } from 'node:test'
import { concat, ethernet, number } from '../helpers/frames.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import {
  LIKE_EACH_OTHER,
  unaccounted,
  WireEngine,
  type WireEngineOptions,
} from '../helpers/wire-engine.ts'
import { asSet, TEST_ETHER_TYPE } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS, Wire } from '../helpers/wire.ts'

const VNI = 0xabcdef
const ONE_OF_OURS = 'ether proto 0x88b5'

/** Test frames and whatever podtap itself can cause: datagrams, fragments, ICMP errors. */
const TEMPTING =
  'ether proto 0x88b5 or udp or ip[6:2] & 0x1fff != 0 or ip6 proto 44 or icmp or (icmp6 and ip6[40] < 128)'

const wire = await openWire()

for (const settings of Object.values(LIKE_EACH_OTHER)) {
  suite(settings.engine, () => {
    const mirroring = (on: Wire, options: WireEngineOptions = {}, family: 4 | 6 = 4) =>
      WireEngine.mirroring(on, { ...settings, ...options }, family)

    for (const [family, address] of [
      [4, HOSTS.sensor.ipv4],
      [6, HOSTS.sensor.ipv6],
    ] as const) {
      test(`frames that need two IPv${family} fragments are mirrored exactly once`, async (t) => {
        const own = await Wire.open()
        t.after(() => own.close())
        await own.addVxlan(VNI, address)
        const engine = await mirroring(own, { filter: TEMPTING }, family)
        const pod = await WireCapture.start(own, 'pod', 'eth0')
        const arriving = await WireCapture.start(own, 'sensor', 'vx0', ONE_OF_OURS)
        const frames = numbered(50, 1514)

        await own.sendFrames('client', frames)
        await arriving.atLeast(frames.length)
        const counters = await engine.stop()

        assert.deepEqual(asSet(await arriving.stop()), asSet(frames))
        assert.equal(counters.capturedFrames, frames.length)
        assert.equal(counters.sentFrames, frames.length)
        await pod.stop()
        const fragments = await pod.tshark(
          'ip.flags.mf == 1 or ipv6.fraghdr.more == 1',
          'frame.number',
        )
        assert.equal(fragments.length, frames.length)
      })

      test(`a closed sensor port over IPv${family} starts no loop, and refusals are counted`, async () => {
        await wire.unlimitIcmpErrors('sensor')
        const engine = await mirroring(wire, { filter: TEMPTING }, family)
        const pod = await WireCapture.start(wire, 'pod', 'eth0')
        const frames = numbered(30, 60)

        // An engine that sends all of them at once hears of the closed port when it sends again.
        await wire.sendFrames('client', frames)
        await engine.countersWhen('30 frames are captured', (now) => now.capturedFrames === 30)
        await wire.sendFrames('client', frames)
        await engine.countersWhen('refusals are counted', ({ capturedFrames, dropped }) => {
          return capturedFrames === 60 && dropped.refused > 0
        })
        const counters = await engine.stop()
        await pod.stop()

        const errors = await pod.tshark('icmp.type == 3 or icmpv6.type == 1', 'frame.number')
        assert.ok(errors.length >= 5, `${errors.length} ICMP errors`)
        assert.equal(counters.capturedFrames, 2 * frames.length)
        assert.equal(unaccounted(counters), 0)
      })
    }

    test('a sensor that sniffs sees every frame, although its port is closed', async () => {
      await wire.unlimitIcmpErrors('sensor')
      const engine = await mirroring(wire, { filter: TEMPTING })
      const seen = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

      for (let round = 1; round <= 10; round++) {
        await wire.sendFrames('client', numbered(5, 60))
        const all = 5 * round
        await engine.countersWhen(`${all} are captured`, (now) => now.capturedFrames === all)
      }
      await seen.atLeast(50)
      const counters = await engine.stop()

      assert.equal((await seen.stop()).length, 50)
      assert.ok(counters.dropped.refused > 0)
      assert.equal(counters.sentFrames + counters.dropped.refused, 50)
    })

    test("an application's UDP to the sensor's address and port is mirrored", async (t) => {
      const own = await Wire.open()
      t.after(() => own.close())
      await own.addVxlan(VNI, HOSTS.sensor.ipv4)
      const engine = await mirroring(own)
      const arriving = await WireCapture.start(own, 'sensor', 'vx0', 'udp dst port 4789')

      await own.script(
        'pod',
        `import { createSocket } from 'node:dgram'
     const socket = createSocket('udp4')
     socket.bind(40000, () => {
       socket.setTTL(73)
       socket.send('of the application', 4789, '${HOSTS.sensor.ipv4}', () => socket.close())
     })`,
      )

      await arriving.atLeast(1)
      await arriving.stop()
      assert.deepEqual(await arriving.tshark('udp', 'udp.srcport', 'ip.src', 'ip.dst'), [
        ['40000', HOSTS.pod.ipv4, HOSTS.sensor.ipv4],
      ])
      await engine.stop()
    })

    test("an application's fragmented UDP to another host is mirrored with all its fragments", async (t) => {
      const own = await Wire.open()
      t.after(() => own.close())
      await own.addVxlan(VNI, HOSTS.sensor.ipv4)
      const filter = 'ip host 10.77.0.2 and udp'
      const engine = await mirroring(own, { filter })
      const arriving = await WireCapture.start(own, 'sensor', 'vx0', filter)

      await own.script(
        'pod',
        `import { createSocket } from 'node:dgram'
     const socket = createSocket('udp4')
     socket.send(Buffer.alloc(4000), 9999, '${HOSTS.client.ipv4}', () => socket.close())`,
      )

      await arriving.atLeast(3)
      await arriving.stop()
      // Offsets count in units of 8 bytes.
      const rows = await arriving.tshark('ip', 'ip.frag_offset', 'ip.len')
      assert.deepEqual(rows, [
        ['0', '1500'],
        ['185', '1500'],
        ['370', '1068'],
      ])
      assert.equal((await engine.stop()).sentFrames, 3)
    })
  })
}

/** `count` different frames of `size` bytes that no kernel answers. */
function numbered(count: number, size: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    ethernet(TEST_ETHER_TYPE, concat(number(index, 2), new Uint8Array(size - 16).fill(index))),
  )
}
