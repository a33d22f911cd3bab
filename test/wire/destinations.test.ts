/** Where frames go: to several sensors, by a filter that changes, and what is heard of those that get lost. */
import assert from 'node:assert/strict'
import test, { suite } from 'node:test'
import { concat, ethernet, hex, ipv4, number, udp } from '../helpers/frames.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { LIKE_EACH_OTHER, unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { TEST_ETHER_TYPE, unwrapped } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS } from '../helpers/wire.ts'

const MIRRORED = 'udp dst port 4789'
const ONE_OF_OURS = 'ether proto 0x88b5'
/** Further addresses of the host `sensor`. */
const SENSORS = [HOSTS.sensor.ipv4, '10.77.0.13', '10.77.0.23']
const FLOWS = 100

const wire = await openWire()
for (const address of SENSORS.slice(1)) {
  await wire.run('sensor', 'ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0')
}
await wire.unlimitIcmpErrors('sensor')

for (const settings of Object.values(LIKE_EACH_OTHER)) {
  suite(settings.engine, () => {
    test('both directions of a flow go to one of several sensors, and all get some', async () => {
      const engine = await WireEngine.mirroring(wire, { ...settings, filter: 'udp port 7' })

      const three = await destinationsOfFlows(engine, SENSORS)
      const two = await destinationsOfFlows(engine, SENSORS.slice(0, 2))

      assert.deepEqual(new Set(three.values()), new Set(SENSORS))
      const moved = [...three].filter(([flow, sensor]) => two.get(flow) !== sensor)
      assert.deepEqual(new Set(moved.map(([, sensor]) => sensor)), new Set([SENSORS[2]]))
      const { destinations, ...counters } = await engine.stop()
      assert.equal(unaccounted({ ...counters, destinations }), 0)
      assert.equal(counters.capturedFrames, 4 * FLOWS)
    })

    test('a filter is changed without a gap and without a frame that should not pass', async () => {
      const kinds = [1, 2].map((kind) => `${ONE_OF_OURS} and ether[16] = ${kind}`)
      const engine = await WireEngine.mirroring(wire, { ...settings, filter: kinds[0]! })
      const arriving = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)
      const count = 6000
      const frames = Array.from({ length: 2 * count }, (_, index) =>
        ethernet(
          TEST_ETHER_TYPE,
          concat(number(index >>> 1, 2), number(1 + (index & 1), 1), hex('00'.repeat(43))),
        ),
      )

      const sending = wire.sendFrames('client', frames, { perMs: 4 })
      await engine.countersWhen('some are captured', (now) => now.capturedFrames > 200)
      assert.equal(await engine.setFilter(kinds[1]!), undefined)
      await sending
      const { capturedFrames } = await engine.countersWhen('all are captured', (now) => {
        return now.capturedFrames >= count && unaccounted(now) === 0
      })
      const arrived = unwrapped(await arriving.atLeast(capturedFrames))
      await engine.stop()

      const [first, second] = [numbersOf(arrived, 1), numbersOf(arrived, 2)]
      assert.deepEqual(
        first,
        Array.from(first, (_, index) => index),
      )
      assert.deepEqual(
        second,
        Array.from(second, (_, index) => count - second.length + index),
      )
      assert.ok([0, 1].includes(second[0]! - first.at(-1)!), `${first.at(-1)}, ${second[0]}`)
    })

    test('a filter is in place before the first frame', async () => {
      const others = ethernet(TEST_ETHER_TYPE, new Uint8Array(46).fill(2))
      const ours = ethernet(TEST_ETHER_TYPE, new Uint8Array(46).fill(1))
      const sending = wire.sendFrames('client', [others], { rounds: 20_000, perMs: 10 })

      const filter = `${ONE_OF_OURS} and ether[14] = 1`
      const engine = await WireEngine.mirroring(wire, { ...settings, filter })
      await sending
      await wire.sendFrames('client', [ours])

      await engine.countersWhen('the one is sent', (now) => now.sentFrames === 1)
      assert.equal((await engine.stop()).capturedFrames, 1)
    })

    test('a filter that does not compile changes nothing, and says why', async () => {
      const engine = await WireEngine.mirroring(wire, { ...settings, filter: ONE_OF_OURS })

      const problem = await engine.setFilter('tcp prot 80')
      await wire.sendFrames('client', [ethernet(TEST_ETHER_TYPE, new Uint8Array(46))])

      assert.match(problem ?? '', /^filter "tcp prot 80": expected a pcap-filter expression/)
      await engine.countersWhen('the frame is captured', (now) => now.capturedFrames === 1)
      await engine.stop()
    })
  })
}

