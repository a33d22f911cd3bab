/** What only the engine `ring` does: frames that fit the path, whole checksums, many sends at once. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Receiver } from '../../sidecar/contract.ts'
import { concat, ethernet, hex, ipv4, number, tagged, udp } from '../helpers/frames.ts'
import { joinFragments, readIp } from '../helpers/reassembly.ts'
import { BAD_CHECKSUM, converse, DISTURBED, FRAGMENT, payloadBytes } from '../helpers/tcp-stream.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { unaccounted, WireEngine, type WireEngineOptions } from '../helpers/wire-engine.ts'
import { openWire } from '../helpers/open-wire.ts'
import { CONVERSATION, HOSTS } from '../helpers/wire.ts'

const MIRRORED = 'udp dst port 4789'

const wire = await openWire()
await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)
// As a network card without USO would: what the sensor's interface sees are single datagrams.
await wire.runOnNode('ethtool', '-K', 'sensor', 'tx-udp-segmentation', 'off')

for (const receiver of ['sniffer', 'socket'] as const) {
  for (const family of [4, 6] as const) {
    test(`TCP super-frames over IPv${family} reach a ${receiver} whole, in order, unfragmented`, async () => {
      const address = family === 4 ? HOSTS.pod.ipv4 : HOSTS.pod.ipv6
      const mirror = await startMirror({ receiver })

      await converse(wire, address, ['--bidir', '-b', '40M', '-n', '4M'])
      await mirror.end()

      assert.ok(Math.max(...mirror.onThePod.map((frame) => frame.length)) > 10_000)
      assert.ok(Math.max(...mirror.atTheSensor.map((frame) => frame.length)) <= 1514)
      for (const wrong of [BAD_CHECKSUM, FRAGMENT, DISTURBED]) {
        assert.deepEqual(await mirror.seen.tshark(wrong, 'frame.number'), [], wrong)
      }
      const [seen, real] = await Promise.all(
        [mirror.seen, mirror.reference].map((capture) => payloadBytes(capture)),
      )
      assert.equal(seen, real)
    })
  }
}

test('what is sent in runs arrives as it does one by one', async () => {
  const frames = Array.from({ length: 300 }, (_, index) => {
    const size = [18, 18, 18, 600, 18, 900][index % 6]!
    const payload = concat(number(index, 2), new Uint8Array(size))
    return ethernet(0x0800, ipv4({ protocol: 17, payload: udp([1000 + (index % 7), 9], payload) }))
  })

  const arrived: string[][] = []
  for (const receiver of ['socket', 'sniffer'] as const) {
    const mirror = await startMirror({ receiver, filter: 'udp dst port 9' })
    await wire.sendFrames('client', frames)
    await mirror.engine.countersWhen('all are sent', ({ sentFrames }) => sentFrames === 300)
    await mirror.seen.atLeast(300)
    arrived.push((await mirror.seen.stop()).map((frame) => toHex(frame.subarray(50))))
    await mirror.engine.stop()
  }

  const inOrder = (all: readonly string[], flow: number): string[] =>
    all.filter((frame) => frame.slice(68, 72) === toHex(number(1000 + flow, 2)))
  for (let flow = 0; flow < 7; flow++) {
    const expected = inOrder(frames.map(toHex), flow)
    for (const all of arrived) assert.deepEqual(inOrder(all, flow), expected)
  }
})

test('UDP that does not fit arrives in fragments inside datagrams that fit', async () => {
  const payload = udp([1000, 9], concat(number(7, 2), new Uint8Array(1470)), 0x1234)
  const mirror = await startMirror({ filter: 'udp dst port 9' })

  await wire.sendFrames('client', [ethernet(0x0800, ipv4({ protocol: 17, payload }))])
  await mirror.seen.atLeast(2)
  const frames = await mirror.seen.stop()

  assert.deepEqual(joinFragments(frames.map((frame) => readIp(frame.subarray(50)))), payload)
  assert.ok(frames.every((frame) => frame.length <= 1514))
  await mirror.engine.stop()
})

test('a VLAN tag that the kernel took out of a frame arrives', async () => {
  const frame = tagged(
    ethernet(0x0800, ipv4({ protocol: 17, payload: udp([1, 9], hex('aabb')) })),
    0x8100,
    42,
  )
  const mirror = await startMirror({ filter: 'ether src 02:00:00:00:00:01' })

  await wire.sendFrames('client', [frame])
  await mirror.seen.atLeast(1)
  const [arrived] = await mirror.seen.stop()

  assert.deepEqual(arrived?.subarray(50), frame)
  await mirror.engine.stop()
})

test('what cannot be split is counted, and so is all with the fit switched off', async () => {
  const large = ethernet(0x88b5, new Uint8Array(1500))
  const udpLarge = ethernet(
    0x0800,
    ipv4({ protocol: 17, payload: udp([1, 9], new Uint8Array(1472)) }),
  )

  for (const [fit, dropped] of [
    ['split', 1],
    ['off', 2],
  ] as const) {
    const engine = await WireEngine.mirroring(wire, {
      engine: 'ring',
      fit,
      filter: 'ether src 02:00:00:00:00:01',
    })
    await wire.sendFrames('client', [large, udpLarge])
    const counters = await engine.countersWhen('2 are accounted for', (now) => {
      return now.capturedFrames === 2 && unaccounted(now) === 0
    })
    assert.equal(counters.dropped['too-long'], dropped, fit)
    await engine.stop()
  }
})

test('on a path with jumbo frames full-size frames are sent whole', async (t) => {
  for (const host of ['pod', 'sensor'] as const) await wire.setMtu(host, 9000)
  t.after(async () => {
    for (const host of ['pod', 'sensor'] as const) await wire.setMtu(host, 1500)
  })
  const payload = udp([1000, 9], new Uint8Array(1472))
  const frame = ethernet(0x0800, ipv4({ protocol: 17, payload }))
  const mirror = await startMirror({ filter: 'udp dst port 9' })

  await wire.sendFrames('client', [frame])
  await mirror.seen.atLeast(1)

  assert.deepEqual(
    (await mirror.seen.stop()).map((each) => toHex(each.subarray(50))),
    [toHex(frame)],
  )
  await mirror.engine.stop()
})

test('a narrower path is learned, and frames are split to fit it', async (t) => {
  await wire.run('pod', 'ip', 'route', 'add', HOSTS.sensor.ipv4, 'dev', 'eth0', 'mtu', '1200')
  t.after(() => wire.run('pod', 'ip', 'route', 'del', HOSTS.sensor.ipv4, 'dev', 'eth0'))
  const mirror = await startMirror({ receiver: 'socket' })

  await converse(wire, HOSTS.pod.ipv4, ['-b', '20M', '-n', '1M'])
  await mirror.end()

  assert.ok(Math.max(...mirror.atTheSensor.map((frame) => frame.length)) <= 1214)
  assert.deepEqual(await mirror.seen.tshark(BAD_CHECKSUM, 'frame.number'), [])
})

test('rounds of load in both directions lose nothing and leave memory flat', async () => {
  const mirror = await startMirror({ receiver: 'socket' })
  const memory: number[] = []

  for (let second = 0; second < 5; second++) {
    await converse(wire, HOSTS.pod.ipv4, ['--bidir', '-b', '50M', '-t', '1'])
    memory.push(Number(/VmRSS:\s+(\d+)/.exec(mirror.engine.status())?.[1]))
  }
  const counters = await mirror.engine.stop()

  assert.equal(unaccounted(counters), 0)
  assert.equal(counters.sentFrames, counters.capturedFrames)
  assert.ok(memory[4]! < memory[1]! + 4096, `KB after each round: ${memory.join(', ')}`)
})

interface Mirror {
  readonly engine: WireEngine
  readonly seen: WireCapture
  readonly reference: WireCapture
  onThePod: readonly Uint8Array[]
  atTheSensor: readonly Uint8Array[]
  /** Resolves when all that the pod saw is sent and the captures have ended. */
  end(): Promise<void>
}

