/** Which sensor a sidecar sends to, and how soon, while sensors come, go and fail in a real cluster. */
import assert from 'node:assert/strict'
import { globSync, writeFileSync } from 'node:fs'
import { after, before, suite, test, type TestContext } from 'node:test'
import type { KubeClient } from '../../lib/kube/client.ts'
import {
  FOREIGN_CLUSTER,
  kubectl,
  metricsOf,
  sidecarStatus,
  sumOf,
  until,
  type Pod,
} from '../helpers/cluster.ts'
import {
  APPS,
  SENSORS,
  SensorPods,
  addListener,
  addTalker,
  clusterClient,
  closeNamespaces,
  countsOf,
  openNamespaces,
} from '../helpers/sensor-pods.ts'

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Changes of the destination that are measured. */
const MOVES = 20

suite('sensors', { timeout: 600_000 }, () => {
  const client = clusterClient()
  const sensors = new SensorPods(client)
  let here = ''
  let there = ''
  let listener = ''

  before(async () => {
    const nodes = await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')
    ;[here = '', there = here] = nodes.split(' ')
    await openNamespaces()
    listener = await addListener(there)
    await addTalker('talker', here, { target: listener })
  })
  after(async () => {
    sensors.close()
    client.close()
    await closeNamespaces()
  })

  test('without any sensor frames are captured, counted and dropped', async () => {
    await until('frames dropped for want of a sensor', async () => {
      const metrics = await metricsOf('talker', APPS)
      return (metrics.get('podtap_frames_dropped_total{reason="no-sensor"}') ?? 0) > 100
    })
    assert.equal(sumOf(await metricsOf('talker', APPS), 'podtap_destination_info'), 0)
  })

  test('the first sensor gets the frames, one on the own node takes them over', async () => {
    await sensors.add('far', there)
    await sensors.seenBy('far', 0)

    await sensors.add('near', here)
    await sensors.seenBy('near', 0)

    const since = Date.now()
    await sensors.seenBy('near', since + 500)
    const after = sensors.sightings.filter(({ at }) => at > since)
    assert.deepEqual(new Set(after.map(({ sensor }) => sensor)), new Set(['near']))
  })

  test('a change is followed in less than half a second, from the API call to the first frame', async (t) => {
    const reactions: number[] = []
    for (let move = 0; move < MOVES; move += 1) {
      const since = Date.now()
      await sensors.label('near', move % 2 === 1)
      reactions.push((await sensors.seenBy(move % 2 === 1 ? 'near' : 'far', since)) - since)
    }

    report(t, reactions)
    assert.ok(median(reactions) < 500, `median of ${reactions.join(', ')} ms`)
  })

  test('a sensor that is not ready is left, and returned to when it is', async () => {
    let since = Date.now()
    await sensors.tell('near', 'unready')
    await sensors.seenBy('far', since)

    since = Date.now()
    await sensors.tell('near', 'ready')
    await sensors.seenBy('near', since)
  })

  test('a sensor whose port is closed is left at once, and returned to', async (t) => {
    await sensors.tell('near', 'close')
    const closed = Date.now()
    const left = (await sensors.seenBy('far', closed)) - closed

    await sensors.tell('near', 'open')
    const opened = Date.now()
    const returned = (await sensors.seenBy('near', opened)) - opened
    t.diagnostic(`left after ${left} ms, returned to after ${returned} ms`)
    assert.ok(left < 5000, `${left} ms`)
  })

  test('frames that are lost on their way to the sensor break nothing', async (t) => {
    if (FOREIGN_CLUSTER) {
      t.skip('the nodes are not this machine')
      return
    }
    await sensors.drop('near', true)
    const before = await countsOf('talker')

    await until('a hundred frames sent into the void', async () => {
      return (await countsOf('talker')).sent > before.sent + 100
    })
    const lost = Date.now()
    await sensors.drop('near', false)

    await sensors.seenBy('near', lost)
    assert.equal((await countsOf('talker')).dropped, before.dropped)
    assert.match(await destinationOf('talker'), /sensor="podtap-test-sensors\/near"/)
  })

  test('a sensor that is drained is left before it ends', async () => {
    const since = Date.now()
    await sensors.evict('near')
    const at = await sensors.seenBy('far', since)

    assert.ok(at - since < 1000, `${at - since} ms`)
    await sensors.gone('near')
  })

  test('an address that another pod has now gets no frames', async (t) => {
    if (FOREIGN_CLUSTER) {
      t.skip('the addresses of the nodes are not ours to give')
      return
    }
    const since = Date.now()
    const { podIP } = (await sensors.add('near', here)).status
    await sensors.seenBy('near', since)
    await sensors.remove('near')
    await sensors.gone('near')

    giveNext(here, podIP)
    const impostor = await sensors.add('impostor', here, { labels: { run: 'something-else' } })
    assert.equal(impostor.status.podIP, podIP)
    await sensors.seenBy('far', Date.now() + 1000)

    assert.ok(!sensors.sightings.some(({ sensor }) => sensor === 'impostor'))
  })

  test('from one sensor to three and back, no frame is seen by two', async () => {
    await Promise.all([sensors.add('far-2', there), sensors.add('far-3', there)])
    const since = Date.now()
    await until('frames after the third sensor', () =>
      Promise.resolve(sensors.sightings.some(({ at }) => at > since + 500)),
    )
    await Promise.all([sensors.remove('far'), sensors.remove('far-2')])
    await sensors.seenBy('far-3', Date.now())

    assert.deepEqual(sensors.seenTwice(), [])
    await Promise.all([sensors.gone('far'), sensors.gone('far-2')])
  })

  test('a sensor that moves to the other node is followed', async () => {
    await sensors.remove('far-3')
    await sensors.gone('far-3')
    const since = Date.now()
    await sensors.add('far-3', here)

    await sensors.seenBy('far-3', since)
    assert.match(
      await destinationOf('talker'),
      new RegExp(`sensor="${SENSORS}/far-3".*node="${here}"`),
    )
  })

  test('of sensors on another node the one in the own zone is chosen', async () => {
    const zoned = (zone: string): Record<string, string> => ({
      'topology.kubernetes.io/zone': zone,
    })
    await Promise.all([
      sensors.add('west', here, { labels: zoned('west') }),
      sensors.add('east', here, { labels: zoned('east') }),
    ])
    for (const zone of ['west', 'east']) {
      const name = `talker-${zone}`
      await addTalker(name, there, { target: listener, labels: zoned(zone) })
      await destinationIs(name, zone)
      await kubectl('-n', APPS, 'delete', 'pod', name, '--wait=true')
    }
  })

  test("a sensor in its node's network gets the frames at the node's address", async () => {
    const since = Date.now()
    const { podIP } = (await sensors.add('on-host', there, { hostNetwork: true })).status
    await Promise.all(['far-3', 'west', 'east'].map((name) => sensors.label(name, false)))
    await sensors.seenBy('on-host', since)

    const destination = await destinationOf('talker')
    assert.ok(destination.includes(`sensor="${SENSORS}/on-host",address="${podIP}"`), destination)
    await Promise.all(['far-3', 'west', 'east'].map((name) => sensors.label(name, true)))
    await sensors.remove('on-host')
    await sensors.gone('on-host')
  })

  test('the token of a sidecar reads pods of the sensors, and can do nothing else', async () => {
    const token = await inContainer('talker', 'podtap', `cat(${JSON.stringify(TOKEN)})`)
    const sidecar = clusterClient(token)
    const [ofSensors, ofApps, ofOthers] = await Promise.all([
      rulesIn(sidecar, SENSORS),
      rulesIn(sidecar, APPS),
      rulesIn(sidecar, 'kube-system'),
    ])
    sidecar.close()

    const own = '{"verbs":["get","list","watch"],"apiGroups":[""],"resources":["pods"]}'
    assert.deepEqual(ofSensors, [own, ...ofOthers].sort())
    assert.deepEqual(ofApps, ofOthers)
    // What every account may: ask who it is and what it may.
    assert.ok(ofOthers.every((rule) => /^\{"verbs":\["create"\].*"selfsubject/.test(rule)))
  })

  test('the application does not see that token', async () => {
    assert.equal(await inContainer('talker', 'main', `exists(${JSON.stringify(TOKEN)})`), 'false')
  })

  test('every captured frame was sent or dropped, and the sidecar never ended', async () => {
    await until('captured = sent + dropped', async () => {
      const { captured, sent, dropped } = await countsOf('talker')
      return captured === sent + dropped
    })
    const pod = JSON.parse(await kubectl('-n', APPS, 'get', 'pod', 'talker', '-o', 'json')) as Pod
    assert.equal(sidecarStatus(pod)?.restartCount, 0)
  })
})

/** Runs a bit of JavaScript in a container and returns what it evaluates to. */
async function inContainer(pod: string, container: string, code: string): Promise<string> {
  const script = `const fs = require('fs'), cat = (f) => fs.readFileSync(f, 'utf8'), exists = fs.existsSync
    process.stdout.write(String(${code}))`
  return kubectl('-n', APPS, 'exec', pod, '-c', container, '--', 'node', '-e', script)
}

/** What the API says that a client may do in a namespace, rule by rule, as sorted JSON. */
async function rulesIn(client: KubeClient, namespace: string): Promise<readonly string[]> {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews'
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  }
  const answer = (await client.request(path, { method: 'POST', body })) as {
    readonly status: { readonly resourceRules: readonly object[] }
  }
  return answer.status.resourceRules.map((rule) => JSON.stringify(rule)).sort()
}

/** `podtap_destination_info{…}` of a mirrored pod; empty without a destination. */
async function destinationOf(name: string): Promise<string> {
  const metrics = await metricsOf(name, APPS)
  return [...metrics.keys()].find((key) => key.startsWith('podtap_destination_info')) ?? ''
}

async function destinationIs(name: string, sensor: string): Promise<void> {
  await until(`${name} sends to ${sensor}`, async () =>
    (await destinationOf(name)).includes(`sensor="${SENSORS}/${sensor}"`),
  )
}

/** Makes `address` the next one that host-local gives to a pod on `node`. */
function giveNext(node: string, address: string): void {
  const state = process.env['PODTAP_STATE'] ?? '/var/lib/podtap-cluster'
  const [file] = globSync(`${state}/${node}/addresses/*/last_reserved_ip.0`)
  const last = address.replace(/\d+$/, (number) => String(Number(number) - 1))
  writeFileSync(file!, last)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function report(t: TestContext, values: readonly number[]): void {
  t.diagnostic(`median ${median(values)} ms, longest ${Math.max(...values)} ms of ${values.length}`)
}
