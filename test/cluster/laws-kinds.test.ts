/** Every kind of workload through a real API server, with pods where they show something. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { JsonObject } from '../../webhook/admission/json.ts'
import {
  closeNamespaces,
  look,
  openNamespace,
  restart,
  said,
  submit,
  template,
  warnings,
  workload,
} from '../helpers/cluster-laws.ts'
import {
  containerNames,
  get,
  kubectl,
  podsOf,
  until,
  type Pod,
  installPodtap,
} from '../helpers/cluster.ts'

const NS = 'podtap-kinds'
const INJECTED = ['podtap', 'web']
const APPLY = ['-n', NS, 'apply', '-f', '-'] as const

/** A pod that ends by itself and at once. */
const ENDING = {
  restartPolicy: 'Never',
  containers: [{ name: 'web', image: 'podtap/example:0.1.0', command: ['true'] }],
}

suite('all kinds of workloads', { timeout: 120_000 }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS)
  })
  after(() => closeNamespaces(NS))

  const nowhere = template({}, { nodeSelector: { 'example.com/no': 'node' } })
  for (const kind of ['StatefulSet', 'DaemonSet']) {
    const reference = `${kind.toLowerCase()}/web`

    test(`a ${kind} is injected once, and restarted without a second sidecar`, async () => {
      await submit(workload(`${kind}/web`, { of: nowhere }), ...APPLY)
      const created = await look(NS, reference)
      await submit(workload(`${kind}/web`, { of: nowhere }), '-n', NS, 'replace', '-f', '-')
      const replaced = await look(NS, reference)
      const restarted = await restart(NS, reference)

      assert.deepEqual([...created.containers].sort(), INJECTED)
      assert.deepEqual(replaced.template, created.template)
      assert.deepEqual(warnings(restarted), [
        `podtap: ${reference} already has its sidecar, unchanged`,
      ])
      assert.deepEqual((await look(NS, reference)).containers, created.containers)
    })

    test(`undoing the rollout of a ${kind} to before the sidecar is respected`, async () => {
      const undone = `${kind.toLowerCase()}/undone`
      await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject-')
      await submit(workload(`${kind}/undone`, { of: nowhere }), ...APPLY)
      await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')
      await revisions(1)
      await restart(NS, undone)
      await revisions(2)

      const answer = await said('-n', NS, 'rollout', 'undo', undone)

      assert.deepEqual(warnings(answer), [
        `podtap: no change to ${undone} (rolled-back): an older template is put back as it was`,
        `podtap: to add it again: kubectl rollout restart ${undone} -n ${NS}`,
      ])
      assert.deepEqual((await look(NS, undone)).containers, ['web'])

      async function revisions(count: number): Promise<void> {
        await until(`${count} ControllerRevisions`, async () => {
          const { items } = await get<{ items: readonly Owned[] }>('-n', NS, 'controllerrevisions')
          const own = items.flatMap(({ metadata }) => metadata.ownerReferences)
          return (
            own.filter((owner) => `${owner.kind}/${owner.name}` === `${kind}/undone`).length ===
            count
          )
        })
      }
    })
  }

  test('a Job is completed beside its sidecar', async () => {
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job' } }

    const created = await submit({ ...job, spec: { template: template({}, ENDING) } }, ...APPLY)
    await kubectl('-n', NS, 'wait', '--for=condition=complete', 'job/job', '--timeout=60s')

    assert.deepEqual(warnings(created), ['podtap: sidecar added to job/job'])
    assert.deepEqual((await look(NS, 'job/job')).containers, INJECTED)
  })

  test('a CronJob is injected once, and so are its Jobs', async () => {
    const jobTemplate = { spec: { template: template({}, ENDING) } }
    const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'cron' } }
    const spec = { schedule: '0 0 1 1 *', suspend: true, jobTemplate }
    await submit({ ...cronJob, spec }, ...APPLY)
    const created = await look(NS, 'cronjob/cron')

    await submit({ ...cronJob, spec: { ...spec, schedule: '0 0 2 1 *' } }, ...APPLY)
    await kubectl('-n', NS, 'create', 'job', 'by-hand', '--from=cronjob/cron')

    assert.deepEqual(created.containers, INJECTED)
    assert.deepEqual((await look(NS, 'cronjob/cron')).template, created.template)
    assert.deepEqual((await look(NS, 'job/by-hand')).containers, INJECTED)
  })

  test('a bare pod is injected when it is created, and never again', async () => {
    const pod: JsonObject = { apiVersion: 'v1', kind: 'Pod', ...template({}, ENDING) }
    const named = { ...pod, metadata: { name: 'bare' } }

    const created = await submit(named, ...APPLY)
    const again = await submit(named, ...APPLY)

    assert.deepEqual(warnings(created), ['podtap: sidecar added to pod/bare'])
    assert.deepEqual(warnings(again), [])
    assert.deepEqual((await look(NS, 'pod/bare')).containers, INJECTED)
  })

  test('a Deployment of an operator stays as it is; its pods are injected', async () => {
    await kubectl('-n', NS, 'create', 'configmap', 'operator')
    const { metadata } = await get<{ metadata: { uid: string } }>('-n', NS, 'configmap/operator')
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'operator', uid: metadata.uid }
    const ownerReferences = [{ ...owner, controller: true }]

    const created = await submit(
      workload('Deployment/owned', { metadata: { ownerReferences }, spec: { replicas: 1 } }),
      ...APPLY,
    )
    const pod = await until('a pod', async () => (await podsOf(NS, 'owned'))[0])

    assert.deepEqual(warnings(created), [
      'podtap: no change to deployment/owned (operator-owned): owned by ConfigMap operator, which would undo the change',
    ])
    assert.deepEqual((await look(NS, 'deployment/owned')).containers, ['web'])
    assert.deepEqual(containerNames(pod).sort(), INJECTED)
  })

  test('the application of a pod starts after the sidecar, and has what it asked for', async () => {
    await submit(workload('Deployment/running', { spec: { replicas: 1 } }), ...APPLY)
    await kubectl('-n', NS, 'rollout', 'status', 'deployment/running', '--timeout=60s')

    const [pod] = await podsOf(NS, 'running')

    assert.deepEqual(containerNames(pod!), INJECTED)
    assert.ok(startOf(pod!, 'podtap') <= startOf(pod!, 'web'))
  })
})

interface Owned {
  readonly metadata: { readonly ownerReferences: readonly { kind: string; name: string }[] }
}

/** When a container was started, in seconds since the epoch. */
function startOf({ status }: Pod, name: string): number {
  const all = [...(status.initContainerStatuses ?? []), ...status.containerStatuses]
  const found = all.find((container) => container.name === name) as unknown as {
    state: { running: { startedAt: string } }
  }
  return Date.parse(found.state.running.startedAt) / 1000
}
