/** What goes wrong around a mirror: it says so, counts everything, and goes on by itself. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import test, { suite } from 'node:test'
import { concat, ethernet, number } from '../helpers/frames.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { LIKE_EACH_OTHER, unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { asSet, TEST_ETHER_TYPE } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS } from '../helpers/wire.ts'

const VNI = 0xabcdef
const ONE_OF_OURS = 'ether proto 0x88b5'

/** Runs a program as root without any capability but the given ones. */
const withCapabilities = (...names: readonly string[]): string[] => {
  const kept = ['-all', ...names.map((name) => `+${name}`)].join(',')
  return ['setpriv', `--inh-caps=${kept}`, `--bounding-set=${kept}`]
}

const wire = await openWire()
await wire.addVxlan(VNI, HOSTS.sensor.ipv4)

for (const settings of Object.values(LIKE_EACH_OTHER)) {
  suite(settings.engine, () => {
    test('the interface goes down and up: the mirror waits, goes on, and has lost no count', async () => {
      const engine = await WireEngine.mirroring(wire, { ...settings, filter: ONE_OF_OURS })
      await wire.sendFrames('client', numbered(10, 60))
      const before = await engine.countersWhen('10 frames are sent', (now) => now.sentFrames === 10)

      await wire.setLink('pod', 'down')
      await engine.enters('waiting', 1)
      const between = await engine.counters()
      await wire.setLink('pod', 'up')
      await engine.enters('capturing', 2)
      await wire.sendFrames('client', numbered(10, 60))
      const now = await engine.countersWhen(
        '10 more are sent',
        ({ sentFrames }) => sentFrames === 20,
      )

      assert.deepEqual(
        { ...between, destinations: before.destinations },
        { ...before, restarts: 1 },
      )
      assert.equal(now.capturedFrames, 20)
      assert.equal(unaccounted(now), 0)
      assert.deepEqual(
        engine.states.map(({ reason }) => reason),
        ['capturing on eth0', 'interface eth0 is down', 'capturing on eth0'],
      )
      assert.equal((await engine.stop()).restarts, 1)
    })

    test('an interface that does not exist yet is waited for', async (t) => {
      const { engine } = await WireEngine.start(wire, { ...settings, interfaceName: 'eth1' })
      t.after(() => wire.run('pod', 'ip', 'link', 'del', 'eth1'))

      assert.deepEqual(engine.states, [
        { event: 'state', state: 'waiting', reason: 'interface eth1 is missing' },
      ])
      await wire.run('pod', 'ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth2')
      await wire.run('pod', 'ip', 'link', 'set', 'eth1', 'up')
      await engine.enters('capturing', 1)
      await engine.stop()
    })

    test('a destination without a route is counted, and reached when the route is there', async () => {
      const engine = await WireEngine.mirroring(wire, { ...settings, filter: ONE_OF_OURS })
      const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

      await engine.setDestination('192.0.2.1')
      await wire.sendFrames('client', numbered(5, 60))
      await engine.countersWhen('5 are dropped', ({ dropped }) => dropped.unreachable === 5)
      await wire.run('pod', 'ip', 'route', 'add', '192.0.2.1', 'via', HOSTS.sensor.ipv4)
      await until(
        () => 'frames arrive at the sensor',
        async () => {
          await wire.sendFrames('client', numbered(1, 60))
          return arriving.frames().length > 0
        },
      )

      assert.equal(unaccounted(await engine.stop()), 0)
    })

    test('a frame longer than any datagram is counted, and the longest that fits is sent', async (t) => {
      await wire.setMtu('pod', 65535)
      t.after(() => wire.setMtu('pod', 1500))
      const engine = await WireEngine.mirroring(wire, { ...settings, filter: ONE_OF_OURS })

      await wire.sendFrames('pod', [...numbered(1, 65500), ...numbered(1, 65499)])

      const counters = await engine.countersWhen(
        '2 are accounted for',
        (now) => now.capturedFrames === 2 && unaccounted(now) === 0,
      )
      assert.equal(counters.dropped['too-long'], 1)
      assert.equal(counters.sentFrames, 1)
      assert.equal(counters.sentBytes, 65507)
      await engine.stop()
    })

    test('with CAP_NET_RAW as its only capability it mirrors', async () => {
      const wrapper = withCapabilities('net_raw')
      const engine = await WireEngine.mirroring(wire, { ...settings, filter: ONE_OF_OURS, wrapper })
      const arriving = await WireCapture.start(wire, 'sensor', 'vx0', ONE_OF_OURS)

      await wire.sendFrames('client', numbered(5, 60))

      assert.deepEqual(asSet(await arriving.atLeast(5)), asSet(numbered(5, 60)))
      await engine.stop()
    })

    test('without CAP_NET_RAW the start fails and says what is missing', async () => {
      const { failure } = await WireEngine.start(wire, { ...settings, wrapper: withCapabilities() })

      assert.equal(failure?.code, 'ERR_CAPTURE')
      assert.match(
        failure.message,
        /^cannot capture: .*; the process needs the capability CAP_NET_RAW$/,
      )
    })

    test('a filter that does not compile fails the start with the reason', async () => {
      const { failure } = await WireEngine.start(wire, { ...settings, filter: 'tcp prot 80' })

      assert.deepEqual(failure, {
        event: 'failed',
        code: 'ERR_FILTER',
        message:
          'filter "tcp prot 80": expected a pcap-filter expression: ' +
          "can't parse filter expression: syntax error (see pcap-filter(7))",
      })
    })

    test('an interface that is not Ethernet fails the start with its link type', async (t) => {
      await wire.run('pod', 'ip', 'tuntap', 'add', 'raw0', 'mode', 'tun')
      t.after(() => wire.run('pod', 'ip', 'link', 'del', 'raw0'))
      await wire.run('pod', 'ip', 'link', 'set', 'raw0', 'up')

      const { failure } = await WireEngine.start(wire, { ...settings, interfaceName: 'raw0' })

      assert.equal(failure?.code, 'ERR_INTERFACE')
      assert.match(
        failure.message,
        /^interface raw0: expected Ethernet, which VXLAN carries, received/,
      )
    })
  })
}

