import assert from 'node:assert/strict'
import test from 'node:test'
import { KubeClient } from '../../../../lib/kube/client.ts'
import { podSensors } from '../../../../sidecar/sensor/pod-sensors.ts'
import { captureLog } from '../../../helpers/captured-log.ts'
import {
  event,
  list,
  startKubeServer,
  status,
  watch,
  type KubeServer,
} from '../../../helpers/kube-server.ts'
import { runSource } from '../../../helpers/sensor-probe.ts'
import { until } from '../../../helpers/until.ts'

function pod(name: string, ip: string, ready = true): object {
  return {
    metadata: { name, namespace: 'ndr', resourceVersion: '2', labels: { run: 'zeek' } },
    spec: { nodeName: `node-of-${name}` },
    status: {
      phase: 'Running',
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  }
}

function source(server: KubeServer, log = captureLog().log): ReturnType<typeof podSensors> {
  return podSensors({
    client: new KubeClient({ server: server.url, read: () => Promise.resolve({ tls: {} }) }),
    namespace: 'ndr',
    labelKey: 'run',
    labelValue: 'zeek',
    port: 4789,
    ownAddresses: () => ['127.0.0.1', '10.0.0.99'],
    log,
  })
}

test(
  'ready pods with the label are sensors, and changes are followed',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    t.after(() => server.stop())
    let change: ((events: readonly object[]) => void) | undefined
    server.script(
      list([pod('a', '10.0.0.1'), pod('b', '10.0.0.2', false)], { version: '1' }),
      (response) => {
        response.writeHead(200)
        change = (events) => {
          response.write(events.map((each) => `${JSON.stringify(each)}\n`).join(''))
        }
        response.flushHeaders()
      },
    )

    const seen = runSource(t, source(server))
    await server.requested(2)
    change?.([event('MODIFIED', pod('b', '10.0.0.2'))])
    await seen.until(() => seen.sensors.length === 2)
    change?.([event('DELETED', pod('a', '10.0.0.1')), event('DELETED', pod('b', '10.0.0.2'))])
    await seen.until(() => seen.sensors.length === 3)

    assert.deepEqual(seen.sensors, [
      ['ndr/a 10.0.0.1:4789 node-of-a'],
      ['ndr/a 10.0.0.1:4789 node-of-a', 'ndr/b 10.0.0.2:4789 node-of-b'],
      [],
    ])
    assert.equal(
      server.requests[0],
      'GET /api/v1/namespaces/ndr/pods?labelSelector=run%3Dzeek&limit=250',
    )
  },
)

test('a change that is none for sensors is not told', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(
    list([pod('a', '10.0.0.1')], { version: '1' }),
    watch([event('MODIFIED', { ...pod('a', '10.0.0.1'), unrelated: true })], 'end'),
    status(403, 'pods is forbidden'),
  )

  const seen = runSource(t, source(server))
  await seen.until(() => seen.errors.length === 2)

  assert.deepEqual(seen.sensors, [['ndr/a 10.0.0.1:4789 node-of-a']])
  assert.equal(
    seen.errors[1],
    '2: GET /api/v1/namespaces/ndr/pods: the Kubernetes API answered 403: pods is forbidden',
  )
})

test(
  'the own pod and pods with a broken address are ignored with one warning each',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    t.after(() => server.stop())
    const { log, lines } = captureLog()
    server.script(
      list([pod('self', '10.0.0.99'), pod('broken', 'ten')], { version: '1' }),
      watch([event('MODIFIED', pod('broken', 'ten')), event('ADDED', pod('a', '10.0.0.1'))]),
    )

    const seen = runSource(t, source(server, log))
    await seen.until(() => seen.sensors.length === 2)

    assert.deepEqual(seen.sensors, [[], ['ndr/a 10.0.0.1:4789 node-of-a']])
    assert.deepEqual(lines, [
      'warn pod with the label of sensors ignored ' +
        '{"pod":"ndr/self","reason":"it is the mirrored pod itself","others":0}',
      'warn pod with the label of sensors ignored ' +
        '{"pod":"ndr/broken","reason":"ten is not the IP address of a host","others":0}',
    ])
  },
)

test(
  'a label that also matches mirrored pods is one warning, and the sensor stays',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    t.after(() => server.stop())
    const { log, lines } = captureLog()
    const mirrored = Array.from({ length: 300 }, (_, n) => ({
      ...pod(`web-${n}`, `10.1.${n >> 8}.${n & 255}`),
      spec: { nodeName: 'node-1', containers: [{ name: 'web' }, { name: 'podtap' }] },
    }))
    server.script(
      list([pod('a', '10.0.0.1')], { version: '1' }),
      watch([
        ...mirrored.map((each) => event('ADDED', each)),
        event('MODIFIED', pod('a', '10.0.0.2')),
      ]),
    )

    const seen = runSource(t, source(server, log))
    await seen.until(() => seen.sensors.length === 2)

    assert.deepEqual(seen.sensors[1], ['ndr/a 10.0.0.2:4789 node-of-a'])
    assert.equal(lines.length, 1)
    assert.match(
      lines[0]!,
      /^warn pod with the label of sensors ignored \{"pod":"ndr\/web-0","reason":"it carries podtap's own sidecar","others":\d+\}$/,
    )
  },
)

test(
  'a label that more pods have than sensors can be is one error, and the sensors stay',
  { timeout: 20_000 },
  async (t) => {
    const server = await startKubeServer()
    t.after(() => server.stop())
    const { log, lines } = captureLog()
    const crowd = Array.from({ length: 5000 }, (_, n) =>
      event('ADDED', pod(`web-${n}`, `10.1.${n >> 8}.${n & 255}`)),
    )
    let change: ((events: readonly object[]) => void) | undefined
    server.script(list([pod('a', '10.0.0.1')], { version: '1' }), (response) => {
      response.writeHead(200)
      change = (events) => {
        for (const each of events) response.write(`${JSON.stringify(each)}\n`)
      }
      response.flushHeaders()
    })

    const seen = runSource(t, source(server, log))
    await server.requested(2)
    change?.(crowd)
    await until(
      () => lines.join('\n'),
      () => lines.length > 0,
    )
    const before = seen.sensors.at(-1)
    change?.([event('MODIFIED', pod('a', '10.0.0.2')), event('DELETED', pod('web-0', '10.1.0.0'))])
    await seen.until(() => seen.sensors.at(-1) !== before)

    assert.deepEqual(lines, [
      'error too many pods have the label of sensors: nothing changes until they are fewer ' +
        '{"pods":5001,"expected":"at most 5000"}',
    ])
    assert.ok((before?.length ?? 0) <= 5000)
    assert.equal(seen.sensors.at(-1)?.[0], 'ndr/a 10.0.0.2:4789 node-of-a')
    assert.equal(seen.sensors.at(-1)?.length, 5000)
  },
)
