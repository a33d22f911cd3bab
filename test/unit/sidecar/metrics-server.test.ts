import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { startMetricsServer, type MetricsServer } from '../../../sidecar/metrics-server.ts'
import { captureLog } from '../../helpers/captured-log.ts'

interface Setup {
  readonly address?: string
  readonly ready?: boolean
  readonly render?: () => Promise<string>
}

async function serve(t: TestContext, setup: Setup = {}): Promise<MetricsServer> {
  const server = await startMetricsServer({
    port: 0,
    address: setup.address,
    metrics: {
      contentType: 'text/x-metrics',
      render: setup.render ?? (() => Promise.resolve('a 1\n')),
    },
    isReady: () => setup.ready ?? true,
    log: captureLog().log,
  })
  t.after(() => server?.close())
  return server!
}

async function get(server: MetricsServer, path: string, init: RequestInit = {}): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, init)
  return `${answer.status} ${answer.headers.get('content-type')} ${await answer.text()}`
}

test('metrics are served with their media type', { timeout: 5000 }, async (t) => {
  assert.equal(await get(await serve(t), '/metrics?x=1'), '200 text/x-metrics a 1\n')
})

test('readiness is whether frames are captured', { timeout: 5000 }, async (t) => {
  assert.equal(await get(await serve(t), '/readyz'), '200 text/plain capturing\n')
  assert.equal(
    await get(await serve(t, { ready: false }), '/readyz'),
    '503 text/plain not capturing\n',
  )
})

test('a process that answers lives', { timeout: 5000 }, async (t) => {
  assert.equal(await get(await serve(t, { ready: false }), '/livez'), '200 text/plain ok\n')
})

test('anything else is not found', { timeout: 5000 }, async (t) => {
  const server = await serve(t)
  const expected = '404 text/plain expected GET /metrics, /readyz or /livez\n'

  assert.equal(await get(server, '/'), expected)
  assert.equal(await get(server, '/metrics', { method: 'POST', body: 'x' }), expected)
})

test('metrics that cannot be read are a server error', { timeout: 5000 }, async (t) => {
  const server = await serve(t, { render: () => Promise.reject(new Error('engine is gone')) })

  assert.equal(await get(server, '/metrics'), '500 text/plain metrics cannot be read\n')
})

test('a port that is taken is a warning', { timeout: 5000 }, async (t) => {
  const { port } = await serve(t)
  const { log, lines } = captureLog()
  const metrics = { contentType: 'text/plain', render: () => Promise.resolve('') }

  const second = await startMetricsServer({ port, metrics, isReady: () => true, log })

  assert.equal(second, undefined)
  assert.equal(lines.length, 1)
  assert.match(
    lines[0]!,
    /^warn no metrics: the port cannot be used \(see METRICS_PORT and METRICS_ADDRESS\) .*"reason":"listen EADDRINUSE/,
  )
})

test(
  'a server at the loopback address is not reached by any other',
  { timeout: 5000 },
  async (t) => {
    const { port } = await serve(t, { address: '127.0.0.1' })

    assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200)
    // All of 127.0.0.0/8 is this machine, and only the first address is listened at.
    await assert.rejects(fetch(`http://127.0.0.2:${port}/livez`), { name: 'TypeError' })
  },
)

test('an address that this pod does not have is a warning', { timeout: 5000 }, async () => {
  const { log, lines } = captureLog()
  const metrics = { contentType: 'text/plain', render: () => Promise.resolve('') }
  const at = { port: 0, address: '192.0.2.1' }

  assert.equal(await startMetricsServer({ ...at, metrics, isReady: () => true, log }), undefined)
  assert.match(lines[0]!, /^warn no metrics: .*"reason":"listen EADDRNOTAVAIL/)
})
