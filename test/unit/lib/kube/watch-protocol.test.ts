import assert from 'node:assert/strict'
import test from 'node:test'
import { parseEvent, parsePage } from '../../../../lib/kube/watch-protocol.ts'

test('a page has objects, a version and perhaps a token', () => {
  const metadata = { resourceVersion: '7', continue: 'next' }

  assert.deepEqual(parsePage('/p', { metadata, items: [{ metadata: { name: 'a' } }] }), {
    objects: [{ metadata: { name: 'a' } }],
    resourceVersion: '7',
    continue: 'next',
  })
})

test('an empty token and missing items are an empty last page', () => {
  const metadata = { resourceVersion: '7', continue: '' }

  assert.deepEqual(parsePage('/p', { metadata, items: null }), {
    objects: [],
    resourceVersion: '7',
    continue: undefined,
  })
})

for (const answer of [
  null,
  'text',
  {},
  { items: [] },
  { metadata: { resourceVersion: '1' }, items: 1 },
]) {
  test(`${JSON.stringify(answer)} is not a list`, () => {
    assert.throws(() => parsePage('/p', answer), {
      code: 'ERR_KUBE_REQUEST',
      message: 'GET /p: expected a list with items and a resourceVersion',
    })
  })
}

test('an event has a type and an object', () => {
  const line = '{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}'

  assert.deepEqual(parseEvent('/p', line), {
    type: 'MODIFIED',
    object: { metadata: { name: 'a' } },
  })
})

test('an error event is thrown with its status and the wait that it asks for', () => {
  const object = { code: 429, message: 'slow down', details: { retryAfterSeconds: 3 } }

  assert.throws(() => parseEvent('/p', JSON.stringify({ type: 'ERROR', object })), {
    message: 'GET /p: the watch ended with 429: slow down',
    status: 429,
    retryAfterMs: 3000,
  })
})

for (const line of ['', 'null', '[]', '{"type":"ADDED"}', '{"type":"RENAMED","object":{}}', '{']) {
  test(`${JSON.stringify(line)} is not an event`, () => {
    assert.throws(() => parseEvent('/p', line), {
      message: `GET /p: expected a watch event, received ${line}`,
    })
  })
}
