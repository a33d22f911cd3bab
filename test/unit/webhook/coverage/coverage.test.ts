import assert from 'node:assert/strict'
import test from 'node:test'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import {
  coverageOf,
  filtersIn,
  type CoverageContext,
  type WorkloadCoverage,
} from '../../../../webhook/coverage/coverage.ts'
import { podFactsOf } from '../../../../webhook/coverage/pod-facts.ts'
import { injected, ownerReference, pod, podOfWeb, stored } from '../../../helpers/covered.ts'
import {
  enabledNamespace,
  INSTALLATION,
  limitRangeOf,
  podTemplate,
  quotaOf,
} from '../../../helpers/situation.ts'

const CONTEXT: CoverageContext = { namespace: enabledNamespace(), installation: INSTALLATION }
const NOT_ENABLED = { ...CONTEXT, namespace: { name: 'shop', annotations: {}, labels: {} } }

test('a pod with the sidecar that it should have is mirrored', () => {
  const template = injected()

  const covered = cover([stored('Deployment/web', template)], [podOfWeb('web-1', template)])

  assert.deepEqual(summary(covered), [
    'Deployment/web mirrored (enabled): web-1 mirrored (enabled)',
  ])
})

test('a pod without a sidecar, made while the webhook was away, is missed', () => {
  const template = podTemplate()

  const covered = cover([stored('Deployment/web', template)], [podOfWeb('web-1', template)])

  assert.deepEqual(summary(covered), ['Deployment/web missed (enabled): web-1 missed (enabled)'])
})

test('a pod whose sidecar was configured otherwise is stale', () => {
  const template = injected()
  const namespace = enabledNamespace({ 'podtap.dev/vni': '7' })

  const covered = cover([stored('Deployment/web', template)], [podOfWeb('web-1', template)], {
    ...CONTEXT,
    namespace,
  })

  assert.deepEqual(summary(covered), ['Deployment/web stale (enabled): web-1 stale (enabled)'])
})

test('a pod is stale where the installation has changed: image, sensor, kind of sidecar', () => {
  const template = injected()
  for (const change of [{ image: 'podtap/sidecar:0.2.0' }, { sensor: 'zeek' }, { native: true }]) {
    const installation = { ...INSTALLATION, sidecar: { ...INSTALLATION.sidecar, ...change } }

    const [web] = cover([stored('Deployment/web', template)], [podOfWeb('web-1', template)], {
      ...CONTEXT,
      installation,
    })

    assert.equal(web?.pods[0]?.state, 'stale', JSON.stringify(change))
  }
})

test('a sidecar in a namespace that is enabled no more is unwanted', () => {
  const template = injected()

  const covered = cover(
    [stored('Deployment/web', template)],
    [podOfWeb('web-1', template)],
    NOT_ENABLED,
  )

  assert.deepEqual(summary(covered), [
    'Deployment/web unwanted (not-enabled): web-1 unwanted (not-enabled)',
  ])
})

test('a pod of a template that opted out since is unwanted until it is replaced', () => {
  const template = podTemplate({ 'podtap.dev/inject': 'disabled' })

  const covered = cover(
    [stored('Deployment/web', template)],
    [podOfWeb('web-1', injected()), podOfWeb('web-2', template)],
  )

  assert.deepEqual(summary(covered), [
    'Deployment/web refused (opted-out): web-1 unwanted (opted-out), web-2 refused (opted-out)',
  ])
})

test('what the webhook refuses is refused with its reason and its words', () => {
  const host = podTemplate({}, { hostNetwork: true })
  const bad = podTemplate({ 'podtap.dev/vni': 'x' })

  const covered = cover(
    [stored('DaemonSet/agent', host), stored('Deployment/web', bad)],
    [pod('agent-1', host, { owner: 'apps/v1 DaemonSet agent' }), podOfWeb('web-1', bad)],
  )

  assert.deepEqual(summary(covered), [
    'DaemonSet/agent refused (host-network): agent-1 refused (host-network)',
    'Deployment/web refused (bad-annotation): web-1 refused (bad-annotation)',
  ])
  assert.equal(
    covered[1]?.pods[0]?.detail,
    'podtap.dev/vni: expected an integer 0…16777215 or 0x0…0xffffff, received "x"',
  )
})

test('Pod Security, limits and filters that do not compile refuse as they do at admission', () => {
  const small = [quotaOf({ 'requests.cpu': '1' }, { 'requests.cpu': '900m' })]
  const tight = [limitRangeOf({ type: 'Container', max: { memory: '64Mi' } })]
  const cases: readonly (readonly [Partial<CoverageContext>, string])[] = [
    [
      { namespace: enabledNamespace({}, { 'pod-security.kubernetes.io/enforce': 'baseline' }) },
      'pod-security',
    ],
    [{ limits: { quotas: small, limitRanges: [] } }, 'quota'],
    [{ limits: { quotas: [], limitRanges: tight } }, 'limit-range'],
    [
      {
        namespace: enabledNamespace({ 'podtap.dev/filter': 'tcp prot 80' }),
        filterProblems: new Map([['tcp prot 80', 'syntax error']]),
      },
      'bad-annotation',
    ],
  ]
  for (const [context, reason] of cases) {
    const template = podTemplate()

    const [web] = cover([stored('Deployment/web', template)], [podOfWeb('web-1', template)], {
      ...CONTEXT,
      ...context,
    })

    assert.deepEqual([web?.state, web?.reason], ['refused', reason])
  }
})

