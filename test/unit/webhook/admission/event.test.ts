import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { admit } from '../../../../webhook/admission/admit.ts'
import { eventFor, type WorkloadEvent } from '../../../../webhook/admission/event.ts'
import { inject } from '../../../../webhook/admission/inject.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import type { NamespaceFacts, Situation } from '../../../../webhook/admission/situation.ts'
import {
  deployment,
  enabledNamespace,
  INSTALLATION,
  podTemplate,
  situation,
  workload,
} from '../../../helpers/situation.ts'

const optOut = { 'podtap.dev/inject': 'disabled' }
const off: NamespaceFacts = { name: 'shop', annotations: {}, labels: {} }
const enforced = enabledNamespace({}, { 'pod-security.kubernetes.io/enforce': 'baseline' })
const of = (object: JsonObject, parts: Partial<Situation> = {}): WorkloadEvent | undefined => {
  const subject = situation({ workload: workload(object), ...parts })
  return eventFor(subject, admit(subject))
}

suite('the event of a decision', () => {
  test('names the workload, the reason and why', () => {
    assert.deepEqual(of(deployment(podTemplate())), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: 'shop',
      name: 'web',
      uid: '',
      reason: 'Injected',
      type: 'Normal',
      message: 'sidecar added to deployment/web (enabled): namespace shop is enabled',
    })
  })

  // prettier-ignore
  const cases: readonly (readonly [title: string, event: WorkloadEvent | undefined, expected: string | undefined])[] = [
    ['an opt-out that removes', of(deployment(inject(podTemplate(optOut), INSTALLATION.sidecar))), 'Normal Removed'],
    ['an opt-out', of(deployment(podTemplate(optOut))), 'Normal NotInjected'],
    ['a bad value', of(deployment(podTemplate({ 'podtap.dev/vni': 'x' }))), 'Warning NotInjected'],
    ['Pod Security', of(deployment(podTemplate()), { namespace: enforced }), 'Warning NotInjected'],
    ['a sidecar that is current', of(deployment(inject(podTemplate(), INSTALLATION.sidecar))), undefined],
    ['a namespace that is not enabled', of(deployment(podTemplate()), { namespace: off }), undefined],
  ]
  for (const [title, event, expected] of cases) {
    test(`of ${title}: ${expected ?? 'none'}`, () => {
      assert.equal(event && `${event.type} ${event.reason}`, expected)
    })
  }

  test('of a pod stands on its controller: it has no name yet', () => {
    const owner = { apiVersion: 'kafka.example.org/v1', kind: 'Kafka', name: 'k', uid: 'u9' }
    const metadata = { generateName: 'k-', ownerReferences: [{ ...owner, controller: true }] }
    const pod = { apiVersion: 'v1', kind: 'Pod', ...podTemplate(), metadata }

    const { apiVersion, kind, name, uid } = of(pod)!

    assert.deepEqual({ apiVersion, kind, name, uid }, owner)
  })
})
