/** What POST /mutate asks of its surroundings, and what it tells them. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createLogger } from '../../../../lib/logger.ts'
import type { WorkloadEvent } from '../../../../webhook/admission/event.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import type { ClusterFacts, NamespaceFacts } from '../../../../webhook/admission/situation.ts'
import { createMetrics } from '../../../../webhook/metrics.ts'
import { buildServer } from '../../../../webhook/server.ts'
import {
  deployment,
  enabledNamespace,
  INSTALLATION,
  podTemplate,
} from '../../../helpers/situation.ts'

const off: NamespaceFacts = { name: 'shop', annotations: {}, labels: {} }

interface Outside {
  readonly seen?: NamespaceFacts
  /** The facts of a namespace, by whether it is enabled. */
  readonly facts?: (enabled: boolean) => ClusterFacts
  readonly native?: boolean
}

/** Sends a review of a new Deployment; returns the answer and the events that were left. */
async function send(
  request: JsonObject,
  { seen = enabledNamespace(), facts = () => ({}), native = false }: Outside = {},
): Promise<{ response: { reason?: string; patch: string }; events: readonly WorkloadEvent[] }> {
  const events: WorkloadEvent[] = []
  const app = buildServer({
    installation: INSTALLATION,
    namespaces: { seen: () => seen, read: () => Promise.resolve(enabledNamespace()) },
    cluster: {
      installation: () => ({ ...INSTALLATION, sidecar: { ...INSTALLATION.sidecar, native } }),
      factsOf: (_workload, namespace) => Promise.resolve(facts(namespace !== off)),
    },
    events: { record: (event) => events.push(event) },
    logger: createLogger('test', 'silent'),
    metrics: createMetrics({
      enabledNamespaces: () => 1,
      namespacesSynced: () => true,
      certificateExpiry: () => undefined,
      problems: () => ({ certificate: 0, configuration: 0 }),
      leading: () => false,
      coverage: () => new Map(),
    }),
    readiness: () => [],
    isDraining: () => false,
    isOutdated: () => false,
    warnings: () => [],
  })
  const kind = { group: 'apps', version: 'v1', kind: 'Deployment' }
  const review = { uid: 'u', kind, operation: 'CREATE', namespace: 'shop', ...request }
  const payload = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: review }
  const answer = await app.inject({ method: 'POST', url: '/mutate', payload })
  const { response } = answer.json<{
    response: { auditAnnotations: { reason: string }; patch?: string }
  }>()
  const patch = Buffer.from(response.patch ?? '', 'base64').toString()
  return { response: { reason: response.auditAnnotations.reason, patch }, events }
}

const object = deployment(podTemplate())

suite('POST /mutate and its surroundings', () => {
  test('an event is left for what was done', async () => {
    const { events } = await send({ object })

    assert.deepEqual(
      events.map(({ kind, name, reason }) => `${kind} ${name} ${reason}`),
      ['Deployment web Injected'],
    )
  })

  test('a dry run leaves none', async () => {
    const { response, events } = await send({ object, dryRun: true })

    assert.equal(response.reason, 'enabled')
    assert.deepEqual(events, [])
  })

  test('what the cluster says decides', async () => {
    const { response } = await send({ object }, { facts: () => ({ filterProblem: 'no filter' }) })

    assert.equal(response.reason, 'bad-annotation')
  })

  test('the cluster is asked again when the namespace turns out to be enabled', async () => {
    const facts = (enabled: boolean): ClusterFacts =>
      enabled ? { filterProblem: 'no filter' } : {}

    const { response } = await send({ object }, { seen: off, facts })

    assert.equal(response.reason, 'bad-annotation')
  })

  test('the sidecar is of the kind that the cluster can run', async () => {
    const native = await send({ object }, { native: true })
    const classic = await send({ object })

    assert.ok(native.response.patch.includes('/spec/template/spec/initContainers'))
    assert.ok(classic.response.patch.includes('/spec/template/spec/containers/1'))
  })
})
