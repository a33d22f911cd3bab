import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { decide } from '../../../../webhook/admission/decide.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { findKind, newWorkload } from '../../../../webhook/admission/workload.ts'
import { essentialTemplate, essentialWorkload } from '../../../../webhook/coverage/essentials.ts'
import { carriedBy, expectedAtRestart } from '../../../../webhook/coverage/judge.ts'
import { arbitraryTemplate } from '../../../helpers/arbitrary-template.ts'
import { injected } from '../../../helpers/covered.ts'
import { limitRangeOf, podTemplate, quotaOf, situation } from '../../../helpers/situation.ts'

const DEPLOYMENT = findKind('apps/v1', 'Deployment')!
const limits = {
  quotas: [quotaOf({ 'requests.cpu': '1', 'limits.memory': '1Gi' }, { 'requests.cpu': '700m' })],
  limitRanges: [limitRangeOf({ type: 'Pod', max: { cpu: '2' } })],
}

test('of any template the essentials are decided on as the whole is', () => {
  fc.assert(
    fc.property(arbitraryTemplate, fc.boolean(), (bare, withSidecar) => {
      const template = withSidecar ? injected(bare) : bare
      const whole = deployment(template)
      const essential = essentialWorkload(DEPLOYMENT, whole)

      assert.deepEqual(look(essential), look(whole))
    }),
    { numRuns: 500 },
  )
})

test('what runs in containers is left out, and what decisions read stays', () => {
  const template = injected({
    metadata: {
      labels: { run: 'sensor' },
      annotations: { 'podtap.dev/vni': '7', 'example.com/long': 'x'.repeat(1000) },
      managedFields: [{}],
    },
    spec: {
      nodeName: 'a',
      hostNetwork: true,
      containers: [
        {
          name: 'web',
          image: 'web:1',
          env: [{ name: 'A', value: 'x'.repeat(1000) }],
          ports: [{ containerPort: 14789 }],
          resources: { requests: { cpu: '1' } },
        },
      ],
      volumes: [{ name: 'data', configMap: { name: 'x' } }],
    },
  })

  const essential = essentialTemplate(template)

  assert.ok(JSON.stringify(essential).length < 1500, JSON.stringify(essential))
  assert.deepEqual(carriedBy(essential), carriedBy(template))
  assert.deepEqual((essential['spec'] as JsonObject)['volumes'], [
    { name: 'data' },
    (template['spec'] as { volumes: unknown[] }).volumes[1],
  ])
  assert.deepEqual(((essential['spec'] as JsonObject)['containers'] as unknown[])[0], {
    name: 'web',
    ports: [{ containerPort: 14789 }],
    resources: { requests: { cpu: '1' } },
  })
})

test('an essential workload says what it is and how it rolls', () => {
  const metadata = { name: 'web', namespace: 'shop', managedFields: [{}], annotations: { a: 'b' } }
  const spec = { replicas: 3, paused: true, template: podTemplate() }

  const essential = essentialWorkload(DEPLOYMENT, { metadata, spec, status: { replicas: 3 } })

  assert.deepEqual(essential, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', annotations: {} },
    spec: {
      ...spec,
      template: {
        metadata: { labels: { app: 'web' }, annotations: {} },
        spec: { containers: [{ name: 'web' }] },
      },
    },
    status: { replicas: 3 },
  })
})

function deployment(template: JsonObject): JsonObject {
  const metadata = { name: 'web', namespace: 'shop' }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 1, template } }
}

function look(object: JsonObject): unknown {
  const workload = newWorkload(DEPLOYMENT, object)
  const asked = situation({ workload, cluster: { limits } })
  const { action, reason, detail } = decide(asked)
  return { action, reason, detail, expected: expectedAtRestart(asked) }
}