suite('the process of cap', () => {
  test('a killed capture process is replaced, and the counters go on where they were', async () => {
    const engine = await WireEngine.mirroring(wire, { filter: ONE_OF_OURS })
    const arriving = await WireCapture.start(wire, 'sensor', 'vx0', ONE_OF_OURS)
    await wire.sendFrames('client', numbered(10, 60))
    const before = await engine.countersWhen('10 frames are sent', (now) => now.sentFrames === 10)

    process.kill(engine.capturePid()!, 'SIGKILL')
    await engine.enters('waiting', 1)
    await engine.enters('capturing', 2)
    await wire.sendFrames('client', numbered(10, 60))
    const now = await engine.countersWhen('10 more are sent', ({ sentFrames }) => sentFrames === 20)

    await arriving.atLeast(20)
    assert.equal(engine.states[1]!.reason, 'capture process ended with SIGKILL')
    assert.equal(now.capturedFrames, before.capturedFrames + 10)
    assert.equal(now.restarts, 1)
    assert.equal(unaccounted(now), 0)
    await engine.stop()
  })

  test('the capture process ends with its owner, however that ends', async () => {
    const engine = await WireEngine.mirroring(wire)
    const capture = engine.capturePid()!

    process.kill(engine.pid, 'SIGKILL')

    await until(
      () => `process ${capture} is gone`,
      () => !existsSync(`/proc/${capture}`),
    )
  })

  test('the capture process leaves the signals of a terminal to its owner', async () => {
    const engine = await WireEngine.mirroring(wire, { filter: ONE_OF_OURS })

    process.kill(engine.capturePid()!, 'SIGINT')
    process.kill(engine.capturePid()!, 'SIGTERM')
    await wire.sendFrames('client', numbered(5, 60))

    await engine.countersWhen('5 frames are sent', ({ sentFrames }) => sentFrames === 5)
    assert.equal((await engine.stop()).restarts, 0)
  })

  test('a stopped engine leaves no process behind and is still', async () => {
    const engine = await WireEngine.mirroring(wire, { filter: ONE_OF_OURS })
    const capture = engine.capturePid()!

    const stopped = await engine.stop()

    assert.equal(existsSync(`/proc/${capture}`), false)
    assert.equal(engine.states.at(-1)!.state, 'stopped')
    assert.equal(stopped.restarts, 0)
  })

  test('a new destination takes effect without opening the capture anew', async () => {
    const engine = await WireEngine.mirroring(wire, { filter: ONE_OF_OURS })
    const capture = engine.capturePid()
    const first = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')
    const second = await WireCapture.start(wire, 'client', 'eth0', 'udp dst port 4789')

    await wire.sendFrames('client', numbered(5, 60))
    await first.atLeast(5)
    await engine.setDestination(HOSTS.client.ipv4)
    await wire.sendFrames('client', numbered(5, 60))
    await second.atLeast(5)
    await engine.setDestination(undefined)
    await wire.sendFrames('client', numbered(5, 60))
    const counters = await engine.countersWhen(
      '5 are dropped',
      (now) => now.dropped['no-sensor'] === 5,
    )

    assert.equal((await first.stop()).length, 5)
    assert.equal((await second.stop()).length, 5)
    assert.equal(engine.capturePid(), capture)
    // Nothing listens at the client, whose kernel says so about some of the frames.
    assert.equal(counters.sentFrames + counters.dropped.refused, 10)
    assert.equal(counters.capturedFrames, 15)
    await engine.stop()
  })

  test('frames that the kernel had to drop are counted', async () => {
    const engine = await WireEngine.mirroring(wire, { filter: ONE_OF_OURS })
    const capture = engine.capturePid()!

    process.kill(capture, 'SIGSTOP')
    await wire.sendFrames('client', numbered(100, 60), { rounds: 20 })
    process.kill(capture, 'SIGCONT')
    const counters = await engine.countersWhen(
      'all 2000 frames are accounted for',
      (now) => now.capturedFrames === 2000 && unaccounted(now) === 0,
    )

    assert.ok(counters.dropped.kernel > 1000, `${counters.dropped.kernel} dropped`)
    assert.equal(counters.sentFrames, 2000 - counters.dropped.kernel)
    await engine.stop()
  })
})

/** `count` different frames of `size` bytes that no kernel answers. */
function numbered(count: number, size: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    ethernet(TEST_ETHER_TYPE, concat(number(index, 2), new Uint8Array(size - 16).fill(index))),
  )
}
