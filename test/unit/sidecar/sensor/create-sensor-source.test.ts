import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { generate } from 'selfsigned'
import { createSensorSource } from '../../../../sidecar/sensor/create-sensor-source.ts'
import { captureLog } from '../../../helpers/captured-log.ts'
import { runSource } from '../../../helpers/sensor-probe.ts'
import { until } from '../../../helpers/until.ts'

/** An API server with TLS that accepts one token at a time. */
interface Api {
  readonly port: number
  readonly ca: string
  token: string
  /** The token of each request. */
  readonly tokens: readonly string[]
  /** Ends the watch that is under way, as API servers do after some minutes. */
  endWatch(): void
}

async function startApi(t: TestContext): Promise<Api> {
  const altNames = [{ type: 7, ip: '127.0.0.1' } as const]
  const pems = await generate([{ name: 'commonName', value: 'api' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  const tokens: string[] = []
  let watching: ServerResponse | undefined
  const server = createServer({ key: pems.private, cert: pems.cert }, (request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    tokens.push(token)
    if (token !== api.token) response.writeHead(401).end('{"kind":"Status","code":401}')
    else if (request.url?.includes('watch=true')) {
      watching = response.writeHead(200)
      response.flushHeaders()
    } else response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const api = {
    port: (server.address() as AddressInfo).port,
    ca: pems.cert,
    token: 'first',
    tokens,
    endWatch: () => watching?.end(),
  }
  return api
}

/** A volume as the kubelet writes it: files are links through `..data`, which is replaced as a whole. */
class ProjectedVolume {
  readonly directory = mkdtempSync(join(tmpdir(), 'podtap-token-'))
  #versions = 0

  write(files: Readonly<Record<string, string>>): void {
    this.#versions += 1
    const version = join(this.directory, `..version-${this.#versions}`)
    mkdirSync(version)
    for (const [name, content] of Object.entries(files)) writeFileSync(join(version, name), content)
    symlinkSync(version, join(this.directory, '..data_tmp'))
    renameSync(join(this.directory, '..data_tmp'), join(this.directory, '..data'))
    if (this.#versions > 1) return
    for (const name of Object.keys(files)) symlinkSync(`..data/${name}`, join(this.directory, name))
  }
}

test(
  'a token that the kubelet has replaced is used from the next request on',
  { timeout: 20_000 },
  async (t) => {
    const api = await startApi(t)
    const volume = new ProjectedVolume()
    t.after(() => {
      rmSync(volume.directory, { recursive: true })
    })
    volume.write({ token: 'first', 'ca.crt': api.ca })
    const serviceAccount = {
      directory: volume.directory,
      host: '127.0.0.1',
      port: String(api.port),
    }
    const sensor = { kind: 'pods', namespace: 'ndr', labelKey: 'run', labelValue: 'zeek' } as const
    const source = createSensorSource(
      { sensor, sensorPort: 4789 },
      { serviceAccount, ownAddresses: () => [], log: captureLog().log },
    )

    const seen = runSource(t, source)
    await until(
      () => 'a list and a watch',
      () => api.tokens.length === 2,
    )
    volume.write({ token: 'second', 'ca.crt': api.ca })
    api.token = 'second'
    api.endWatch()
    await until(
      () => 'a watch with the new token',
      () => api.tokens.length === 3,
    )

    assert.deepEqual(api.tokens, ['first', 'first', 'second'])
    assert.deepEqual(seen.sensors, [[]])
    assert.ok(seen.errors.every((error) => !error.includes('401')))
  },
)

test('addresses and host names need no service account', () => {
  const surroundings = {
    serviceAccount: { directory: '/nowhere', host: undefined, port: undefined },
    ownAddresses: () => [],
    log: captureLog().log,
  }
  const address = { kind: 'address', address: '10.1.2.3', family: 4 } as const
  const host = { kind: 'host', host: 'zeek.example.org' } as const
  const pods = { kind: 'pods', namespace: 'ndr', labelKey: 'run', labelValue: 'zeek' } as const

  createSensorSource({ sensor: address, sensorPort: 4789 }, surroundings)
  createSensorSource({ sensor: host, sensorPort: 4789 }, surroundings)
  assert.throws(() => createSensorSource({ sensor: pods, sensorPort: 4789 }, surroundings), {
    code: 'ERR_KUBE_AUTH',
  })
})