async function startMirror(
  options: WireEngineOptions & { readonly receiver?: Receiver } = {},
): Promise<Mirror> {
  const { receiver, ...settings } = options
  const filter = settings.filter ?? CONVERSATION
  const engine = await WireEngine.mirroring(wire, { ...settings, engine: 'ring', filter })
  await engine.setDestination(HOSTS.sensor.ipv4, receiver)
  const reference = await WireCapture.start(wire, 'pod', 'eth0', filter)
  const seen = await WireCapture.start(wire, 'sensor', 'eth0', {
    filter: MIRRORED,
    snapBytes: 2048,
  })
  const mirror: Mirror = { engine, seen, reference, onThePod: [], atTheSensor: [], end }
  async function end(): Promise<void> {
    // tcpdump writes a frame some time after the engine has it: both must have seen the last one.
    await engine.countersWhen(
      'the engine and tcpdump have captured the same',
      (now) => now.capturedFrames === reference.frames().length,
    )
    mirror.onThePod = await reference.stop()
    const sent = mirror.onThePod.length
    const counters = await engine.countersWhen(
      `${sent} frames are sent`,
      (now) => now.sentFrames >= sent,
    )
    mirror.atTheSensor = await seen.stop()
    assert.equal(unaccounted(counters), 0)
    assert.equal(counters.sentFrames, sent)
    await engine.stop()
  }
  return mirror
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
