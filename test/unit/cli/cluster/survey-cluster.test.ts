import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { surveyCluster } from '../../../../cli/cluster/survey-cluster.ts'
import { createPaint } from '../../../../cli/output/style.ts'
import { statusLines } from '../../../../cli/status/status-lines.ts'
import { statusReport } from '../../../../cli/status/status-report.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { pod } from '../../../helpers/covered.ts'
import { clientOf } from '../../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore, type StoredObject } from '../../../helpers/kube-store.ts'
import { INSTALLATION, podTemplate } from '../../../helpers/situation.ts'

const ENABLED = { 'podtap.dev/inject': 'enabled' }

suite('what is looked into where no namespace is named', { timeout: 20_000 }, () => {
  let api: KubeStore
  before(async () => {
    api = await startKubeStore()
    putNamespace('bank', ENABLED)
    putNamespace('lab', {})
    putNamespace('other', {})
    putNamespace('over', {})
    putPod('lab', attached(pod('tapped', podTemplate()), 'running'))
    putPod('lab', pod('plain', podTemplate()))
    putPod('other', pod('plain', podTemplate()))
    putPod('over', attached(pod('tapped', podTemplate()), 'terminated'))
  })
  after(() => api.stop())

  test('enabled namespaces, and those with a pod that a sidecar is attached to', async () => {
    const { namespaces, pods } = await surveyCluster(clientOf(api), INSTALLATION, undefined)

    assert.deepEqual(
      namespaces.map(({ namespace, enabled }) => [namespace.name, enabled]),
      [
        ['bank', true],
        ['lab', false],
      ],
    )
    assert.deepEqual([...pods.keys()], ['lab/tapped'])
  })

  test('status shows that pod, and says that it is for a while', async () => {
    const survey = await surveyCluster(clientOf(api), INSTALLATION, undefined)
    const report = statusReport({ ...survey, counts: new Map() })
    const lines = statusLines(report, { columns: undefined, paint: createPaint(false) })

    assert.ok(lines.includes('lab: not enabled, but 1 pod mirrored for a while'), lines.join('\n'))
    assert.ok(
      lines.some((line) => /^ {2}tapped +attached/.test(line)),
      lines.join('\n'),
    )
  })

  function putNamespace(name: string, annotations: JsonObject): void {
    api.put(`/api/v1/namespaces/${name}`, { metadata: { name, annotations } })
  }

  function putPod(namespace: string, object: JsonObject): void {
    const metadata = { ...(object['metadata'] as JsonObject), namespace }
    const stored = { ...object, metadata } as unknown as StoredObject
    api.put(`/api/v1/namespaces/${namespace}/pods/${stored.metadata.name}`, stored)
  }
})

/** `object` with a sidecar that was attached to it and is in this state. */
function attached(object: JsonObject, state: 'running' | 'terminated'): JsonObject {
  const name = 'podtap-x7f2c'
  const spec = { ...(object['spec'] as JsonObject), ephemeralContainers: [{ name }] }
  const startedAt = '2026-11-22T12:00:00Z'
  const statuses = [{ name, ready: state === 'running', state: { [state]: { startedAt } } }]
  const status = { ...(object['status'] as JsonObject), ephemeralContainerStatuses: statuses }
  return { ...object, spec, status }
}
