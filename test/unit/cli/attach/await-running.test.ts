import assert from 'node:assert/strict'
import test from 'node:test'
import { awaitRunning } from '../../../../cli/attach/await-running.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'

const LIMIT = { timeout: 10_000 }

/** Waits for a container that goes through `states`, and stays in the last. */
function waitFor(states: readonly JsonObject[], timeoutMs = 5000) {
  const lines: string[] = []
  let looks = 0
  const waiting = awaitRunning({
    name: 'podtap-x',
    readPod: () => {
      const state = states[Math.min(looks, states.length - 1)]
      looks += 1
      const ephemeralContainerStatuses = [{ name: 'podtap-x', state }]
      return Promise.resolve({ status: { ephemeralContainerStatuses } })
    },
    timeoutMs,
    report: (line) => void lines.push(line),
    signal: new AbortController().signal,
  })
  return { waiting, lines }
}

const creating = { waiting: { reason: 'ContainerCreating' } }
const failing = { waiting: { reason: 'ErrImagePull', message: 'no such image' } }
const ended = { terminated: { exitCode: 2, message: 'first\nVNI: expected …\n' } }

test('each reason for waiting is said once, until it runs', LIMIT, async () => {
  const { waiting, lines } = waitFor([creating, creating, failing, { running: {} }])

  await waiting

  assert.deepEqual(lines, [
    'waiting for podtap-x: ContainerCreating',
    'waiting for podtap-x: ErrImagePull: no such image',
  ])
})

test('one that ends as soon as it runs is an error with its last words', LIMIT, async () => {
  const { waiting } = waitFor([{ running: {} }, ended])

  await assert.rejects(waiting, {
    code: 'ERR_POD',
    message: 'its container podtap-x ended with status 2: VNI: expected …',
  })
})

test('one that does not start in time is an error with the reason', LIMIT, async () => {
  const { waiting } = waitFor([failing], 0)

  await assert.rejects(waiting, {
    code: 'ERR_POD',
    message:
      'its container podtap-x does not run after 0 s: ErrImagePull: no such image; ' +
      'it stays in the pod and begins when it can',
  })
})
