/** Everything that `podtap check` can find wrong with namespaces, sensors and sidecars. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Finding } from '../../../../cli/check/finding.ts'
import { checkMirroring } from '../../../../cli/check/mirroring.ts'
import { checkNamespaces } from '../../../../cli/check/namespaces.ts'
import { warningsIn } from '../../../../cli/check/probe.ts'
import { checkSensors, wantedSensors, type SensorFacts } from '../../../../cli/check/sensors.ts'
import { webhookSettings } from '../../../../cli/installation/webhook-settings.ts'
import type { CoverageState } from '../../../../webhook/coverage/judge.ts'
import type { NamespaceCoverage } from '../../../../webhook/coverage/survey.ts'
import { mirroredPod, sidecarCounts } from '../../../helpers/mirrored-pods.ts'

const said = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ level, fact }) => `${level}: ${fact}`)

function namespace(
  states: readonly CoverageState[],
  {
    annotations = {},
    labels = {},
    enabled = true,
  }: Partial<NamespaceCoverage['namespace']> & { enabled?: boolean } = {},
): NamespaceCoverage {
  const judged = { reason: 'enabled', detail: '' } as const
  const pods = states.map((state, index) => ({ name: `web-${index}`, state, ...judged }))
  const workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    uid: '',
  }
  return {
    namespace: { name: 'shop', annotations, labels },
    enabled,
    workloads: [
      { ...workload, object: undefined, configHash: '', state: 'mirrored', ...judged, pods },
    ],
  }
}

const checkOne = (one: NamespaceCoverage): readonly string[] =>
  said(checkNamespaces({ value: [one] }))

test('namespaces that are as they should be, and none', () => {
  assert.deepEqual(checkOne(namespace(['mirrored', 'refused'])), [
    'ok: shop: 1 pod mirrored, 1 left out for a reason (podtap status)',
  ])
  assert.deepEqual(said(checkNamespaces({ value: [] })), ['hint: no namespace is enabled'])
  assert.match(
    said(checkNamespaces({ problem: 'jane may not list pods' }))[0] ?? '',
    /^warning: namespaces and their pods could not be checked: jane may not list pods; -n NAME/,
  )
})

test('pods that are not as they should be', () => {
  assert.deepEqual(checkOne(namespace(['missed', 'missed', 'stale', 'unwanted'])), [
    'warning: shop: 2 pods not mirrored: made while podtap was away, or before it was enabled',
    'warning: shop: 1 pod mirrored by a sidecar that is not as set now',
    'warning: shop: 1 pod still mirrored, although no longer wanted',
  ])
})

test('a Pod Security level that forbids the sidecar', () => {
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' }

  assert.deepEqual(checkNamespaces({ value: [namespace([], { labels })] })[0], {
    level: 'failure',
    fact: 'shop is enabled, but enforces Pod Security "baseline", which forbids NET_RAW: nothing is mirrored there',
    fix: 'kubectl label --overwrite namespace shop pod-security.kubernetes.io/enforce=privileged',
  })
})

test('annotations that cannot be read', () => {
  const bad = { 'podtap.dev/vni': 'x' }
  const malformed = { 'podtap.dev/inject': 'yes' }

  assert.match(
    checkOne(namespace([], { annotations: bad }))[0] ?? '',
    /^failure: shop: its workloads get no sidecar: podtap\.dev\/vni: expected/,
  )
  assert.match(
    checkOne(namespace([], { annotations: malformed, enabled: false }))[0] ?? '',
    /^failure: shop is not enabled: podtap\.dev\/inject: expected enabled or disabled, received "yes"$/,
  )
})

const READY = {
  metadata: { name: 'sensor' },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
}

const SENSOR: SensorFacts = {
  setting: { kind: 'pods', labelValue: 'sensor' },
  namespace: 'podtap-sensor',
  label: 'run',
  users: ['shop'],
  pods: { value: [READY] },
  access: [{ user: 'shop', allowed: { value: true } }],
}

test('sensors that are missing or not ready, and one that is not', () => {
  const ended = { ...READY, status: { phase: 'Pending' } }

  assert.deepEqual(said(checkSensors([SENSOR])), [
    'ok: 1 of 1 sensor pods run=sensor ready in the namespace podtap-sensor, for shop',
  ])
  assert.deepEqual(said(checkSensors([{ ...SENSOR, pods: { value: [] } }])), [
    'failure: there is no sensor: no pod run=sensor in the namespace podtap-sensor (for shop)',
  ])
  assert.deepEqual(said(checkSensors([{ ...SENSOR, pods: { value: [ended] } }])), [
    'failure: none of 1 sensor pods run=sensor in the namespace podtap-sensor is ready: frames of shop are dropped',
  ])
})

test('sidecars that may not see their sensors', () => {
  const access = [{ user: 'shop', allowed: { value: false } }]

  assert.equal(
    said(checkSensors([{ ...SENSOR, access }]))[1],
    'warning: sidecars of shop may not list pods in the namespace podtap-sensor, so they find no sensor',
  )
})

test('the same sensor of several namespaces is looked at once', () => {
  const { sidecar } = webhookSettings(undefined, 'podtap').installation
  const other = { ...sidecar, sensor: '192.0.2.9' }
  const wanted = wantedSensors(
    new Map([
      ['bank', sidecar],
      ['shop', sidecar],
      ['lab', other],
    ]),
  )

  assert.deepEqual(
    wanted.map(({ users, setting }) => ({ users, kind: setting.kind })),
    [
      { users: ['bank', 'shop'], kind: 'pods' },
      { users: ['lab'], kind: 'address' },
    ],
  )
})

const sample = (changes: Parameters<typeof sidecarCounts>[0]) => {
  const pod = mirroredPod('web-1')
  return checkMirroring({
    pods: [pod],
    sample: [{ pod, read: { counts: { value: sidecarCounts(changes) }, at: 0 } }],
  })
}

test('sidecars that do their work', () => {
  assert.deepEqual(said(sample({})), ['ok: 1 sidecar asked: all have a sensor'])
  assert.deepEqual(
    said(sample({ pathMtu: 1550 }))[1],
    'ok: mirrored frames fit the path (MTU 1550)',
  )
})

test('a sidecar that does not run, or does not answer', () => {
  const pod = mirroredPod('web-1', { startedAt: undefined, waiting: 'ImagePullBackOff' })
  const read = { counts: { problem: 'no answer within 1 s' }, at: 0 }

  assert.deepEqual(said(checkMirroring({ pods: [pod], sample: [{ pod, read }] })), [
    'failure: the sidecar does not run in shop/web-1: ImagePullBackOff (podtap/sidecar:0.1.0)',
    'warning: the metrics of shop/web-1 could not be read: no answer within 1 s',
  ])
})

test('a sidecar without a sensor, one that loses frames, and a path that is too narrow', () => {
  assert.match(
    said(sample({ destinations: [] }))[0] ?? '',
    /^failure: the sidecar has no sensor in shop\/web-1$/,
  )
  assert.equal(
    said(sample({ dropped: { kernel: 40, refused: 10 } }))[1],
    'warning: frames are lost in shop/web-1, most in web-1: 5% since its start (kernel 40, refused 10)',
  )
  assert.equal(
    said(sample({ pathMtu: 1500 }))[1],
    'hint: the path to a sensor takes packets of 1500 bytes: longer frames than 1450 are split',
  )
})

test('admission warnings are read from their header', () => {
  assert.deepEqual(warningsIn('299 - "podtap: say \\"x\\", y", 299 - "other"'), [
    'podtap: say "x", y',
    'other',
  ])
  assert.deepEqual(warningsIn(undefined), [])
})
