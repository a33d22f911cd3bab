import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { inject } from '../../../../webhook/admission/inject.ts'
import { arrayAt, type JsonObject } from '../../../../webhook/admission/json.ts'
import {
  containerAmounts,
  NO_DEFAULTS,
  podAmounts,
} from '../../../../webhook/admission/pod-resources.ts'
import { NANO } from '../../../../webhook/admission/quantity.ts'
import { INSTALLATION, podTemplate } from '../../../helpers/situation.ts'

const takes = (cores: number, fields: JsonObject = {}): JsonObject => ({
  name: 'web',
  resources: { requests: { cpu: cores } },
  ...fields,
})
const always = { restartPolicy: 'Always' }

suite('the cores that a pod requests', () => {
  // prettier-ignore
  const cases: readonly (readonly [title: string, spec: JsonObject, cores: number])[] = [
    ['its containers together', { containers: [takes(1), takes(2)] }, 3],
    ['the largest init container', { containers: [takes(1)], initContainers: [takes(5), takes(4)] }, 5],
    ['native sidecars beside the containers', { containers: [takes(1)], initContainers: [takes(3, always), takes(2)] }, 5],
    ['native sidecars that start later do not count for earlier ones', { containers: [takes(1)], initContainers: [takes(4), takes(3, always)] }, 4],
    ['its overhead', { containers: [takes(1)], overhead: { cpu: 2 } }, 3],
    ['its own word before all', { containers: [takes(1)], resources: { requests: { cpu: 7 } } }, 7],
    ['a limit where there is no request', { containers: [{ name: 'web', resources: { limits: { cpu: 6 } } }] }, 6],
    ['nothing', { containers: [{ name: 'web' }, null] }, 0],
  ]
  for (const [title, spec, cores] of cases) {
    test(title, () => {
      const amount = podAmounts(podTemplate({}, spec), 'requests').get('cpu') ?? 0n

      assert.equal(amount, BigInt(cores) * NANO)
    })
  }
})

/** Source: ComputePodQOS() in pkg/apis/core/v1/helper/qos. */
function qosClass(template: JsonObject): string {
  const containers = ['containers', 'initContainers'].flatMap((list) =>
    arrayAt(template, 'spec', list),
  )
  const sides = containers.map((container) => ({
    requests: containerAmounts(container, 'requests', NO_DEFAULTS),
    limits: containerAmounts(container, 'limits', NO_DEFAULTS),
  }))
  if (sides.every(({ requests }) => requests.size === 0)) return 'BestEffort'
  const guaranteed = sides.every(({ requests, limits }) =>
    ['cpu', 'memory'].every((name) => limits.has(name) && limits.get(name) === requests.get(name)),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

test('a Guaranteed pod stays Guaranteed, a Burstable one Burstable', () => {
  const size = fc.record({
    cpu: fc.constantFrom('100m', '1'),
    memory: fc.constantFrom('1Gi', '9M'),
  })
  const resources = fc.oneof(
    size.map((limits) => ({ limits })),
    size.map((requests) => ({ requests })),
    size.map((both) => ({ limits: both, requests: both })),
  )
  fc.assert(
    fc.property(fc.array(resources, { minLength: 1 }), fc.boolean(), (list, native) => {
      const containers = list.map((each) => ({ name: 'web', resources: each }))
      const template = podTemplate({}, { containers })

      const injected = inject(template, { ...INSTALLATION.sidecar, native })

      assert.equal(qosClass(injected), qosClass(template))
    }),
  )
})

test('a BestEffort pod becomes Burstable: it is evicted later than before', () => {
  const injected = inject(podTemplate(), INSTALLATION.sidecar)

  assert.deepEqual([podTemplate(), injected].map(qosClass), ['BestEffort', 'Burstable'])
})