test('a quota that is full because of the sidecars themselves takes none of them away', () => {
  const template = injected()
  const full = [quotaOf({ 'requests.cpu': '250m' }, { 'requests.cpu': '250m' })]
  const limits = { quotas: full, limitRanges: [] }

  const covered = cover(
    [stored('Deployment/web', template, { spec: { replicas: 1, strategy: { type: 'Recreate' } } })],
    [podOfWeb('web-1', template), pod('alone', template)],
    { ...CONTEXT, limits },
  )

  assert.deepEqual(summary(covered), [
    'Deployment/web mirrored (enabled): web-1 mirrored (enabled)',
    'Pod/alone mirrored (enabled): alone mirrored (enabled)',
  ])
})

test('a workload without pods stands there by what its next pod will be', () => {
  const covered = cover([stored('StatefulSet/db', podTemplate())], [])

  assert.deepEqual(summary(covered), ['StatefulSet/db missed (enabled): '])
})

test('the pods of a CronJob are its own, and Jobs without pods have ended', () => {
  const template = podTemplate({}, { restartPolicy: 'Never' })
  const native = { ...INSTALLATION, sidecar: { ...INSTALLATION.sidecar, native: true } }
  const metadata = { ownerReferences: [ownerReference('batch/v1 CronJob nightly')] }

  const covered = cover(
    [
      stored('CronJob/nightly', injected(template, { native: true })),
      stored('Job/nightly-1', template, { metadata }),
      stored('Job/old', template),
      stored('Job/import', template),
    ],
    [
      pod('nightly-1-x', template, { owner: 'batch/v1 Job nightly-1' }),
      pod('import-x', template, { owner: 'batch/v1 Job import' }),
    ],
    { ...CONTEXT, installation: native },
  )

  assert.deepEqual(summary(covered), [
    'CronJob/nightly mirrored (enabled): nightly-1-x missed (enabled)',
    'Job/import missed (enabled): import-x missed (enabled)',
  ])
})

test('pods without a workload, and those of a kind that podtap does not read, stand for themselves', () => {
  const rollout = { owner: 'apps/v1 ReplicaSet canary-7c', labels: {} }

  const covered = cover(
    [],
    [
      pod('alone', podTemplate()),
      pod('canary-7c-a', injected(), rollout),
      pod('canary-7c-b', podTemplate(), rollout),
      pod('game-0', injected(), { owner: 'apps.kruise.io/v1beta1 StatefulSet game' }),
    ],
  )

  assert.deepEqual(summary(covered), [
    'Pod/alone missed (enabled): alone missed (enabled)',
    'ReplicaSet/canary-7c missed (enabled): canary-7c-a mirrored (enabled), canary-7c-b missed (enabled)',
    'StatefulSet/game mirrored (enabled): game-0 mirrored (enabled)',
  ])
})

test('what an operator owns is left to it, and its pods are judged one by one', () => {
  const metadata = { ownerReferences: [ownerReference('kafka.strimzi.io/v1beta2 Kafka events')] }
  const template = podTemplate()

  const covered = cover(
    [stored('Deployment/web', template, { metadata })],
    [podOfWeb('web-1', injected()), podOfWeb('web-2', template)],
  )

  assert.deepEqual(summary(covered), [
    'Deployment/web refused (operator-owned): web-1 mirrored (enabled), web-2 missed (enabled)',
  ])
})

test('pods that have ended, or are about to, are left out', () => {
  const ended = { status: { phase: 'Succeeded' } }
  const ending = { metadata: { name: 'x', namespace: 'shop', deletionTimestamp: '2026-01-01' } }

  assert.equal(podFactsOf(pod('done', podTemplate(), ended)), undefined)
  assert.equal(podFactsOf(ending), undefined)
})

test('the filters to compile are those that annotations ask for', () => {
  const pods = [podFactsOf(pod('alone', podTemplate({ 'podtap.dev/filter': 'udp' })))!]
  const workloads = [
    stored('Deployment/web', podTemplate({ 'podtap.dev/filter': 'tcp' })),
    stored('Deployment/api', podTemplate({ 'podtap.dev/filter': 'tcp\nport 80' })),
    stored('Deployment/plain', podTemplate()),
  ]

  const filters = filtersIn({ workloads, pods }, enabledNamespace({ 'podtap.dev/filter': 'icmp' }))

  assert.deepEqual([...filters].sort(), ['icmp', 'tcp', 'udp'])
})

function cover(
  workloads: readonly JsonObject[],
  pods: readonly JsonObject[],
  context = CONTEXT,
): readonly WorkloadCoverage[] {
  return coverageOf({ workloads, pods: pods.map((each) => podFactsOf(each)!) }, context)
}

function summary(covered: readonly WorkloadCoverage[]): string[] {
  return covered.map(({ kind, name, state, reason, pods }) => {
    const each = pods.map((one) => `${one.name} ${one.state} (${one.reason})`)
    return `${kind}/${name} ${state} (${reason}): ${each.join(', ')}`
  })
}
