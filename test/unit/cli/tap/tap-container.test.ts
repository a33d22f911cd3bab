import assert from 'node:assert/strict'
import test from 'node:test'
import { tapContainer } from '../../../../cli/tap/tap-container.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'

function pod(status: JsonObject): JsonObject {
  return { metadata: { name: 'web' }, status }
}

const running = (name: string): JsonObject => ({ name, state: { running: {} } })
const waiting = (name: string): JsonObject => ({ name, state: { waiting: {} } })

test('the sidecar that runs is taken, classic, native or attached', () => {
  const classic = pod({ containerStatuses: [running('web'), running('podtap')] })
  const native = pod({
    containerStatuses: [running('web')],
    initContainerStatuses: [running('podtap')],
  })
  const attached = pod({
    containerStatuses: [running('web'), waiting('podtap')],
    ephemeralContainerStatuses: [running('podtap-x7f2c')],
  })

  assert.equal(tapContainer(classic), 'podtap')
  assert.equal(tapContainer(native), 'podtap')
  assert.equal(tapContainer(attached), 'podtap-x7f2c')
})

test('a pod without one, or where it does not run, is refused with what to do', () => {
  assert.throws(() => tapContainer(pod({ containerStatuses: [running('podtapper')] })), {
    code: 'ERR_POD',
    message: 'pod web: it has no sidecar: see podtap status for why not',
  })
  assert.throws(() => tapContainer(pod({ containerStatuses: [waiting('podtap')] })), {
    code: 'ERR_POD',
    message: 'pod web: its sidecar does not run: see kubectl describe pod web',
  })
})
