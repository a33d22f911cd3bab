/** A minute of random mishaps to sensors under steady traffic. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  FOREIGN_CLUSTER,
  clusterScript,
  kubectl,
  sidecarStatus,
  until,
  type Pod,
} from '../helpers/cluster.ts'
import {
  APPS,
  SensorPods,
  addListener,
  addTalker,
  clusterClient,
  closeNamespaces,
  countsOf,
  openNamespaces,
  type Sighting,
} from '../helpers/sensor-pods.ts'

/** How long there are mishaps, in milliseconds. */
const CHAOS_MS = 60_000

/**
 * Within this time after the end of its cause a disturbance is over, in milliseconds: of all of them the
 * median, and each on a machine that is busy with other things.
 */
const RECOVERY_MS = { median: 1000, most: 5000 }

/** Beginning and end of a disturbance, in milliseconds since 1970. */
type Span = readonly [begin: number, end: number]

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
  const guests: string[] = []
  const disturbances: Span[] = []
  const recoveries: number[] = []
  let apiAddress = ''

  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const pause = (): Promise<void> => delay(300 + random() * 1200)

  /** Each mishap resolves when its cause has ended, with a name for the report. */
  type Mishap = () => Promise<string>
  const mishaps: readonly Mishap[] = [
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
      const name = `guest-${guests.length + 1}`
      guests.push(name)
      await sensors.add(name, pick([...nodeOf.values()]))
      await pause()
      await sensors.remove(name)
      return `${name} came and went`
    },
    async () => {
      const name = sensors.current()
      if (!nodeOf.has(name)) return 'nothing'
      await sensors.tell(name, 'close')
      await pause()
      await sensors.tell(name, 'open')
      return `the port of ${name} was closed`
    },
    ...(FOREIGN_CLUSTER ? [] : [loseFrames, loseApiServer]),
  ]

  async function loseFrames(): Promise<string> {
    const name = sensors.current()
    if (!nodeOf.has(name)) return 'nothing'
    await sensors.drop(name, true)
    await pause()
    await sensors.drop(name, false)
    return `frames to ${name} were lost`
  }

  /**
   * What counts is how soon a sidecar knows what is new once it can reach the API server again; kube-proxy
   * takes its time to notice that the Service has an endpoint again.
   */
  async function loseApiServer(): Promise<string> {
    await Promise.all(guests.map((guest) => sensors.gone(guest)))
    await clusterScript('restart-apiserver')
    await until('the Service of the API server answers', () => connects(apiAddress, 443))
    const name = pick([...nodeOf.keys()])
    const others = [...nodeOf.keys()].filter((other) => other !== name)
    await Promise.all(others.map((other) => sensors.label(other, false)))
    const ended = Date.now()
    recoveries.push((await sensors.seenBy(name, ended)) - ended)
    await Promise.all(others.map((other) => sensors.label(other, true)))
    return 'the API server was away'
  }

  before(async () => {
    const nodes = await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')
    const [here = '', there = here] = nodes.split(' ')
    nodeOf.set('near', here).set('far-1', there).set('far-2', there)
    const service = ['-n', 'default', 'get', 'service', 'kubernetes']
    apiAddress = await kubectl(...service, '-o', 'jsonpath={.spec.clusterIP}')
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
    const all = mishaps.toSorted(() => random() - 0.5)
    for (const end = Date.now() + CHAOS_MS; all.length > 0 || Date.now() < end;) {
      const began = Date.now()
      const what = await (all.pop() ?? pick(mishaps))()
      const ended = Date.now()
      const isAfter = ({ at }: Sighting): boolean => at > ended
      const first = await until(`frames after ${what}`, () => {
        return Promise.resolve(sensors.sightings.find(isAfter))
      })
      disturbances.push([began, first.at])
      recoveries.push(first.at - ended)
      t.diagnostic(`${what}: ${recoveries.at(-1)} ms`)
      await pause()
    }
    const [median, most] = [
      recoveries.toSorted((a, b) => a - b)[recoveries.length >> 1]!,
      Math.max(...recoveries),
    ]
    t.diagnostic(`${recoveries.length} recoveries, median ${median} ms, longest ${most} ms`)
    assert.ok(recoveries.length >= mishaps.length)
    assert.ok(median <= RECOVERY_MS.median && most <= RECOVERY_MS.most)
  })

  test('no frame was seen by two sensors', () => {
    assert.deepEqual(sensors.seenTwice(), [])
  })

  test('every frame was seen by a sensor, but for some during mishaps', async (t) => {
    await sensors.seenBy(sensors.current(), Date.now())
    const gaps = gapsIn(sensors.sightings)
    const missing = gaps.reduce((sum, { frames }) => sum + frames, 0)
    t.diagnostic(`${sensors.sightings.length} datagrams seen, ${missing} at no sensor`)

    const isExplained = ({ between: [begin, end] }: Gap): boolean => {
      return disturbances.some(([began, ended]) => end >= began && begin <= ended)
    }
    assert.deepEqual(
      gaps.filter((gap) => !isExplained(gap)),
      [],
    )
  })

  test('every captured frame was sent or dropped', async (t) => {
    const counts = await until('captured = sent + dropped', async () => {
      const now = await countsOf('talker')
      return now.captured === now.sent + now.dropped && now
    })
    t.diagnostic(JSON.stringify(counts))
    assert.ok(counts.sent > sensors.sightings.length)
  })

  test('neither application nor sidecar was restarted', async () => {
    const pod = JSON.parse(await kubectl('-n', APPS, 'get', 'pod', 'talker', '-o', 'json')) as Pod
    const restarts = pod.status.containerStatuses.map(({ restartCount }) => restartCount)
    assert.deepEqual(restarts, [0, 0])
    assert.equal(sidecarStatus(pod)?.restartCount, 0)
  })
})

/** Whether a TCP connection from this node is accepted. */
async function connects(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: 1000 })
  const isOpen = await once(socket, 'connect')
    .then(() => true)
    .catch(() => false)
  socket.destroy()
  return isOpen
}

/** Datagrams in a row that no sensor saw, between two that were seen. */
interface Gap {
  readonly frames: number
  readonly between: Span
}

function gapsIn(sightings: readonly Sighting[]): readonly Gap[] {
  const ordered = sightings.toSorted((a, b) => a.number - b.number)
  const gaps = ordered.slice(1).map(({ number, at }, index) => {
    const before = ordered[index]!
    return { frames: number - before.number - 1, between: [before.at, at] as const }
  })
  return gaps.filter(({ frames }) => frames > 0)
}
