/** Whole nodes: the DaemonSet of manifests/host on both nodes, alone and beside sidecars. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { apply, get, kubectl, until, type Pod } from '../helpers/cluster.ts'
import {
  addListener,
  addPlainTalker,
  addTalker,
  closeNamespaces,
  clusterClient,
  openNamespaces,
  SensorPods,
  SENSORS,
} from '../helpers/sensor-pods.ts'

const MANIFESTS = join(import.meta.dirname, '../../manifests/host')

/** Datagrams in a row that must have been seen once each: a second of a talker. */
const IN_A_ROW = 100

suite('whole nodes', { timeout: 600_000 }, () => {
  const client = clusterClient()
  const sensors = new SensorPods(client)
  let nodes: string[] = []
  const listeners: string[] = []

  before(async () => {
    const names = await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')
    nodes = names.split(' ')
    await openNamespaces()
    await sensors.add('sensor', nodes[0]!)
    for (const file of ['namespace', 'access', 'mirrored-pods-access', 'daemon-set']) {
      await apply(forTheTest(readFileSync(join(MANIFESTS, `${file}.yaml`), 'utf8')))
    }
    await kubectl(
      '-n',
      'podtap-host',
      'rollout',
      'status',
      'daemonset/podtap-host',
      '--timeout=180s',
    )
  })
  after(async () => {
    sensors.close()
    client.close()
    await kubectl('delete', 'clusterrole,clusterrolebinding', 'podtap-host', '--ignore-not-found')
    await kubectl('delete', 'namespace', 'podtap-host', '--ignore-not-found', '--wait=true')
    await closeNamespaces()
  })

  test('a pod runs on each node', async () => {
    const { items } = await get<{ items: Pod[] }>('-n', 'podtap-host', 'pods')

    assert.deepEqual(items.map(({ spec }) => spec.nodeName).sort(), [...nodes].sort())
  })

  test('new pods of both nodes are mirrored, every packet once', async () => {
    for (const [index, node] of nodes.entries()) {
      listeners.push(await addListener(node, `listener-${index}`))
      await addPlainTalker(`plain-${index}`, node, listeners[index]!)
    }

    for (const index of nodes.keys()) await seenOnceEach(sensors, `plain-${index}`)
  })

  test('a pod with a sidecar is mirrored by that alone', async () => {
    await addTalker('both', nodes[0]!, { target: listeners[0]! })

    await seenOnceEach(sensors, 'both')
    const log = await kubectl(
      '-n',
      'podtap-host',
      'logs',
      '-l',
      'app.kubernetes.io/name=podtap-host',
    )
    assert.ok(!log.includes('"level":"error"'), log)
  })
})

/** With the sensor of these tests. */
function forTheTest(manifest: string): string {
  return manifest.replaceAll('podtap-sensor', SENSORS).replace('value: sensor\n', 'value: test\n')
}

/** Waits until the last IN_A_ROW datagrams of `talker`, less those under way, were seen exactly once. */
async function seenOnceEach(sensors: SensorPods, talker: string): Promise<void> {
  const since = Date.now()
  await until(
    `${IN_A_ROW} datagrams of ${talker} in a row, seen once each`,
    () => {
      const seen = sensors.sightings.filter((each) => each.talker === talker && each.at > since)
      const times = new Map<number, number>()
      for (const { number } of seen) times.set(number, (times.get(number) ?? 0) + 1)
      const last = Math.max(...times.keys()) - 20
      const row = Array.from({ length: IN_A_ROW }, (_, index) => times.get(last - index))
      return Promise.resolve(row.every((count) => count === 1))
    },
    90_000,
  )
}
