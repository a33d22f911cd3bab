import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { generate } from 'selfsigned'
import { KubeClient } from '../../../../lib/kube/client.ts'
import {
  json,
  reset,
  silence,
  startKubeServer,
  status,
  watch,
  type KubeServer,
} from '../../../helpers/kube-server.ts'

const LIMIT = { timeout: 5000 }

function clientOf(server: KubeServer, authorization?: string): KubeClient {
  return new KubeClient({
    server: server.url,
    read: () => Promise.resolve({ authorization, tls: {} }),
  })
}

test('requests share one connection and carry the credentials', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(json(200, { kind: 'Pod' }))
  const client = clientOf(server, 'Bearer secret')

  const first = await client.request('/api/v1/pods/a')
  await client.request('/api/v1/pods', { query: { limit: 5, continue: undefined } })

  assert.deepEqual(first, { kind: 'Pod' })
  assert.deepEqual(server.requests, ['GET /api/v1/pods/a', 'GET /api/v1/pods?limit=5'])
  assert.deepEqual(server.authorizations, ['Bearer secret', 'Bearer secret'])
  assert.equal(server.connections, 1)
})

test('a body is sent as JSON of the given media type', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  const received: string[] = []
  server.script((response, request) => {
    received.push(request.headers['content-type'] ?? '')
    request.on('data', (chunk: Buffer) => received.push(chunk.toString()))
    request.on('end', () => response.end('{}'))
  })

  await clientOf(server).request('/x', {
    method: 'PATCH',
    body: [{ op: 'remove', path: '/a' }],
    contentType: 'application/json-patch+json',
  })

  assert.deepEqual(server.requests, ['PATCH /x'])
  assert.deepEqual(received, ['application/json-patch+json', '[{"op":"remove","path":"/a"}]'])
})

test('an error says what was asked and what the API said, without the token', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(status(403, 'pods is forbidden'))

  await assert.rejects(clientOf(server, 'Bearer secret').request('/api/v1/pods'), {
    code: 'ERR_KUBE_REQUEST',
    status: 403,
    message: 'GET /api/v1/pods: the Kubernetes API answered 403: pods is forbidden',
  })
})

test('401 is a matter of credentials', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(status(401, 'Unauthorized'))

  await assert.rejects(clientOf(server).request('/x'), { code: 'ERR_KUBE_AUTH', status: 401 })
})

test('an answer of a proxy is shown as far as it is short', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(
    (response) => {
      response.writeHead(502).end('<html>Bad Gateway</html>')
    },
    (response) => {
      response.end('<html>')
    },
  )
  const client = clientOf(server)

  await assert.rejects(client.request('/x'), {
    message: 'GET /x: the Kubernetes API answered 502: <html>Bad Gateway</html>',
  })
  await assert.rejects(client.request('/x'), {
    message: 'GET /x: expected JSON from the Kubernetes API, received "<html>"',
  })
})

test('a server that does not answer is given up after the deadline', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(silence)

  await assert.rejects(clientOf(server).request('/x', { timeoutMs: 20 }), {
    code: 'ERR_KUBE_REQUEST',
    message: `GET /x: no answer from the Kubernetes API at ${server.url}: no answer within 20 ms`,
  })
})

test('an abort ends a request with its reason', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(silence)
  const abort = new AbortController()

  const request = clientOf(server).request('/x', { signal: abort.signal })
  await server.requested(1)
  abort.abort('enough')

  await assert.rejects(request, (thrown) => thrown === 'enough')
})

test('a kept connection that the server has closed is replaced for a GET', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(json(200, 1), reset, json(200, 2))
  const client = clientOf(server)

  assert.deepEqual([await client.request('/x'), await client.request('/x')], [1, 2])
  assert.deepEqual(server.requests, ['GET /x', 'GET /x', 'GET /x'])
})

test('a change is never sent twice', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(json(200, 1), reset, json(200, 2))
  const client = clientOf(server)

  await client.request('/x')

  await assert.rejects(client.request('/x', { method: 'POST', body: {} }))
  assert.deepEqual(server.requests, ['GET /x', 'POST /x'])
})

test('a stream says first that it is open', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(watch([{ a: 1 }, { b: 2 }], 'end'))

  const batches: (readonly string[])[] = []
  for await (const batch of clientOf(server).lines('/x', { silenceMs: 1000 })) batches.push(batch)

  assert.deepEqual(batches[0], [])
  assert.deepEqual(batches.flat(), ['{"a":1}', '{"b":2}'])
})

test('a server with a certificate of another authority is not trusted', LIMIT, async (t) => {
  const pair = await generate([{ name: 'commonName', value: 'api' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  })
  const server = createServer({ key: pair.private, cert: pair.cert }, (_, response) => {
    response.end('{"ok":true}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const connect = (tls: { ca?: string }): KubeClient => {
    return new KubeClient({ server: url, read: () => Promise.resolve({ tls }) })
  }

  assert.deepEqual(await connect({ ca: pair.cert }).request('/'), { ok: true })
  await assert.rejects(connect({}).request('/'), {
    message: /^GET \/: no answer from the Kubernetes API at https:.*: self-signed certificate/,
  })
})

test('an answer can be had as text, with its headers', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script((response) => {
    response.writeHead(200, { warning: '299 - "podtap: sidecar added"' }).end('podtap_sensors 1\n')
  })

  const { text, headers } = await clientOf(server).exchange('/metrics')

  assert.equal(text, 'podtap_sensors 1\n')
  assert.equal(headers.warning, '299 - "podtap: sidecar added"')
})
