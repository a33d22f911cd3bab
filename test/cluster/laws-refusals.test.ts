/** What is not injected, or only with a remark, and what people read about it in their terminal. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { JsonObject } from '../../webhook/admission/json.ts'
import {
  closeNamespaces,
  look,
  openNamespace,
  submit,
  template,
  warnings,
  workload,
} from '../helpers/cluster-laws.ts'
import { installPodtap, kubectl, until } from '../helpers/cluster.ts'

const NS = 'podtap-refusals'
const LIMITED = 'podtap-limited'
const CREATE = ['create', '-f', '-'] as const
const no = (name: string, rest: string): string => `podtap: no change to deployment/${name} ${rest}`
const notAnnotated = (name: string): string => no(name, '(bad-annotation)')
const added = (name: string): string => `podtap: sidecar added to ${name}`

interface Case {
  readonly title: string
  readonly object: JsonObject
  readonly says: readonly string[]
  readonly injected?: boolean
}

const bad = (name: string, annotations: JsonObject): JsonObject =>
  workload(`Deployment/${name}`, { of: template(annotations) })

// One line a case.
// prettier-ignore
const CASES: readonly Case[] = [
  { title: 'hostNetwork', object: workload('Deployment/host', { of: template({}, { hostNetwork: true }) }), says: [no('host', '(host-network): its pods use the network of their node (hostNetwork)')] },
  { title: 'an opt-out', object: bad('out', { 'podtap.dev/inject': 'disabled' }), says: [no('out', '(opted-out): podtap.dev/inject is disabled on the pod template')] },
  { title: 'a bad VNI', object: bad('vni', { 'podtap.dev/vni': '16777216' }), says: [notAnnotated('vni'), 'podtap: podtap.dev/vni: expected an integer 0…16777215 or 0x0…0xffffff, received "16777216"'] },
  { title: 'a bad word', object: bad('word', { 'podtap.dev/inject': 'yes' }), says: [no('word', '(bad-annotation): podtap.dev/inject: expected enabled or disabled, received "yes"')] },
  { title: 'a filter that libpcap does not compile', object: bad('filter', { 'podtap.dev/filter': 'tcp prot 80' }), says: [notAnnotated('filter'), `podtap: podtap.dev/filter: filter "tcp prot 80": expected a pcap-filter expression: can't parse filter expression: synt…`] },
  { title: 'an unknown annotation', object: bad('unknown', { 'podtap.dev/vnii': '7' }), says: [added('deployment/unknown'), 'podtap: unknown annotation on the pod template, ignored: podtap.dev/vnii'], injected: true },
  { title: 'an annotation in the wrong place', object: workload('Deployment/misplaced', { metadata: { annotations: { 'podtap.dev/vni': '7' } } }), says: [added('deployment/misplaced'), 'podtap: podtap.dev/vni has no effect on a Deployment; it belongs in spec.template.metadata.annotations'], injected: true },
  { title: 'a paused rollout', object: workload('Deployment/paused', { spec: { paused: true } }), says: [added('deployment/paused'), 'podtap: the rollout is paused: pods change after kubectl rollout resume'], injected: true },
  { title: 'OnDelete', object: workload('StatefulSet/ondelete', { spec: { updateStrategy: { type: 'OnDelete' } } }), says: [added('statefulset/ondelete'), 'podtap: updateStrategy OnDelete: each pod changes when it is deleted'], injected: true },
  { title: 'a partition', object: workload('StatefulSet/partition', { spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } } }), says: [added('statefulset/partition'), 'podtap: updateStrategy partition 2: pods below it do not change'], injected: true },
  { title: 'a container of the same name', object: workload('Deployment/taken', { of: template({}, { containers: [{ name: 'podtap', image: 'podtap/example:0.1.0' }] }) }), says: [no('taken', '(name-taken): the name podtap is taken in the pod template')] },
  { title: 'YAML and braces in a value', object: bad('yaml', { 'podtap.dev/vni': '{a: [1, 2], <<: *x}' }), says: [notAnnotated('yaml'), 'podtap: podtap.dev/vni: expected an integer 0…16777215 or 0x0…0xffffff, received "{a: [1, 2], <<: *x}"'] },
  { title: 'control characters in a value', object: bad('control', { 'podtap.dev/filter': 'tcp\u0000\u001b[31m\nport 80' }), says: [notAnnotated('control'), String.raw`podtap: podtap.dev/filter: expected a pcap-filter expression in one line, without $, received "tcp\u0000\u001b[31m\npor…`] },
  { title: 'a value of 200,000 characters', object: bad('huge', { 'podtap.dev/sensor': 'x'.repeat(200_000) }), says: [notAnnotated('huge'), `podtap: podtap.dev/sensor: expected a sensor as name or namespace/name, received "${'x'.repeat(37)}…`] },
  { title: 'prototype words as a value', object: bad('proto', { 'podtap.dev/inject': '__proto__', 'podtap.dev/cpu': 'constructor' }), says: [notAnnotated('proto'), 'podtap: podtap.dev/inject: expected enabled or disabled, received "__proto__"'] },
  { title: 'a forged status', object: bad('forged', { 'podtap.dev/status': '{"containers":["web"],"created":{"spec":"absent"}}' }), says: [added('deployment/forged')], injected: true },
]

suite('refusals and remarks', { timeout: 60_000 }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS)
  })
  after(() => closeNamespaces(NS))

  for (const { title, object, says, injected = false } of CASES) {
    test(title, async () => {
      const { kind, metadata } = object as { kind: string; metadata: { name: string } }

      const answer = await submit(object, '-n', NS, ...CREATE)

      assert.deepEqual(warnings(answer), says)
      const seen = await look(NS, `${kind.toLowerCase()}/${metadata.name}`)
      assert.equal(seen.volumes.includes('podtap-token'), injected)
      if (!injected) assert.deepEqual(seen.annotations, annotationsOf(object))
    })
  }

  for (const level of ['baseline', 'restricted']) {
    test(`Pod Security ${level}`, async () => {
      const namespace = `${NS}-${level}`
      await openNamespace(namespace, { labels: { 'pod-security.kubernetes.io/enforce': level } })

      const answer = await submit(workload('Deployment/web'), '-n', namespace, ...CREATE)
      const seen = await look(namespace, 'deployment/web')
      await closeNamespaces(namespace)

      const detail = `the namespace enforces Pod Security "${level}", which forbids NET_RAW`
      assert.deepEqual(warnings(answer), [no('web', '(pod-security)'), `podtap: ${detail}`])
      assert.deepEqual(seen.containers, ['web'])
    })
  }
})

const SMALL = { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '10m', memory: '16Mi' } }

suite('limits of a namespace', { timeout: 60_000 }, () => {
  before(() => openNamespace(LIMITED))
  after(() => closeNamespaces(LIMITED))
  const containers = [{ name: 'web', image: 'podtap/example:0.1.0', resources: SMALL }]
  const of = template({}, { containers })
  const limits = {
    LimitRange: { limits: [{ type: 'Container', max: { cpu: '100m' } }] },
    ResourceQuota: { hard: { 'requests.memory': '64Mi' } },
  }
  const says = {
    LimitRange: '(limit-range): LimitRange small: sidecar cpu is above its maximum',
    ResourceQuota: '(quota): ResourceQuota small: no requests.memory is left for the sidecar',
  }
  for (const kind of ['LimitRange', 'ResourceQuota'] as const) {
    test(`a ${kind} that leaves no room for the sidecar`, async () => {
      const limit = { apiVersion: 'v1', kind, metadata: { name: 'small' }, spec: limits[kind] }
      const object = workload('Deployment/web', { of, spec: { replicas: 1 } })
      await submit(limit, '-n', LIMITED, ...CREATE)
      await until(`the webhook to know the ${kind}`, async () => {
        const dry = await submit(object, '-n', LIMITED, ...CREATE, '--dry-run=server')
        return !warnings(dry).includes(added('deployment/web'))
      })

      const answer = await submit(object, '-n', LIMITED, ...CREATE)
      const seen = await look(LIMITED, 'deployment/web')
      await kubectl('-n', LIMITED, 'delete', kind, 'small')
      await kubectl('-n', LIMITED, 'delete', 'deployment/web')

      assert.deepEqual(warnings(answer), [no('web', says[kind])])
      assert.deepEqual(seen.containers, ['web'])
    })
  }
})

/** The annotations that a manifest gives to its template. */
function annotationsOf(object: JsonObject): unknown {
  const { spec } = object as { spec: { template: { metadata: { annotations: unknown } } } }
  return spec.template.metadata.annotations
}
