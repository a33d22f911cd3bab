import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { revisionOf } from '../../../../webhook/admission/consent.ts'
import { decide } from '../../../../webhook/admission/decide.ts'
import { inject } from '../../../../webhook/admission/inject.ts'
import { valueAt, type JsonObject } from '../../../../webhook/admission/json.ts'
import type { Installation } from '../../../../webhook/admission/settings.ts'
import type {
  ClusterFacts,
  NamespaceFacts,
  Revision,
} from '../../../../webhook/admission/situation.ts'
import type { Change } from '../../../../webhook/admission/workload.ts'
import {
  deployment,
  enabledNamespace,
  INSTALLATION,
  limitRangeOf,
  podTemplate,
  quotaOf,
  situation,
  workload,
} from '../../../helpers/situation.ts'

interface Case {
  readonly title: string
  readonly object: JsonObject
  readonly old?: JsonObject
  readonly namespace?: NamespaceFacts | undefined
  readonly in?: string
  readonly change?: Change
  readonly cluster?: ClusterFacts
  readonly installation?: Installation
  /** `action reason` */
  readonly expected: string
}

const plain = podTemplate()
const injected = inject(plain, INSTALLATION.sidecar)
const web = deployment(plain)
const webInjected = deployment(injected)
const namespaceOf = (annotations: Record<string, string>): NamespaceFacts => {
  return { name: 'shop', annotations, labels: {} }
}
const enforcing = (level: string): NamespaceFacts =>
  enabledNamespace({}, { 'pod-security.kubernetes.io/enforce': level })
const optOut = { 'podtap.dev/inject': 'disabled' }
const restart = (second: number): JsonObject => ({
  'kubectl.kubernetes.io/restartedAt': `2026-11-22T06:00:0${second}Z`,
})
const restarted = (second: number): JsonObject => deployment(podTemplate(restart(second)))
const injectedAt = (second: number, image = 'podtap/sidecar:0.1.0'): JsonObject =>
  deployment(inject(podTemplate(restart(second)), { ...INSTALLATION.sidecar, image }))
const owned = (kind: string, controller = true, apiVersion = 'x/v1'): JsonObject => ({
  name: 'web',
  ownerReferences: [{ apiVersion, kind, name: 'owner', controller }],
})
const native = { ...INSTALLATION, sidecar: { ...INSTALLATION.sidecar, native: true } }
const job = (metadata: JsonObject = { name: 'web' }): JsonObject => ({
  ...deployment(plain, { metadata }),
  apiVersion: 'batch/v1',
  kind: 'Job',
})
const revision = (object: JsonObject): Revision =>
  revisionOf(valueAt(object, 'spec', 'template') as JsonObject)
const byUndo: Change = { uid: 'u1', fieldManager: '', isManifest: false }
const bySet: Change = { ...byUndo, fieldManager: 'kubectl-set' }
const byReplace: Change = { uid: 'u1', fieldManager: 'kubectl-replace', isManifest: true }
const image = (tag: string): JsonObject =>
  podTemplate({}, { containers: [{ name: 'web', image: tag }] })
const bare = (
  kind: string,
  apiVersion: string,
  metadata: JsonObject = { name: 'web' },
): JsonObject => ({
  apiVersion,
  kind,
  ...plain,
  metadata,
})

