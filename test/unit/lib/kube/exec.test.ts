import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { KubeClient } from '../../../../lib/kube/client.ts'
import { execInPod } from '../../../../lib/kube/exec.ts'

const TARGET = { namespace: 'shop', pod: 'web', container: 'podtap', command: ['tap', '--count=1'] }

/** What the server does with an exec: it has accepted it when this is called. */
type Program = (socket: Duplex, request: IncomingMessage) => void

/** An unmasked binary frame of a server: its payload is shorter than 126 bytes. */
function message(channel: number, text: string): Buffer {
  return Buffer.concat([Buffer.of(0x82, text.length + 1, channel), Buffer.from(text)])
}

async function serve(t: TestContext, program: Program): Promise<KubeClient> {
  const server = createServer((_, response) => {
    const body = { kind: 'Status', message: 'pods "web" is forbidden', code: 403 }
    response.writeHead(403).end(JSON.stringify(body))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n',
    )
    socket.on('error', () => undefined)
    program(socket, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return new KubeClient({
    server: `http://127.0.0.1:${port}`,
    read: () => Promise.resolve({ authorization: 'Bearer token', tls: {} }),
  })
}

interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}

async function run(client: KubeClient, signal = new AbortController().signal): Promise<Ran> {
  let [stdout, stderr] = ['', '']
  const code = await execInPod(client, TARGET, {
    onOutput: (bytes) => {
      stdout += bytes.toString()
      return Promise.resolve()
    },
    onError: (bytes) => {
      stderr += bytes.toString()
    },
    signal,
    heartbeatMs: 60_000,
  })
  return { stdout, stderr, code }
}

test(
  'a program is asked for, and its output and success come back',
  { timeout: 10_000 },
  async (t) => {
    let asked: IncomingMessage | undefined
    const client = await serve(t, (socket, request) => {
      asked = request
      socket.write(Buffer.concat([message(1, 'out'), message(2, 'err'), message(1, '!')]))
      socket.write(message(3, '{"status":"Success"}'))
    })

    assert.deepEqual(await run(client), { stdout: 'out!', stderr: 'err', code: 0 })
    assert.equal(
      asked?.url,
      '/api/v1/namespaces/shop/pods/web/exec?container=podtap&stdin=true&stdout=true&stderr=true' +
        '&command=tap&command=--count%3D1',
    )
    assert.equal(asked.headers.authorization, 'Bearer token')
    assert.equal(asked.headers['sec-websocket-protocol'], 'v5.channel.k8s.io, v4.channel.k8s.io')
  },
)

test('its exit code comes back', { timeout: 10_000 }, async (t) => {
  const causes = '{"causes":[{"reason":"ExitCode","message":"69"}]}'
  const client = await serve(t, (socket) => {
    socket.write(message(3, `{"status":"Failure","details":${causes}}`))
  })

  assert.equal((await run(client)).code, 69)
})

test('an abort ends its standard input', { timeout: 10_000 }, async (t) => {
  const abort = new AbortController()
  const client = await serve(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      const key = bytes.subarray(2, 6)
      const payload = bytes.subarray(6).map((byte, at) => byte ^ key[at % 4]!)
      socket.write(message(1, `closed ${payload.join(' ')}`))
      socket.write(message(3, '{"status":"Success"}'))
    })
    abort.abort()
  })

  assert.deepEqual(await run(client, abort.signal), { stdout: 'closed 255 0', stderr: '', code: 0 })
})

test(
  'a refusal, a program that cannot run and a broken connection are errors',
  { timeout: 10_000 },
  async (t) => {
    const refusing = createServer((_, response) => {
      response.writeHead(403).end(JSON.stringify({ kind: 'Status', message: 'forbidden' }))
    }).listen(0, '127.0.0.1')
    await once(refusing, 'listening')
    t.after(() => refusing.close())
    const server = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`
    const refused = new KubeClient({ server, read: () => Promise.resolve({ tls: {} }) })
    const missing = await serve(t, (socket) => {
      socket.write(message(3, '{"status":"Failure","message":"no such container"}'))
    })
    const broken = await serve(t, (socket) => socket.end())

    await assert.rejects(run(refused), {
      status: 403,
      message: /web\/exec: .* answered 403: forbidden/,
    })
    await assert.rejects(run(missing), { message: 'the program cannot be run: no such container' })
    await assert.rejects(run(broken), {
      message: 'the connection to the container ended before its program did',
    })
  },
)
