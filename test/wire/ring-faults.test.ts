/** What can go wrong with the engine `ring` while it runs: it goes on, and every frame is counted. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { concat, ethernet, ipv4, number, udp } from '../helpers/frames.ts'
import { joinFragments, readIp } from '../helpers/reassembly.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { LIKE_EACH_OTHER, unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { TEST_ETHER_TYPE } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS } from '../helpers/wire.ts'

const ONE_OF_OURS = 'ether proto 0x88b5'
const RING = { engine: 'ring', filter: ONE_OF_OURS } as const

const wire = await openWire()
await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)

test('a thread that crashes is replaced, and the counters go on where they were', async () => {
  const engine = await WireEngine.mirroring(wire, RING)
  const arriving = await WireCapture.start(wire, 'sensor', 'vx0', ONE_OF_OURS)
  await wire.sendFrames('client', numbered(10, 60))
  const before = await engine.countersWhen('10 frames are sent', (now) => now.sentFrames === 10)

  engine.crashThread()
  await engine.enters('waiting', 1)
  await engine.enters('capturing', 2)
  await wire.sendFrames('client', numbered(10, 60))
  const now = await engine.countersWhen('10 more are sent', ({ sentFrames }) => sentFrames === 20)

  await arriving.atLeast(20)
  assert.equal(engine.states[1]!.reason, 'the capture thread ended with code 1')
  assert.deepEqual(now, {
    ...before,
    capturedFrames: 20,
    capturedBytes: 1200,
    sentFrames: 20,
    sentBytes: 1360,
    restarts: 1,
    destinations: [{ ...before.destinations[0], sentFrames: 20 }],
  })
  await engine.stop()
})

test('a thread that crashes again and again leaves nothing behind', async () => {
  const engine = await WireEngine.mirroring(wire, RING)
  const descriptors = async (): Promise<string> =>
    wire.run('pod', 'sh', '-c', `ls /proc/${engine.pid}/fd | wc -l`)
  const crash = async (): Promise<void> => {
    const changes = engine.states.length
    engine.crashThread()
    await engine.enters('capturing', changes)
  }

  await crash()
  const once = await descriptors()
  await crash()
  await crash()

  assert.equal(await descriptors(), once)
  await engine.stop()
})

for (const settings of Object.values(LIKE_EACH_OTHER)) {
  test(`${settings.engine}: an interface that is made anew under its name is captured again`, async (t) => {
    await makeEth1()
    t.after(() => wire.run('pod', 'ip', 'link', 'del', 'eth1'))
    const options = { ...settings, filter: ONE_OF_OURS, interfaceName: 'eth1' }
    const engine = await WireEngine.mirroring(wire, options)
    await wire.sendFrames('pod', numbered(10, 60), { from: 'eth2' })
    await engine.countersWhen('10 frames are sent', (now) => now.sentFrames === 10)

    const changes = engine.states.length
    await wire.run('pod', 'ip', 'link', 'del', 'eth1')
    await engine.enters('waiting', changes)
    await makeEth1()
    await engine.enters('capturing', changes)
    await wire.sendFrames('pod', numbered(10, 60), { from: 'eth2' })

    const now = await engine.countersWhen('10 more are sent', ({ sentFrames }) => {
      return sentFrames === 20
    })
    assert.equal(now.capturedFrames, 20)
    assert.equal(unaccounted(now), 0)
    assert.equal((await engine.stop()).restarts, 1)
  })
}

test('an interface that is replaced by another of its name, unseen, is captured again', async (t) => {
  await makeEth1()
  t.after(() => wire.run('pod', 'ip', 'link', 'del', 'eth1'))
  const engine = await WireEngine.mirroring(wire, { ...RING, interfaceName: 'eth1' })

  process.kill(engine.pid, 'SIGSTOP')
  await wire.run('pod', 'ip', 'link', 'del', 'eth1')
  await makeEth1()
  process.kill(engine.pid, 'SIGCONT')
  await until(
    () => 'frames are captured again',
    async () => {
      await wire.sendFrames('pod', numbered(1, 60), { from: 'eth2' })
      return (await engine.counters()).sentFrames > 0
    },
  )

  await engine.stop()
})

test('an MTU that shrinks while frames are mirrored is learned, and frames are split to fit', async (t) => {
  const filter = 'udp dst port 9'
  const payload = udp([1000, 9], concat(number(7, 2), new Uint8Array(1200)), 0x1234)
  const frames = [ethernet(0x0800, ipv4({ protocol: 17, payload }))]
  const engine = await WireEngine.mirroring(wire, { ...RING, filter })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')
  await wire.sendFrames('client', frames)
  await arriving.atLeast(1)

  t.after(() => wire.setMtu('pod', 1500))
  await wire.setMtu('pod', 1270)
  const known = await engine.countersWhen('the path is known', ({ destinations: [sensor] }) => {
    return sensor?.pathMtu === 1270
  })
  await wire.sendFrames('client', frames)
  const all = await arriving.atLeast(3)

  assert.equal(known.destinations[0]!.pathMtu, 1270)
  assert.ok(all.slice(1).every((datagram) => datagram.length <= 1284))
  const pieces = all.slice(1).map((datagram) => readIp(datagram.subarray(50)))
  assert.deepEqual(joinFragments(pieces), payload)
  assert.equal(unaccounted(await engine.stop()), 0)
})

test('a path that turns out narrower is said once by EMSGSIZE, and the next frame fits', async (t) => {
  const filter = 'udp dst port 9'
  const payload = udp([1000, 9], new Uint8Array(1200), 0x1234)
  const frames = [ethernet(0x0800, ipv4({ protocol: 17, payload }))]
  const engine = await WireEngine.mirroring(wire, { ...RING, filter })
  await wire.sendFrames('client', frames)
  await engine.countersWhen('it is sent', ({ sentFrames }) => sentFrames === 1)

  // Between two looks at the path, which are a second apart, frames meet it unprepared.
  t.after(() => wire.setMtu('pod', 1500))
  await wire.setMtu('pod', 1270)
  await wire.sendFrames('client', frames, { rounds: 3000, perMs: 1 })
  const now = await engine.countersWhen('all are accounted for', (each) => {
    return each.capturedFrames === 3001 && unaccounted(each) === 0
  })

  assert.equal(now.dropped['too-long'], now.capturedFrames - now.sentFrames)
  assert.ok(now.pathMtuErrors <= now.dropped['too-long'] * 2)
  assert.ok(now.sentFrames > 1000, `${now.sentFrames} sent`)
  await engine.stop()
})

test('the first burst to a sensor whose hardware address is asked for arrives whole', async (t) => {
  const engine = await WireEngine.mirroring(wire, RING)
  const arriving = await WireCapture.start(wire, 'sensor', 'vx0', ONE_OF_OURS)
  const frames = numbered(400, 1400)
  t.after(() => wire.run('sensor', 'ip', 'link', 'set', 'eth0', 'arp', 'on'))
  await wire.run('sensor', 'ip', 'link', 'set', 'eth0', 'arp', 'off')
  const often = ['retrans', '20', 'mcast_probes', '100']
  await wire.run('pod', 'ip', 'ntable', 'change', 'name', 'arp_cache', 'dev', 'eth0', ...often)
  await wire.run('pod', 'ip', 'neigh', 'flush', 'dev', 'eth0', 'nud', 'all')

  await wire.sendFrames('client', frames)
  await engine.countersWhen('some are captured', ({ capturedFrames }) => capturedFrames > 0)
  await wire.run('sensor', 'ip', 'link', 'set', 'eth0', 'arp', 'on')

  assert.deepEqual(await arriving.atLeast(400), frames)
  assert.equal((await engine.stop()).sentFrames, 400)
})

test('more than the ring holds is dropped by the kernel and counted, and what follows is mirrored', async () => {
  const engine = await WireEngine.mirroring(wire, RING)

  process.kill(engine.pid, 'SIGSTOP')
  await wire.sendFrames('client', numbered(100, 1400), { rounds: 200 })
  process.kill(engine.pid, 'SIGCONT')
  const counters = await engine.countersWhen('all 20,000 are accounted for', (now) => {
    return now.capturedFrames === 20_000 && unaccounted(now) === 0
  })
  await wire.sendFrames('client', numbered(100, 60))
  const after = await engine.countersWhen('100 more are captured', (now) => {
    return now.capturedFrames === 20_100
  })

  assert.ok(counters.dropped.kernel > 1000, `${counters.dropped.kernel} dropped`)
  assert.ok(counters.sentFrames > 5000, `${counters.sentFrames} sent`)
  assert.equal(after.dropped.kernel, counters.dropped.kernel)
  await engine.stop()
})

/** A pair of virtual interfaces on the pod, both up: what is sent on `eth2` comes in at `eth1`. */
async function makeEth1(): Promise<void> {
  await wire.run('pod', 'ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth2')
  await wire.run('pod', 'ip', 'link', 'set', 'eth1', 'up')
  await wire.run('pod', 'ip', 'link', 'set', 'eth2', 'up')
}

/** `count` different frames of `size` bytes that no kernel answers. */
function numbered(count: number, size: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    ethernet(TEST_ETHER_TYPE, concat(number(index, 2), new Uint8Array(size - 16).fill(index))),
  )
}
