/** A minute of random mishaps to sensors under steady traffic. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { kubectl, sidecarStatus, until, type Pod } from '../helpers/cluster.ts'
import {
  APPS,
  SensorPods,
  addListener,
  addTalker,
  clusterClient,
  closeNamespaces,
  countsOf,
  openNamespaces,
} from '../helpers/sensor-pods.ts'

/** How long there are mishaps, in milliseconds. */
const CHAOS_MS = 60_000

/** Within this time after the end of its cause a disturbance must be over, in milliseconds. */
const RECOVERY_MS = 1000

/** Numbers in [0, 1) that are the same in every run: mulberry32, public domain (Tommy Ettinger). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

suite('sensors in chaos', { timeout: 300_000 }, () => {
  const client = clusterClient()
  const sensors = new SensorPods(client)
  const random = randomFrom(6)
  const nodeOf = new Map<string, string>()
  let guests = 0

  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const pause = (): Promise<void> => delay(300 + random() * 1200)

  /** Each mishap resolves when its cause has ended, with a name for the report. */
  const mishaps: readonly (() => Promise<string>)[] = [
    async () => {
      const name = pick([...nodeOf.keys()])
      await sensors.label(name, false)
      await pause()
      await sensors.label(name, true)
      return `${name} lost its label`
    },
    async () => {
      const names = [...nodeOf.keys()]
      await Promise.all(names.map((name) => sensors.label(name, false)))
      await pause()
      await Promise.all(names.map((name) => sensors.label(name, true)))
      return 'there was no sensor'
    },
    async () => {
      const name = pick([...nodeOf.keys()])
      await sensors.tell(name, 'unready')
      await pause()
      await sensors.tell(name, 'ready')
      return `${name} was not ready`
    },
    async () => {
      const [name, node] = pick([...nodeOf])
      await sensors.remove(name)
      await sensors.gone(name)
      await sensors.add(name, node)
      return `${name} was replaced`
    },
    async () => {
      guests += 1
      const name = `guest-${guests}`
      await sensors.add(name, pick([...nodeOf.values()]))
      await pause()
      await sensors.remove(name)
      return `${name} came and went`
    },
  ]

  before(async () => {
    const nodes = await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')
    const [here = '', there = here] = nodes.split(' ')
    nodeOf.set('near', here).set('far-1', there).set('far-2', there)
    await openNamespaces()
    const target = await addListener(there)
    await Promise.all([...nodeOf].map(([name, node]) => sensors.add(name, node)))
    await addTalker('talker', here, { target })
    await sensors.seenBy('near', 0)
  })
  after(async () => {
    sensors.close()
    client.close()
    await closeNamespaces()
  })

  test('after each mishap frames arrive again within a second', async (t) => {
    const recoveries: number[] = []
    for (const end = Date.now() + CHAOS_MS; Date.now() < end;) {
      const what = await pick(mishaps)()
      const ended = Date.now()
      const isAfter = ({ at }: { readonly at: number }): boolean => at > ended
      const first = await until(`frames after ${what}`, () => {
        return Promise.resolve(sensors.sightings.find(isAfter))
      })
      recoveries.push(first.at - ended)
      assert.ok(first.at - ended <= RECOVERY_MS, `${what}: ${first.at - ended} ms`)
      await pause()
    }
    t.diagnostic(`${recoveries.length} mishaps, longest recovery ${Math.max(...recoveries)} ms`)
    assert.ok(recoveries.length >= 8)
  })

  test('no frame was seen by two sensors', () => {
    assert.deepEqual(sensors.seenTwice(), [])
  })

  test('every captured frame was sent or dropped, and what was sent was seen', async (t) => {
    const counts = await until('captured = sent + dropped', async () => {
      const now = await countsOf('talker')
      return now.captured === now.sent + now.dropped && now
    })
    const numbers = sensors.sightings.map(({ number }) => number)
    const said = Math.max(...numbers) - Math.min(...numbers) + 1
    const missing = said - numbers.length
    t.diagnostic(`${said} datagrams, ${missing} at no sensor; ${JSON.stringify(counts)}`)

    // A sensor that ends takes the frames with it that are under way to it.
    assert.ok(missing - counts.dropped < said / 20, `${missing} of ${said} are missing`)
  })

  test('neither application nor sidecar was restarted', async () => {
    const pod = JSON.parse(await kubectl('-n', APPS, 'get', 'pod', 'talker', '-o', 'json')) as Pod
    const restarts = pod.status.containerStatuses.map(({ restartCount }) => restartCount)
    assert.deepEqual(restarts, [0, 0])
    assert.equal(sidecarStatus(pod)?.restartCount, 0)
  })
})
