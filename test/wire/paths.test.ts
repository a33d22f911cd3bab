/** What lies between a pod and its sensor: a router with a narrower link behind it, a link that is too slow. */
import assert from 'node:assert/strict'
import test, { after, afterEach, before, beforeEach } from 'node:test'
import { concat, ethernet, ipv4, number, udp } from '../helpers/frames.ts'
import { joinFragments, pattern, readIp } from '../helpers/reassembly.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { TEST_ETHER_TYPE } from '../helpers/wire-frames.ts'
import { Wire } from '../helpers/wire.ts'

const MIRRORED = 'udp dst port 4789'
const ONE_OF_OURS = 'ether proto 0x88b5'
const NARROW_MTU = 1300

/** Behind the router, which is the node. */
const FAR = {
  4: { sensor: '10.88.0.3', router: '10.88.0.1/24', net: '10.88.0.0/24', via: '10.77.0.254' },
  6: { sensor: 'fd88::3', router: 'fd88::1/64', net: 'fd88::/64', via: 'fd77::254' },
} as const

/** By how much a datagram is longer than the frame inside. */
const OUTER_BYTES = { 4: 50, 6: 70 } as const

/** A sensor whose port is open. */
const LISTENER = `
  import { createSocket } from 'node:dgram'
  createSocket('udp6').bind(4789, '::', () => console.log('listening'))`

let wire: Wire

before(async () => {
  wire = await Wire.open()
  await addNarrowLink()
})
beforeEach(() => wire.startScript('sensor', LISTENER))
afterEach(() => wire.endProcesses())
after(() => wire.close())

for (const family of [4, 6] as const) {
  test(`a router that asks for shorter IPv${family} packets is heard, and what was lost is counted`, async () => {
    const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter: 'udp dst port 9' })
    await engine.setDestination(FAR[family].sensor)
    const arriving = await WireCapture.start(wire, 'sensor', 'eth1', MIRRORED)
    const payload = udp([1000, 9], concat(number(7, 2), pattern(1352)), 0x1234)
    const frames = [ethernet(0x0800, ipv4({ protocol: 17, payload }))]

    await wire.sendFrames('client', frames)
    await engine.countersWhen('the path is known', ({ destinations: [sensor] }) => {
      return sensor?.pathMtu === NARROW_MTU
    })
    await wire.sendFrames('client', frames)
    await arriving.atLeast(2)
    await wire.sendFrames('client', frames)

    const datagrams = await arriving.atLeast(4)
    const inner = datagrams.map((datagram) => readIp(datagram.subarray(OUTER_BYTES[family])))
    assert.deepEqual(joinFragments(inner.slice(0, 2)), payload)
    assert.ok(datagrams.every(({ length }) => length <= 14 + NARROW_MTU))
    const counters = await engine.stop()
    assert.equal(counters.capturedFrames, 3)
    // The first one was sent, and got lost at the router.
    assert.deepEqual([counters.sentFrames, counters.dropped['too-long']], [2, 1])
    assert.ok(counters.pathMtuErrors >= 1)
    assert.equal(counters.destinations[0]!.sentFrames, 3)
  })
}

for (const [what, limit] of [
  ['drops what its queue has no room for', '5000'],
  ['keeps all that sockets have room for', '50000000'],
] as const) {
  test(`a link that is too slow and ${what} costs mirrored frames, which are counted, and no captured ones`, async (t) => {
    const fast = () => wire.run('pod', 'tc', 'qdisc', 'del', 'dev', 'eth0', 'root')
    t.after(() => fast().catch(() => undefined))
    const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter: ONE_OF_OURS })
    const frames = Array.from({ length: 100 }, (_, index) =>
      ethernet(TEST_ETHER_TYPE, concat(number(index, 2), new Uint8Array(1000))),
    )
    const slow = ['tbf', 'rate', '1mbit', 'burst', '3200', 'limit', limit]
    await wire.run('pod', 'tc', 'qdisc', 'add', 'dev', 'eth0', 'root', ...slow)

    await wire.sendFrames('client', frames, { rounds: 50 })
    const counters = await engine.countersWhen('all are accounted for', (now) => {
      return now.capturedFrames === 5000 && unaccounted(now) === 0
    })
    assert.ok(counters.sentFrames > 0)
    assert.equal(counters.sentFrames + counters.dropped.backlog, 5000)
    assert.ok(counters.dropped.backlog > 1000)

    await fast()
    await wire.sendFrames('client', frames)
    const now = await engine.countersWhen('100 more are sent', ({ sentFrames }) => {
      return sentFrames === counters.sentFrames + 100
    })
    assert.equal(unaccounted(now), 0)
    await engine.stop()
  })
}

/** The node becomes a router; its link to the sensor is narrower than that to the pod. */
async function addNarrowLink(): Promise<void> {
  await wire.addCable('sensor', 'narrow', NARROW_MTU)
  const forward = 'echo 1 > ipv4/ip_forward; echo 1 > ipv6/conf/all/forwarding'
  await wire.run('node', 'sh', '-c', `cd /proc/sys/net; ${forward}`)
  for (const { sensor, router, net, via } of Object.values(FAR)) {
    const [, length] = router.split('/')
    const nodad = sensor.includes(':') ? ['nodad'] : []
    const inside = `${via}/${length}`
    await wire.run('node', 'ip', 'addr', 'add', inside, 'dev', 'br0', ...nodad)
    await wire.run('node', 'ip', 'addr', 'add', router, 'dev', 'narrow', ...nodad)
    await wire.run('sensor', 'ip', 'addr', 'add', `${sensor}/${length}`, 'dev', 'eth1', ...nodad)
    await wire.run('pod', 'ip', 'route', 'add', net, 'via', via)
  }
}
