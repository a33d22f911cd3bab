/** Monitors, alert rules, network policies and metrics, as a real API server and Prometheus' own tool take them. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { ENGINES } from '../../sidecar/contract.ts'
import { textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import {
  get,
  installPodtap,
  kubectl,
  metricsOf,
  podsOf,
  sumOf,
  until,
  withInput,
} from '../helpers/cluster.ts'
import { runTool } from '../helpers/run-tool.ts'
import {
  addListener,
  addTalker,
  APPS,
  clusterClient,
  closeNamespaces,
  openNamespaces,
  SensorPods,
} from '../helpers/sensor-pods.ts'

const ROOT = join(import.meta.dirname, '../..')
const STRICTLY = ['--server-side', '--validate=strict']
const OVERLAYS = ['monitoring', 'network-policy']
const WATCHED = 'podmonitors,prometheusrules,networkpolicies,configmaps'

suite('monitoring', { timeout: 600_000 }, () => {
  const client = clusterClient()
  const sensors = new SensorPods(client)
  const definitions = execFileSync(join(ROOT, 'scripts/monitoring-definitions'), {
    encoding: 'utf8',
  })
  const files = definitions.trim().split('\n')

  before(async () => {
    await installPodtap()
    // On the server's side: as last-applied annotation they would be too long.
    await kubectl('apply', '--server-side', ...files.flatMap((file) => ['-f', file]))
    for (const file of files) await kubectl('wait', '--for=condition=Established', '-f', file)
  })
  after(async () => {
    sensors.close()
    client.close()
    for (const overlay of OVERLAYS) {
      await kubectl('delete', '--ignore-not-found', '-k', join(ROOT, 'manifests', overlay))
    }
    await kubectl('delete', '--ignore-not-found', ...files.flatMap((file) => ['-f', file]))
    await closeNamespaces()
  })

  for (const overlay of OVERLAYS) {
    test(`the API server stores manifests/${overlay} as it is`, async () => {
      const folder = join(ROOT, 'manifests', overlay)
      await kubectl('apply', ...STRICTLY, '-k', folder)

      for (const object of documents(await kubectl('kustomize', folder))) await isStored(object)
    })
  }

  test('what the chart renders is accepted too', async () => {
    const settings = ['podMonitors', 'alerts', 'dashboard'].map((name) => `monitoring.${name}=true`)
    const all = ['networkPolicy.enabled=true', ...settings].join(',')
    const { stdout } = runTool('helm', [
      ...['template', 'podtap', join(ROOT, 'manifests/chart'), '--namespace', 'podtap'],
      ...['--set', all],
    ])
    const rendered = documents(stdout).filter(({ kind }) =>
      WATCHED.includes(`${String(kind).toLowerCase()}s`.replace('policys', 'policies')),
    )

    await withInput(
      rendered.map((object) => JSON.stringify(object)).join('\n---\n'),
      ...['apply', '--dry-run=server', '--force-conflicts', ...STRICTLY, '-f', '-'],
    )
    assert.deepEqual(rendered.map(({ kind }) => kind).sort(), [
      'ConfigMap',
      'NetworkPolicy',
      'PodMonitor',
      'PodMonitor',
      'PrometheusRule',
    ])
  })

  test('a monitor with a misspelt field is refused, so all of this can fail', async () => {
    const monitor = {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PodMonitor',
      metadata: { name: 'misspelt', namespace: 'podtap' },
      spec: { selector: {}, podMetricsEndpoints: [{ prot: 'https' }] },
    }

    await assert.rejects(
      withInput(JSON.stringify(monitor), 'apply', '--validate=strict', '-f', '-'),
      /unknown field .*spec\.podMetricsEndpoints\[0\]\.prot/,
    )
  })

  test('promtool has nothing to say about what the replicas of the webhook expose', async () => {
    const pods = await podsOf('podtap', 'podtap-webhook')

    assert.ok(pods.length > 0)
    for (const { metadata } of pods) {
      const path = `/api/v1/namespaces/podtap/pods/https:${metadata.name}:10250/proxy/metrics`
      assertClean(await kubectl('get', '--raw', path))
    }
  })

  test('nor about what a sidecar exposes that sends, whatever its engine', async () => {
    const nodes = await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')
    const [node = ''] = nodes.split(' ')
    await openNamespaces()
    const target = await addListener(node)
    await sensors.add('sensor', node)
    for (const engine of ENGINES) {
      await addTalker(engine, node, { target, engine })
      await until(`frames sent by ${engine}`, async () => {
        const metrics = await metricsOf(engine, APPS)
        return sumOf(metrics, 'podtap_frames_sent_total') > 0
      })

      const path = `/api/v1/namespaces/${APPS}/pods/${engine}:14789/proxy/metrics`
      assertClean(await kubectl('get', '--raw', path))
    }
  })
})

/** Each field of `object` is there with its value; those that the API server adds are let be. */
async function isStored(object: JsonObject): Promise<void> {
  const metadata = valueAt(object, 'metadata')
  const identity = [textAt(object, 'kind'), textAt(metadata, 'name')]
  const stored = await get<JsonObject>('-n', 'podtap', ...identity)
  assert.partialDeepStrictEqual(stored, object, identity.join('/'))
}

function assertClean(exposition: string): void {
  const end = runTool('promtool', ['check', 'metrics'], { input: exposition })
  assert.match(exposition, /^podtap_\w+/m)
  assert.deepEqual(end, { status: 0, stdout: '', stderr: '' })
}

function documents(text: string): JsonObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as JsonObject | null)
    .filter((object) => object !== null)
}
