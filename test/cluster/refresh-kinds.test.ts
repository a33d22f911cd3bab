/** `podtap refresh` of every kind of workload in a real cluster: what it restarts, and what it leaves to whom. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { podtap, type CliEnd } from '../helpers/cli.ts'
import {
  closeNamespaces,
  look,
  openNamespace,
  submit,
  template,
  workload,
} from '../helpers/cluster-laws.ts'
import { get, kubectl, until, installPodtap } from '../helpers/cluster.ts'

const NS = 'podtap-refresh'
const SIZE = { 'podtap.dev/cpu': '20m', 'podtap.dev/memory': '128Mi' }
const INJECTED = ['podtap', 'web']

suite('refresh of every kind', { timeout: 600_000 }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS, { annotations: SIZE })
    for (const object of await objects()) await submit(object, '-n', NS, 'create', '-f', '-')
    await kubectl('-n', NS, 'rollout', 'pause', 'deployment/paused')
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')
    await until('all pods run', async () => (await runningPods()) === EXPECTED_PODS)
  })
  after(() => closeNamespaces(NS))

  test('the plan names what it would do, and whose turn it is otherwise', async () => {
    const { stdout, code } = await refresh()

    const plan = stdout.trimEnd().split('\n').slice(1)
    assert.deepEqual(
      plan.map((line) => line.split(/ {2,}/).slice(1).join(' ')),
      [
        'cronjob/nightly missed 0/0 update takes effect at its next run',
        'daemonset/agent missed 2/2 restart',
        'daemonset/manual missed 2/2 leave updateStrategy OnDelete: each pod changes when somebody deletes it',
        'deployment/owned missed 1/1 leave owned by ConfigMap kube-root-ca.crt, which would undo the change; that one has to make its pods anew',
        'deployment/paused missed 1/1 leave its rollout is paused; kubectl rollout resume comes first',
        'job/import missed 1/1 leave must be made anew by whoever made it',
        'statefulset/db missed 2/2 restart',
      ],
    )
    assert.equal(code, 1)
  })

  test('a DaemonSet, a StatefulSet and the template of a CronJob are refreshed', async (t) => {
    const { stdout, code } = await refresh('--yes')

    t.diagnostic(stdout)
    assert.match(stdout, /^refreshed: 3, left: 4$/m)
    assert.equal(code, 1)
    for (const reference of ['daemonset/agent', 'statefulset/db', 'cronjob/nightly']) {
      assert.deepEqual((await look(NS, reference)).containers, INJECTED, reference)
    }
  })

  test('what was named alone is as it should be', async () => {
    const { stdout, code } = await refresh('ds/agent', 'statefulsets/db', 'cronjob/nightly')

    assert.equal(stdout, 'nothing to refresh: 3 workloads are as they should be\n')
    assert.equal(code, 0)
  })

  test('what was left was not touched', async () => {
    for (const reference of ['daemonset/manual', 'deployment/owned', 'deployment/paused']) {
      assert.deepEqual((await look(NS, reference)).containers, ['web'], reference)
    }
  })
})

/** Two of each StatefulSet and DaemonSet (there are two nodes), one of all others but the CronJob. */
const EXPECTED_PODS = 2 + 2 + 2 + 1 + 1 + 1

async function objects(): Promise<readonly JsonObject[]> {
  const owner = await get<{ metadata: { uid: string } }>('-n', NS, 'configmap/kube-root-ca.crt')
  const controller = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: 'kube-root-ca.crt',
    uid: owner.metadata.uid,
    controller: true,
  }
  return [
    labelled('StatefulSet/db', { replicas: 2 }),
    labelled('DaemonSet/agent'),
    labelled('DaemonSet/manual', { updateStrategy: { type: 'OnDelete' } }),
    labelled('Deployment/paused', { replicas: 1 }),
    labelled('Deployment/owned', { replicas: 1 }, { ownerReferences: [controller] }),
    batch('Job/import', { template: ending() }),
    batch('CronJob/nightly', {
      schedule: '0 3 * * *',
      suspend: true,
      jobTemplate: { spec: { template: ending() } },
    }),
  ]
}

/** A workload of apps/v1 that selects no pods of others. */
function labelled(reference: string, spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  const labels = { app: reference.toLowerCase().replace('/', '-') }
  const of = { ...template(), metadata: { labels } }
  return workload(reference, { of, spec: { selector: { matchLabels: labels }, ...spec }, metadata })
}

function batch(reference: string, spec: JsonObject): JsonObject {
  const [kind = '', name = ''] = reference.split('/')
  return { apiVersion: 'batch/v1', kind, metadata: { name }, spec }
}

function ending(): JsonObject {
  return template({}, { restartPolicy: 'Never' })
}

async function runningPods(): Promise<number> {
  const selector = '--field-selector=status.phase=Running'
  const { items } = await get<{ items: readonly unknown[] }>('-n', NS, 'pods', selector)
  return items.length
}

async function refresh(...args: readonly string[]): Promise<CliEnd> {
  const environment = { KUBECONFIG: process.env['KUBECONFIG'] }
  return podtap(['refresh', '-n', NS, ...args], { environment })
}
