import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { WorkloadEvent } from '../../../webhook/admission/event.ts'
import { EventRecorder } from '../../../webhook/events.ts'
import { clientOf } from '../../helpers/kube-client.ts'
import { captureLog } from '../../helpers/captured-log.ts'
import { startKubeStore, type KubeStore, type StoredObject } from '../../helpers/kube-store.ts'
import { until } from '../../helpers/until.ts'

const EVENTS = '/api/v1/namespaces/shop/events'
const TIMING = { delayMs: 1, spacingMs: 1 }
const EVENT: WorkloadEvent = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid: 'u1',
  reason: 'Injected',
  type: 'Normal',
  message: 'sidecar added to deployment/web (enabled): namespace shop is enabled',
}

suite('events', { timeout: 20_000 }, () => {
  const ending = new AbortController()
  const { log, lines } = captureLog()
  let api: KubeStore
  let recorder: EventRecorder
  let work: Promise<void>
  const others: Promise<void>[] = []
  /** The next event that the API server stores. */
  const next = async (): Promise<StoredObject> => {
    const writes = api.writes.length
    await api.until(() => api.writes.length > writes)
    const path = api.writes.at(-1) ?? ''
    return path.startsWith('POST') ? (await stored()).at(-1)! : api.get(path.replace('PATCH ', ''))!
  }
  /** All events, the oldest first. */
  const stored = async (): Promise<readonly StoredObject[]> => {
    const answer = await fetch(`${api.url}${EVENTS}`)
    return ((await answer.json()) as { items: readonly StoredObject[] }).items
  }
  before(async () => {
    api = await startKubeStore()
    recorder = new EventRecorder({
      client: clientOf(api),
      logger: log,
      timing: TIMING,
    })
    work = recorder.run(ending.signal)
  })
  after(async () => {
    ending.abort()
    await Promise.all([work, ...others])
    await api.stop()
  })

  test('stand on the workload, with reason and message', async () => {
    recorder.record(EVENT)
    const { metadata, firstTimestamp, lastTimestamp, ...event } = await next()

    assert.equal(metadata['namespace'], 'shop')
    assert.match(String(firstTimestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.equal(lastTimestamp, firstTimestamp)
    assert.deepEqual(event, {
      apiVersion: 'v1',
      kind: 'Event',
      involvedObject: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'shop',
        name: 'web',
        uid: 'u1',
      },
      reason: 'Injected',
      type: 'Normal',
      message: 'sidecar added to deployment/web (enabled): namespace shop is enabled',
      source: { component: 'podtap' },
      count: 1,
    })
  })

  test('are counted up when they come again', async () => {
    recorder.record(EVENT)

    assert.equal((await next())['count'], 2)
  })

  test('that another replica records too are one, counted up by both', async () => {
    const event = { ...EVENT, message: 'told by both' }
    recorder.record(event)
    const { metadata } = await next()
    const other = new EventRecorder({ client: clientOf(api), logger: log, timing: TIMING })
    const working = other.run(ending.signal)
    const counted = (): unknown => api.get(`${EVENTS}/${metadata.name}`)?.['count']

    other.record(event)
    await api.until(() => counted() === 2)
    other.record(event)
    await api.until(() => counted() === 3)

    const told = (await stored()).filter(({ message }) => message === event.message)
    assert.deepEqual(
      told.map(({ count }) => count),
      [3],
    )
    other.record({ ...event, name: `${'x'.repeat(199)}.${'y'.repeat(53)}` })
    assert.match((await next()).metadata.name, /^x{199}\.[0-9a-f]{16}$/)
    others.push(working)
  })

  test('that wait are recorded once', async () => {
    const event = { ...EVENT, reason: 'Removed' } as const
    recorder.record(event)
    recorder.record(event)
    await next()

    recorder.record({ ...EVENT, message: 'another one' })
    const after = await next()

    assert.deepEqual([after['message'], after['count']], ['another one', 1])
  })

  test('find the uid of a workload that was only about to exist', async () => {
    api.put('/apis/apps/v1/namespaces/shop/deployments/web', {
      metadata: { name: 'web', uid: 'u2' },
    })
    recorder.record({ ...EVENT, uid: '', message: 'created' })
    const event = await next()

    assert.equal((event['involvedObject'] as WorkloadEvent).uid, 'u2')
  })

  test('of a workload that never came to be are dropped', async () => {
    recorder.record({ ...EVENT, uid: '', name: 'ghost', message: 'gone' })
    recorder.record({ ...EVENT, message: 'after it' })

    assert.equal((await next())['message'], 'after it')
  })

  test('go on after the API server failed', async () => {
    api.fail(500)
    recorder.record({ ...EVENT, message: 'lost' })
    await until(
      () => 'the failure is logged',
      () => lines.some((line) => line.includes('recording events fails')),
    )
    api.fail(undefined)
    recorder.record({ ...EVENT, message: 'found' })

    assert.equal((await next())['message'], 'found')
  })
})
