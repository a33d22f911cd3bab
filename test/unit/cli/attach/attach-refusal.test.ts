import assert from 'node:assert/strict'
import test from 'node:test'
import { attachRefusal } from '../../../../cli/attach/attach-refusal.ts'
import { inject } from '../../../../webhook/admission/inject.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import type { NamespaceFacts } from '../../../../webhook/admission/situation.ts'
import { newWorkload, POD } from '../../../../webhook/admission/workload.ts'
import { INSTALLATION } from '../../../helpers/situation.ts'

const RUNNING = { phase: 'Running' }

interface Parts {
  readonly metadata?: JsonObject
  readonly spec?: JsonObject
  readonly status?: JsonObject
}

function pod({ metadata = {}, spec = {}, status = RUNNING }: Parts = {}): JsonObject {
  const containers = [{ name: 'web', image: 'x' }]
  return {
    metadata: { name: 'web-1', namespace: 'shop', ...metadata },
    spec: { containers, ...spec },
    status,
  }
}

function refusal(
  of: JsonObject,
  { force = false, namespace = {} }: Asked = {},
): string | undefined {
  const facts = { name: 'shop', annotations: {}, labels: {}, ...namespace }
  const workload = newWorkload(POD, of)
  const situation = { workload, namespace: facts, installation: INSTALLATION }
  return attachRefusal({ pod: of, situation, force })
}

interface Asked {
  readonly force?: boolean
  readonly namespace?: Partial<NamespaceFacts>
}

test('nothing is known against a pod that runs, whether its namespace is enabled or not', () => {
  assert.equal(refusal(pod()), undefined)
  const enabled = { annotations: { 'podtap.dev/inject': 'enabled' } }
  assert.equal(refusal(pod(), { namespace: enabled }), undefined)
})

test('a pod that does not run, or not for long, is refused', () => {
  assert.equal(refusal(pod({ status: { phase: 'Pending' } })), 'it does not run (Pending)')
  const metadata = { deletionTimestamp: '2026-11-22T12:00:00Z' }
  assert.equal(refusal(pod({ metadata })), 'it is about to end')
})

test('a pod whose frames must not be mirrored, or cannot be, is refused', () => {
  const sensor = { namespace: 'podtap-sensor', labels: { run: 'sensor' } }

  assert.equal(
    refusal(pod({ spec: { hostNetwork: true } })),
    'it uses the network of its node (hostNetwork), whose traffic would all be mirrored',
  )
  assert.equal(refusal(pod({ spec: { os: { name: 'windows' } } })), 'it runs on Windows')
  assert.equal(refusal(pod({ metadata: sensor })), 'it is the sensor itself (run=sensor)')
})

test('a Pod Security level that forbids NET_RAW is a refusal before the API server’s, force or not', () => {
  const namespace = { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } }

  assert.equal(
    refusal(pod(), { namespace, force: true }),
    'the namespace enforces Pod Security "restricted", which forbids NET_RAW',
  )
})

test('a pod that is mirrored already is refused, force or not', () => {
  const injected = { ...inject(pod(), INSTALLATION.sidecar), status: RUNNING }
  const attached = withAttached({ running: {} })

  assert.equal(refusal(injected, { force: true }), 'it is mirrored already, by its sidecar')
  assert.equal(
    refusal(attached, { force: true }),
    'it is mirrored already, by its container podtap-x7f2c that was attached',
  )
  assert.equal(refusal(withAttached({ terminated: { exitCode: 0 } })), undefined)
})

test('one that was attached and does not start is a refusal unless forced', () => {
  const attached = withAttached({ waiting: { reason: 'ImagePullBackOff' } })

  assert.equal(
    refusal(attached),
    'its container podtap-x7f2c was attached already and has not started; --force adds another',
  )
  assert.equal(refusal(attached, { force: true }), undefined)
})

test('a pod that is opted out, itself or by its namespace, is refused unless forced', () => {
  const annotations = { 'podtap.dev/inject': 'disabled' }
  const optedOut = pod({ metadata: { annotations } })

  assert.equal(
    refusal(optedOut),
    'it is opted out (podtap.dev/inject is disabled on it); --force does it nevertheless',
  )
  assert.equal(
    refusal(pod(), { namespace: { annotations } }),
    'its namespace is opted out (podtap.dev/inject is disabled there); --force does it nevertheless',
  )
  assert.equal(refusal(optedOut, { force: true }), undefined)
})

test('an annotation that cannot be read is a refusal: it could be a filter', () => {
  const annotations = { 'podtap.dev/vni': 'blue' }

  assert.equal(
    refusal(pod({ metadata: { annotations } })),
    'podtap.dev/vni: expected an integer 0…16777215 or 0x0…0xffffff, received "blue"',
  )
})

function withAttached(state: JsonObject): JsonObject {
  const ephemeralContainerStatuses = [{ name: 'podtap-x7f2c', state }]
  const spec = { ephemeralContainers: [{ name: 'podtap-x7f2c' }] }
  return pod({ spec, status: { ...RUNNING, ephemeralContainerStatuses } })
}
