import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { planAttachment, type AttachRequest } from '../../../../cli/attach/plan-attachment.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { pod } from '../../../helpers/covered.ts'
import { clientOf } from '../../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore, type StoredObject } from '../../../helpers/kube-store.ts'
import { podTemplate } from '../../../helpers/situation.ts'

const POD_ADDRESS = '10.0.0.9'

suite('what is attached to a pod', { timeout: 20_000 }, () => {
  let api: KubeStore
  before(async () => {
    api = await startKubeStore()
    const metadata = { name: 'shop', annotations: { 'podtap.dev/vni': '7' } }
    api.put('/api/v1/namespaces/shop', { metadata })
    put(pod('web', podTemplate({ 'podtap.dev/cpu': '500m' }), { status: { podIP: POD_ADDRESS } }))
    put(pod('done', podTemplate(), { status: { phase: 'Succeeded' } }))
    put(pod('broken', podTemplate({ 'podtap.dev/filter': 'tcp prot 80' })))
  })
  after(() => api.stop())

  test('is the sidecar of the webhook: annotations of namespace and pod, then the options', async () => {
    const override = { sensor: '192.0.2.1', vni: 9, interfaceName: 'net1' }
    const { settings, sensor, unseen } = await plan('web', { override })

    assert.deepEqual(
      [settings.vni, settings.cpu, settings.interfaceName, settings.sensor],
      [9, '500m', 'net1', '192.0.2.1'],
    )
    assert.deepEqual(sensor, { sensor: '192.0.2.1', description: '192.0.2.1' })
    assert.deepEqual(unseen, [])
  })

  test('where the options say nothing, the annotations do', async () => {
    const { settings } = await plan('web', { override: { sensor: '192.0.2.1' } })

    assert.deepEqual([settings.vni, settings.interfaceName], [7, 'eth0'])
  })

  for (const [what, name, override, expected] of [
    [
      'a pod that is not there',
      'ghost',
      {},
      /^ERR_POD: there is no pod ghost in the namespace shop: see kubectl get pods -n shop$/,
    ],
    ['a pod that has ended', 'done', {}, /^ERR_POD: pod done: it does not run \(Succeeded\)$/],
    [
      'a filter that does not compile, by option',
      'web',
      { filter: 'tcp prot 80' },
      /^ERR_CONFIG: .*syntax error/,
    ],
    [
      'a filter that does not compile, by annotation',
      'broken',
      {},
      /^ERR_POD: podtap\.dev\/filter: .*syntax error/,
    ],
    [
      'the pod as its own sensor',
      'web',
      { sensor: POD_ADDRESS },
      /^ERR_SENSOR: 10\.0\.0\.9 is the pod itself: name another sensor with --sensor$/,
    ],
    [
      'a search that finds no sensor',
      'web',
      {},
      /^ERR_SENSOR: no sensor: no pod has the label run=sensor in the namespace podtap-sensor; /,
    ],
  ] as const) {
    test(`${what} is refused, and why`, async () => {
      const refusal = await plan(name, { override }).then(
        () => 'nothing',
        (error: unknown) => error as { readonly code: string; readonly message: string },
      )

      assert.notEqual(refusal, 'nothing')
      const { code, message } = refusal as { readonly code: string; readonly message: string }
      assert.match(`${code}: ${message}`, expected)
    })
  }

  function put(object: JsonObject): void {
    const stored = object as unknown as StoredObject
    api.put(`/api/v1/namespaces/shop/pods/${stored.metadata.name}`, stored)
  }

  function plan(name: string, { override }: Pick<AttachRequest, 'override'>) {
    return planAttachment(clientOf(api), { namespace: 'shop', name, override, force: false })
  }
})