// One line a case.
// prettier-ignore
const CASES: readonly Case[] = [
  // who says yes or no
  { title: 'enabled namespace', object: web, expected: 'inject enabled' },
  { title: 'the word true', object: web, namespace: namespaceOf({ 'podtap.dev/inject': 'true' }), expected: 'inject enabled' },
  { title: 'no annotation', object: web, namespace: namespaceOf({}), expected: 'leave not-enabled' },
  { title: 'disabled namespace', object: web, namespace: namespaceOf({ 'podtap.dev/inject': 'disabled' }), expected: 'leave not-enabled' },
  { title: 'a template cannot enable itself', object: deployment(podTemplate({ 'podtap.dev/inject': 'enabled' })), namespace: namespaceOf({}), expected: 'leave not-enabled' },
  { title: 'a namespace that could not be read', object: web, namespace: undefined, expected: 'leave namespace-unknown' },
  { title: 'opted out', object: deployment(podTemplate(optOut)), expected: 'leave opted-out' },
  { title: 'opted out by false', object: deployment(podTemplate({ 'podtap.dev/inject': 'false' })), expected: 'leave opted-out' },
  { title: 'opted out with a sidecar', object: deployment(inject(podTemplate(optOut), INSTALLATION.sidecar)), expected: 'remove opted-out' },
  { title: 'no longer enabled, restarted', object: injectedAt(2), old: injectedAt(1), namespace: namespaceOf({}), expected: 'remove not-enabled' },
  // bad values
  { title: 'a bad word on the template', object: deployment(podTemplate({ 'podtap.dev/inject': 'yes' })), expected: 'leave bad-annotation' },
  { title: 'a bad word on the namespace', object: web, namespace: namespaceOf({ 'podtap.dev/inject': 'Enabled' }), expected: 'leave bad-annotation' },
  { title: 'a bad VNI on the namespace', object: web, namespace: enabledNamespace({ 'podtap.dev/vni': '16777216' }), expected: 'leave bad-annotation' },
  { title: 'a bad VNI that the template replaces', object: deployment(podTemplate({ 'podtap.dev/vni': '7' })), namespace: enabledNamespace({ 'podtap.dev/vni': 'x' }), expected: 'inject enabled' },
  { title: 'a bad value where nothing is enabled', object: deployment(podTemplate({ 'podtap.dev/vni': 'x' })), namespace: namespaceOf({}), expected: 'leave not-enabled' },
  { title: 'a bad value beside a sidecar', object: deployment(inject(podTemplate({ 'podtap.dev/cpu': '0' }), INSTALLATION.sidecar)), expected: 'remove bad-annotation' },
  // consent
  { title: 'scaled without a sidecar', object: deployment(plain, { spec: { replicas: 9, template: plain } }), old: web, expected: 'leave template-unchanged' },
  { title: 'scaled with a sidecar', object: deployment(injected, { spec: { replicas: 9, template: injected } }), old: webInjected, expected: 'leave template-unchanged' },
  { title: 'scaled while opted out by the namespace', object: webInjected, old: webInjected, namespace: namespaceOf({}), expected: 'leave template-unchanged' },
  { title: 'only the sidecar was edited', object: injectedAt(1, 'podtap/sidecar:0.2.0'), old: injectedAt(1), expected: 'leave template-unchanged' },
  { title: 'a sidecar added by hand', object: webInjected, old: web, expected: 'leave template-unchanged' },
  { title: 'restarted', object: restarted(1), old: web, expected: 'inject enabled' },
  { title: 'restarted again', object: injectedAt(2), old: injectedAt(1), expected: 'inject enabled' },
  { title: 'another image', object: deployment(podTemplate({}, { containers: [{ name: 'web', image: 'web:2' }] })), old: web, expected: 'inject enabled' },
  { title: 'a PUT that drops the sidecar', object: web, old: webInjected, expected: 'restore enabled' },
  { title: 'rolled back to before the restart', object: web, old: injectedAt(1), expected: 'leave rolled-back' },
  { title: 'rolled back to an earlier restart', object: restarted(1), old: injectedAt(2), expected: 'leave rolled-back' },
  { title: 'restarted at no readable time', object: deployment(podTemplate({ 'kubectl.kubernetes.io/restartedAt': 'now' })), old: restarted(1), expected: 'inject enabled' },
  // consent, where the stored revisions are known
  { title: 'undone to a revision without the sidecar', object: web, old: injectedAt(1), change: byUndo, cluster: { revisions: [revision(web), revision(injectedAt(1))] }, expected: 'leave rolled-back' },
  { title: 'undone to a revision with an older sidecar', object: injectedAt(1, 'podtap/sidecar:0.0.9'), old: injectedAt(2), change: byUndo, cluster: { revisions: [revision(injectedAt(1)), revision(injectedAt(2))] }, expected: 'leave rolled-back' },
  { title: 'undone, neither having the sidecar', object: web, old: restarted(1), change: byUndo, cluster: { revisions: [revision(web)] }, expected: 'leave rolled-back' },
  { title: 'an older image set again', object: deployment(image('web:1')), old: deployment(image('web:2')), change: bySet, cluster: { revisions: [revision(deployment(image('web:1')))] }, expected: 'inject enabled' },
  { title: 'an older image set again beside a sidecar', object: deployment(inject(image('web:1'), INSTALLATION.sidecar)), old: deployment(inject(image('web:2'), INSTALLATION.sidecar)), change: bySet, cluster: { revisions: [revision(deployment(inject(image('web:1'), INSTALLATION.sidecar)))] }, expected: 'inject enabled' },
  { title: 'a manifest put in place that equals a revision without the sidecar', object: web, old: injectedAt(1), change: byReplace, cluster: { revisions: [revision(web)] }, expected: 'inject enabled' },
  { title: 'the sidecar dropped, and an older revision like it', object: web, old: webInjected, change: byUndo, cluster: { revisions: [revision(web)] }, expected: 'restore enabled' },
  { title: 'the restart gone, and no revision like it', object: deployment(image('web:3')), old: injectedAt(1), change: byUndo, cluster: { revisions: [revision(web)] }, expected: 'inject enabled' },
  { title: 'a revision like it that had the sidecar', object: web, old: injectedAt(1), change: byUndo, cluster: { revisions: [revision(webInjected)] }, expected: 'inject enabled' },
  { title: 'the restart gone, and no revision seen yet', object: web, old: injectedAt(1), change: byUndo, cluster: { revisions: [] }, expected: 'leave rolled-back' },
  { title: 'the restart gone by a manifest, the revisions unknown', object: web, old: injectedAt(1), change: byReplace, expected: 'inject enabled' },
  { title: 'the sidecar dropped while the namespace is off', object: web, old: webInjected, namespace: namespaceOf({}), expected: 'leave not-enabled' },
  // whose business it is
  { title: 'kube-system', object: web, in: 'kube-system', expected: 'leave system-namespace' },
  { title: 'podtap itself', object: web, in: 'podtap', expected: 'leave system-namespace' },
  { title: 'owned by an operator', object: deployment(plain, { metadata: owned('Kafka') }), expected: 'leave operator-owned' },
  { title: 'owned without being controlled', object: deployment(plain, { metadata: owned('Kafka', false) }), expected: 'inject enabled' },
  { title: 'a Job of a CronJob', object: job(owned('CronJob', true, 'batch/v1')), expected: 'leave owned-by-workload' },
  { title: 'a Job of an operator', object: job(owned('JobSet')), installation: native, expected: 'leave operator-owned' },
  { title: 'a pod of a ReplicaSet', object: bare('Pod', 'v1', owned('ReplicaSet', true, 'apps/v1')), expected: 'leave owned-by-workload' },
  { title: 'a pod of an operator’s Deployment', object: bare('Pod', 'v1', owned('ReplicaSet', true, 'apps/v1')), cluster: { templateHandled: false }, expected: 'inject enabled' },
  { title: 'a pod of another group’s StatefulSet', object: bare('Pod', 'v1', owned('StatefulSet', true, 'apps.kruise.io/v1beta1')), expected: 'inject enabled' },
  { title: 'a pod of a ReplicationController', object: bare('Pod', 'v1', owned('ReplicationController', true, 'v1')), expected: 'inject enabled' },
  { title: 'a static pod', object: bare('Pod', 'v1', { name: 'web', annotations: { 'kubernetes.io/config.mirror': 'a1' } }), expected: 'leave static-pod' },
  { title: 'a pod of an operator', object: bare('Pod', 'v1', owned('Kafka')), expected: 'inject enabled' },
  { title: 'a bare pod', object: bare('Pod', 'v1'), expected: 'inject enabled' },
  // the other kinds
  { title: 'a StatefulSet', object: { ...web, kind: 'StatefulSet' }, expected: 'inject enabled' },
  { title: 'a DaemonSet', object: { ...web, kind: 'DaemonSet' }, expected: 'inject enabled' },
  { title: 'a Job', object: job(), expected: 'leave never-ends' },
  { title: 'a Job with native sidecars', object: job(), installation: native, expected: 'inject enabled' },
  { title: 'a pod that ends', object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { restartPolicy: 'Never', containers: [{ name: 'web' }] } }, expected: 'leave never-ends' },
  { title: 'a pod that ends, with native sidecars', object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { restartPolicy: 'Never', containers: [{ name: 'web' }] } }, installation: native, expected: 'inject enabled' },
  { title: 'a CronJob', object: { ...web, apiVersion: 'batch/v1', kind: 'CronJob', spec: { jobTemplate: { spec: { template: plain } } } }, expected: 'leave never-ends' },
  // what could not work
  { title: 'the sensor', object: deployment({ ...plain, metadata: { labels: { run: 'sensor' } } }), in: 'podtap-sensor', expected: 'leave is-sensor' },
  { title: 'the label of the sensor elsewhere', object: deployment({ ...plain, metadata: { labels: { run: 'sensor' } } }), expected: 'inject enabled' },
  { title: 'hostNetwork', object: deployment(podTemplate({}, { hostNetwork: true })), expected: 'leave host-network' },
  { title: 'Windows by os', object: deployment(podTemplate({}, { os: { name: 'windows' } })), expected: 'leave windows' },
  { title: 'Windows by node selector', object: deployment(podTemplate({}, { nodeSelector: { 'kubernetes.io/os': 'windows' } })), expected: 'leave windows' },
  { title: 'Pod Security restricted', object: web, namespace: enforcing('restricted'), expected: 'leave pod-security' },
  { title: 'Pod Security baseline', object: web, namespace: enforcing('baseline'), expected: 'leave pod-security' },
  { title: 'Pod Security privileged', object: web, namespace: enforcing('privileged'), expected: 'inject enabled' },
  { title: 'a container of the same name', object: deployment(podTemplate({}, { containers: [{ name: 'podtap' }] })), expected: 'leave name-taken' },
  { title: 'a volume of the same name', object: deployment(podTemplate({}, { volumes: [{ name: 'podtap-token', emptyDir: {} }] })), expected: 'leave name-taken' },
  { title: 'a filter that does not compile', object: deployment(podTemplate({ 'podtap.dev/filter': 'porst 80' })), cluster: { filterProblem: 'filter "porst 80": syntax error' }, expected: 'leave bad-annotation' },
  { title: 'a pod whose own requests are used up', object: deployment(podTemplate({}, { resources: { requests: { cpu: '100m' } } })), expected: 'leave pod-resources' },
  { title: 'a pod whose own requests leave room', object: deployment(podTemplate({}, { resources: { requests: { cpu: '1' } } })), expected: 'inject enabled' },
  { title: 'a LimitRange below the sidecar', object: web, cluster: { limits: { limitRanges: [limitRangeOf({ type: 'Container', max: { cpu: '200m' } })], quotas: [] } }, expected: 'leave limit-range' },
  { title: 'a quota that is used up', object: web, cluster: { limits: { limitRanges: [], quotas: [quotaOf({ 'limits.memory': '256Mi' })] } }, expected: 'leave quota' },
  // odd shapes
  { title: 'no template', object: deployment(undefined), expected: 'leave unreadable-template' },
  { title: 'a template that is text', object: deployment('x'), expected: 'leave unreadable-template' },
  { title: 'no spec', object: deployment({}), expected: 'leave unreadable-template' },
  { title: 'null containers', object: deployment(podTemplate({}, { containers: null })), expected: 'leave unreadable-template' },
  { title: 'containers that are an object', object: deployment(podTemplate({}, { containers: { a: 1 } })), expected: 'leave unreadable-template' },
  { title: 'volumes that are text', object: deployment(podTemplate({}, { volumes: 'x' })), expected: 'leave unreadable-template' },
  { title: 'annotations that are an array', object: deployment({ ...plain, metadata: { annotations: [] } }), expected: 'leave unreadable-template' },
  { title: 'null metadata and volumes', object: deployment({ ...podTemplate({}, { volumes: null, initContainers: null }), metadata: null }), expected: 'inject enabled' },
  { title: 'null elements', object: deployment(podTemplate({}, { containers: [null, 1, 'x'], volumes: [null] })), expected: 'inject enabled' },
]

suite('the decision', () => {
  for (const { title, object, old, expected, ...rest } of CASES) {
    test(`${title}: ${expected}`, () => {
      const { in: name, change, ...surroundings } = rest
      const subject = { ...workload(object, old), change, ...(name && { namespace: name }) }

      const { action, reason } = decide(situation({ workload: subject, ...surroundings }))

      assert.equal(`${action} ${reason}`, expected)
    })
  }
})

test('overrides of the namespace and the template meet in the settings, the template winning', () => {
  const template = podTemplate({ 'podtap.dev/vni': '0x2a', 'podtap.dev/filter': 'port 80' })
  const namespace = enabledNamespace({
    'podtap.dev/vni': '7',
    'podtap.dev/sensor': 'security/zeek',
    'podtap.dev/memory': '0.5Gi',
  })

  const decision = decide(situation({ workload: workload(deployment(template)), namespace }))

  assert.deepEqual(decision, {
    action: 'inject',
    reason: 'enabled',
    detail: 'namespace shop is enabled',
    settings: {
      ...INSTALLATION.sidecar,
      sensor: 'zeek',
      sensorNamespace: 'security',
      vni: 42,
      filter: 'port 80',
      memory: '512Mi',
    },
  })
})
