/** Whichever engine mirrors it, a sensor reads the same traffic. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { framesOfFlows, lengthOf, readFlows } from '../helpers/flows.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import {
  LIKE_EACH_OTHER,
  unaccounted,
  WireEngine,
  type WireEngineOptions,
} from '../helpers/wire-engine.ts'
import { openWire } from '../helpers/open-wire.ts'
import { HOSTS } from '../helpers/wire.ts'

const FROM_TEST = 'ether src 02:00:00:00:00:01'

/** Small, odd, up to what fits a path of 1500 bytes unsplit (IPv4: 1430, IPv6: 1410), and up to full frames. */
const LENGTHS = [
  ...[60, 61, 62, 63, 99, 128, 500, 501, 1000, 1400, 1409, 1410, 1411, 1429, 1430, 1431],
  ...[1452, 1453, 1459, 1460, 60, 1460, 61, 1400, 1400, 1460],
]

const wire = await openWire()
await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)

test('both engines put the same inner frames on the wire, in order within a flow', async () => {
  const frames = framesOfFlows(LENGTHS)

  for (const settings of Object.values(LIKE_EACH_OTHER)) {
    const arrived = await mirrored(frames, settings)
    assert.equal(arrived.length, frames.length)
    assert.deepEqual(byFlow(arrived), byFlow(frames), settings.engine)
  }
})

for (const receiver of ['socket', 'sniffer'] as const) {
  test(`frames that were split to fit say the same to a ${receiver} when they are put together`, async () => {
    const frames = framesOfFlows(LENGTHS)

    const arrived = await mirrored(frames, { engine: 'ring' }, receiver)

    assert.ok(arrived.length > frames.length)
    assert.deepEqual(readFlows(arrived), readFlows(frames))
  })
}

/** What the sensor's kernel unpacks when these frames have been mirrored to it. */
async function mirrored(
  frames: readonly Uint8Array[],
  settings: WireEngineOptions,
  receiver: 'socket' | 'sniffer' = 'sniffer',
): Promise<Uint8Array[]> {
  const engine = await WireEngine.mirroring(wire, { ...settings, filter: FROM_TEST })
  await engine.setDestination(HOSTS.sensor.ipv4, receiver)
  const arriving = await WireCapture.start(wire, 'sensor', 'vx0', FROM_TEST)
  const all = lengthOf(readFlows(frames))

  await wire.sendFrames('client', frames)
  await until(
    () => `all has arrived; ${arriving.frames().length} frames have`,
    () => lengthOf(readFlows(arriving.frames())) >= all,
  )
  const counters = await engine.stop()

  assert.equal(counters.sentFrames, frames.length)
  assert.equal(unaccounted(counters), 0)
  return arriving.stop()
}

/** The frames of each flow, which its source address tells, in their order. */
function byFlow(frames: readonly Uint8Array[]): Map<string, string[]> {
  const texts = frames.map((frame) => Buffer.from(frame).toString('hex'))
  return Map.groupBy(
    texts,
    (text) => text.slice(24, 28) + (text[28] === '4' ? text.slice(52, 60) : text.slice(44, 76)),
  )
}