for (const family of [4, 6] as const) {
  test(`every refusal that a closed port answers over IPv${family} is counted, once`, async () => {
    const filter = ONE_OF_OURS
    const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter }, family)
    const pod = await WireCapture.start(wire, 'pod', 'eth0', 'icmp or icmp6')
    const frames = Array.from({ length: 50 }, (_, index) =>
      ethernet(TEST_ETHER_TYPE, concat(number(index, 2), new Uint8Array(44))),
    )

    await wire.sendFrames('client', frames)
    await engine.countersWhen('all refusals are known', ({ destinations: [sensor] }) => {
      return sensor?.refused === 50
    })
    await wire.sendFrames('client', frames)
    const counters = await engine.countersWhen('all refusals are counted', (now) => {
      return now.capturedFrames === 100 && now.destinations[0]?.refused === 100
    })
    await engine.stop()
    await pod.stop()

    const answers = await pod.tshark('icmp.type == 3 or icmpv6.type == 1', 'frame.number')
    assert.equal(answers.length, 100)
    // Those of the first fifty took the place of the second fifty, which were sent.
    assert.ok(counters.dropped.refused >= 50)
    assert.equal(counters.destinations[0]?.sentFrames, 100)
    assert.equal(unaccounted(counters), 0)
  })
}

test('a sensor that sniffs gets a whole UDP checksum over IPv6', async () => {
  const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter: ONE_OF_OURS }, 6)
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', `ip6 and ${MIRRORED}`)
  const frames = [60, 590, 1444].map((size) => ethernet(TEST_ETHER_TYPE, new Uint8Array(size - 14)))

  await wire.sendFrames('client', frames)
  await arriving.atLeast(3)
  await arriving.stop()
  await engine.stop()

  const rows = await arriving.tshark('vxlan', 'udp.checksum.status', 'udp.length')
  assert.deepEqual(rows, [
    ['1', `${16 + 60}`],
    ['1', `${16 + 590}`],
    ['1', `${16 + 1444}`],
  ])
})

/** Sends FLOWS flows, two frames of each; resolves with the one sensor that got both, by flow. */
async function destinationsOfFlows(
  engine: WireEngine,
  sensors: readonly string[],
): Promise<Map<string, string>> {
  await engine.setDestinations(sensors)
  const before = await engine.counters()
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', MIRRORED)
  // Slowly: the addresses of the sensors are not resolved yet, and `cap` lets go of a burst meanwhile.
  await wire.sendFrames('client', [...frames('there'), ...frames('back')], { perMs: 1 })
  await engine.countersWhen('all are captured', ({ capturedFrames }) => {
    return capturedFrames === before.capturedFrames + 2 * FLOWS
  })
  await arriving.atLeast(2 * FLOWS)
  await arriving.stop()
  const found = new Map<string, Set<string>>()
  for (const [hosts = '', ports = ''] of await arriving.tshark('vxlan', 'ip.dst', 'udp.port')) {
    const flow = ports.split(',').find((port) => /^10\d{3}$/.test(port)) ?? ''
    found.set(flow, (found.get(flow) ?? new Set()).add(hosts.split(',')[0]!))
  }
  assert.equal(found.size, FLOWS)
  assert.ok([...found.values()].every((hosts) => hosts.size === 1))
  return new Map([...found].map(([flow, [host]]) => [flow, host!]))
}

function frames(direction: 'there' | 'back'): Uint8Array[] {
  const hosts = { source: hex('0a00 0002'), destination: hex('0a00 0001') }
  return Array.from({ length: FLOWS }, (_, flow) => {
    const ports: [number, number] = direction === 'there' ? [10_000 + flow, 7] : [7, 10_000 + flow]
    const payload = udp(ports, hex('ab'))
    return ethernet(0x0800, ipv4({ protocol: 17, payload, ...(direction === 'back' && hosts) }))
  })
}

/** The numbers of the frames of one kind, in the order of their arrival. */
function numbersOf(arrived: readonly Uint8Array[], kind: number): number[] {
  return arrived.filter((frame) => frame[16] === kind).map((frame) => frame[14]! * 256 + frame[15]!)
}
