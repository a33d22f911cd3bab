/** More frames than the engine `ring` can mirror, or while it cannot run: none is lost that is not counted. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { CpuGroup } from '../bench/mirror/cgroup.ts'
import { concat, hex, number } from '../helpers/frames.ts'
import { unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { TEST_ETHER_TYPE } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS, type Place } from '../helpers/wire.ts'

const RING = { engine: 'ring', filter: 'ether proto 0x88b5' } as const

/** A quarter of a CPU, the sidecar's default. */
const QUOTA_US = 25_000

/** At 100,000 frames a second as many come while such a quota keeps the process waiting, 75 ms. */
const FRAMES_OF_A_FREEZE = 7500

const wire = await openWire()
await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)

for (const size of [60, 1400]) {
  test(`the ring holds what comes in 75 ms at 100,000 frames a second of ${size} bytes`, async () => {
    const engine = await WireEngine.mirroring(wire, RING)
    const before = await arrivedOrLost()

    process.kill(engine.pid, 'SIGSTOP')
    await wire.sendFrames('client', numbered(FRAMES_OF_A_FREEZE, size))
    process.kill(engine.pid, 'SIGCONT')
    const counters = await engine.countersWhen('all are accounted for', (now) => {
      return now.capturedFrames === FRAMES_OF_A_FREEZE && unaccounted(now) === 0
    })

    assert.equal(counters.sentFrames, FRAMES_OF_A_FREEZE, JSON.stringify(counters.dropped))
    assert.equal((await arrivedOrLost()) - before, FRAMES_OF_A_FREEZE)
    await engine.stop()
  })
}

test('far more than a quarter of a CPU mirrors: each frame is delivered or counted, and then none is lost', async (t) => {
  const group = new CpuGroup()
  const engine = await WireEngine.mirroring(wire, RING)
  t.after(async () => {
    await wire.endProcesses()
    group.close()
  })
  group.add(engine.pid)
  group.setQuota(QUOTA_US)
  const before = await arrivedOrLost()

  const easy = await load(engine, group, { count: 30_000, perMs: 10 })
  const hard = await load(engine, group, { count: 400_000 })
  const peaks = [await engine.takeBufferPeak(), await engine.takeBufferPeak()]
  const again = await load(engine, group, { count: 30_000, perMs: 10 })

  for (const outcome of [easy, hard, again]) t.diagnostic(JSON.stringify(outcome))
  assert.deepEqual([easy.lost, again.lost], [0, 0])
  assert.ok(hard.lost > 10_000, 'expected an overload')
  assert.deepEqual(peaks, [1, 0], 'the ring was full, and is told so once')
  // No collapse: what a frame costs does not rise because others are lost.
  assert.ok(hard.usPerFrame < 2 * easy.usPerFrame)
  const sent = easy.sent + hard.sent + again.sent
  assert.equal((await arrivedOrLost()) - before, sent)
  await engine.stop()
})

interface Load {
  readonly count: number
  readonly perMs?: number
}

interface Outcome {
  readonly sent: number
  /** All of them for want of room in the ring. */
  readonly lost: number
  /** CPU time of the engine per frame that it sent, in microseconds. */
  readonly usPerFrame: number
}

/** Sends so many frames past the pod; resolves when the engine has accounted for the last one. */
async function load(
  engine: WireEngine,
  group: CpuGroup,
  { count, perMs = 0 }: Load,
): Promise<Outcome> {
  const [before, usedBefore] = [await engine.counters(), group.usedUs()]
  await wire.sendFrames('client', numbered(100, 1400), { rounds: count / 100, perMs })
  const now = await engine.countersWhen(`${count} frames are accounted for`, (each) => {
    return each.capturedFrames - before.capturedFrames === count && unaccounted(each) === 0
  })
  const sent = now.sentFrames - before.sentFrames
  const lost = now.dropped.kernel - before.dropped.kernel
  assert.equal(sent + lost, count, JSON.stringify(now.dropped))
  return { sent, lost, usPerFrame: (group.usedUs() - usedBefore) / sent }
}

/** How many mirrored frames have reached the sensor, and how many a virtual cable was too full for. */
async function arrivedOrLost(): Promise<number> {
  const arrived = await statistics('sensor', 'vx0')
  const [first, second] = [await statistics('pod', 'eth0'), await statistics('node', 'sensor')]
  return arrived.rx.packets + first.tx.dropped + second.tx.dropped
}

async function statistics(place: Place, device: string): Promise<Statistics> {
  const [link] = JSON.parse(await wire.run(place, 'ip', '-s', '-j', 'link', 'show', device)) as {
    readonly stats64: Statistics
  }[]
  return link!.stats64
}

interface Statistics {
  readonly rx: { readonly packets: number }
  readonly tx: { readonly dropped: number }
}

/** `count` different frames of `size` bytes for the pod, which its kernel does not answer. */
function numbered(count: number, size: number): Uint8Array[] {
  const [to, from] = [HOSTS.pod.mac, HOSTS.client.mac].map((mac) => hex(mac.replaceAll(':', '')))
  return Array.from({ length: count }, (_, index) =>
    concat(to!, from!, number(TEST_ETHER_TYPE, 2), number(index, 2), new Uint8Array(size - 16)),
  )
}
