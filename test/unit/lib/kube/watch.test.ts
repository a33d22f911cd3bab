import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Sleep } from '../../../../lib/backoff.ts'
import { KubeClient } from '../../../../lib/kube/client.ts'
import { watchObjects, type WatchTiming } from '../../../../lib/kube/watch.ts'
import {
  bookmark,
  errorEvent,
  event,
  json,
  list,
  object,
  reset,
  silence,
  startKubeServer,
  status,
  watch,
  type KubeServer,
} from '../../../helpers/kube-server.ts'
import { startWatch, WATCHED_PATH as PATH, type Seen } from '../../../helpers/watch-probe.ts'

/** Long enough that a watch never counts as settled within a test; those that need it say so. */
const NEVER_SETTLED: Partial<WatchTiming> = { serverSeconds: [240, 240], settledMs: 60_000 }
const SETTLED_AT_ONCE: Partial<WatchTiming> = { serverSeconds: [240, 240], settledMs: 5 }

function start(t: TestContext, server: KubeServer, timing = NEVER_SETTLED): Seen {
  return startWatch(t, server, { timing })
}

const unexpected = (): never => assert.fail('the listener was called')
const pod = (name: string, version: string, value: string): object => {
  return object(name, version, { value })
}
const watchFrom = (version: string): string => {
  return `GET ${PATH}?watch=true&resourceVersion=${version}&allowWatchBookmarks=true&timeoutSeconds=240`
}
const LIST = `GET ${PATH}?limit=250`

test('all pages of a list and all events of a watch are seen', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    list([pod('a', '1', 'A'), pod('b', '2', 'B')], { version: '10', more: 'token/2' }),
    list([pod('c', '3', 'C')], { version: '10' }),
    watch([
      event('ADDED', pod('d', '11', 'D')),
      event('MODIFIED', pod('a', '12', 'A2')),
      event('DELETED', pod('b', '13', 'B')),
      bookmark('20'),
    ]),
  )

  const seen = start(t, server, { ...NEVER_SETTLED, pageSize: 2 })
  await seen.until(() => seen.items.length === 2)

  assert.deepEqual(seen.items, [
    { 'default/a': 'A', 'default/b': 'B', 'default/c': 'C' },
    { 'default/a': 'A2', 'default/c': 'C', 'default/d': 'D' },
  ])
  assert.deepEqual(server.requests, [
    `GET ${PATH}?limit=2`,
    `GET ${PATH}?limit=2&continue=token%2F2`,
    watchFrom('10'),
  ])
  assert.deepEqual(seen.errors, [])
})

test('an object that is no longer selected is taken out', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    list([pod('a', '1', 'A')], { version: '1' }),
    watch([event('MODIFIED', object('a', '2'))]),
  )

  const seen = start(t, server)
  await seen.until(() => seen.items.length === 2)

  assert.deepEqual(seen.items, [{ 'default/a': 'A' }, {}])
})

test(
  'a watch that the server ends goes on from the last bookmark, at once',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    const ending = watch([bookmark('42')])
    server.script(
      list([], { version: '1' }),
      (response, request) => {
        ending(response, request)
        setTimeout(() => response.end(), 30)
      },
      watch([]),
    )

    const seen = start(t, server, SETTLED_AT_ONCE)
    await server.requested(3)

    assert.deepEqual(server.requests, [LIST, watchFrom('1'), watchFrom('42')])
    assert.deepEqual([seen.errors, seen.pauses], [[], []])
  },
)

test('410 as the answer to a watch relists at once', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    list([pod('a', '1', 'A')], { version: '1' }),
    status(410, 'too old resource version: 1 (2)'),
    list([pod('b', '2', 'B')], { version: '2' }),
    watch([]),
  )

  const seen = start(t, server)
  await server.requested(4)

  assert.deepEqual(server.requests, [LIST, watchFrom('1'), LIST, watchFrom('2')])
  assert.deepEqual(seen.items, [{ 'default/a': 'A' }, { 'default/b': 'B' }])
  assert.deepEqual([seen.errors, seen.pauses], [[], []])
})

test(
  '410 inside a watch relists at once, after the events before it',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    server.script(
      list([], { version: '1' }),
      watch(
        [event('ADDED', pod('a', '2', 'A')), errorEvent(410, 'too old resource version')],
        'end',
      ),
      list([pod('b', '3', 'B')], { version: '3' }),
      watch([]),
    )

    const seen = start(t, server)
    await server.requested(4)

    assert.deepEqual(server.requests, [LIST, watchFrom('1'), LIST, watchFrom('3')])
    assert.deepEqual(seen.items, [{}, { 'default/a': 'A' }, { 'default/b': 'B' }])
    assert.deepEqual([seen.errors, seen.pauses], [[], []])
  },
)

test('410 after another failure relists at once too', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    list([], { version: '1' }),
    status(500, 'no'),
    watch([errorEvent(410, 'old')], 'end'),
  )

  const seen = start(t, server)
  await server.requested(4)

  assert.deepEqual(server.requests, [LIST, watchFrom('1'), watchFrom('1'), LIST])
  assert.deepEqual(seen.pauses, [250])
})

test('410 again and again is retried with growing pauses', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(status(410, 'gone'))

  const seen = start(t, server)
  await seen.until(() => seen.errors.length === 4)

  assert.deepEqual(seen.pauses.slice(0, 3), [500, 1000, 2000])
  assert.equal(seen.errors[0], '2: GET /api/v1/pods: the Kubernetes API answered 410: gone')
})

test('a token of a list that expired begins the list anew', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    list([pod('a', '1', 'A')], { version: '1', more: 'old' }),
    status(410, 'the provided continue parameter is too old'),
    list([pod('b', '2', 'B')], { version: '2' }),
    watch([]),
  )

  const seen = start(t, server)
  await server.requested(4)

  assert.deepEqual(server.requests, [LIST, `${LIST}&continue=old`, LIST, watchFrom('2')])
  assert.deepEqual(seen.items, [{ 'default/b': 'B' }])
})

test('500 on a watch is retried where the watch was', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    list([pod('a', '1', 'A')], { version: '1' }),
    status(500, 'etcdserver: leader changed'),
    watch([event('ADDED', pod('b', '2', 'B'))]),
  )

  const seen = start(t, server, SETTLED_AT_ONCE)
  await seen.until(() => seen.recoveries === 1)

  assert.deepEqual(server.requests, [LIST, watchFrom('1'), watchFrom('1')])
  assert.deepEqual(seen.items.at(-1), { 'default/a': 'A', 'default/b': 'B' })
  assert.deepEqual(seen.errors, [
    '1: GET /api/v1/pods: the Kubernetes API answered 500: etcdserver: leader changed',
  ])
  assert.deepEqual(seen.pauses, [250])
})

test('a version that no server knows is left behind by a relist', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  const unknown = errorEvent(504, 'Too large resource version')
  server.script(
    list([], { version: '900' }),
    watch([unknown], 'end'),
    watch([unknown], 'end'),
    watch([unknown], 'end'),
    list([pod('a', '7', 'A')], { version: '7' }),
    watch([]),
  )

  const seen = start(t, server)
  await server.requested(6)

  assert.deepEqual(server.requests.slice(3), [watchFrom('900'), LIST, watchFrom('7')])
  assert.deepEqual(seen.items, [{}, { 'default/a': 'A' }])
})

test('429 is retried after the time that the server asks for', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    status(429, 'too many requests', { 'retry-after': '7' }),
    list([], { version: '1' }),
    watch([]),
  )

  const seen = start(t, server)
  await server.requested(3)

  assert.deepEqual(seen.pauses, [7250])
})

test('a reset connection is resumed after the last event', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    list([], { version: '1' }),
    watch([event('ADDED', pod('a', '2', 'A'))], 'reset'),
    watch([event('ADDED', pod('b', '3', 'B'))]),
  )

  const seen = start(t, server)
  await seen.until(() => seen.items.length === 3)

  assert.deepEqual(server.requests, [LIST, watchFrom('1'), watchFrom('2')])
  assert.deepEqual(seen.items, [{}, { 'default/a': 'A' }, { 'default/a': 'A', 'default/b': 'B' }])
  assert.deepEqual(seen.errors, [
    `1: GET /api/v1/pods: no answer from the Kubernetes API at ${server.url}: aborted`,
  ])
})

test('half an event before a reset is not taken for an event', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(
    list([], { version: '1' }),
    (response) => {
      response.writeHead(200)
      response.write('{"type":"ADDED","object":{"metadata":{"name":"a"', () => {
        response.socket?.resetAndDestroy()
      })
    },
    watch([event('ADDED', pod('a', '2', 'A'))]),
  )

  const seen = start(t, server)
  await seen.until(() => seen.items.length === 2)

  assert.deepEqual(server.requests, [LIST, watchFrom('1'), watchFrom('1')])
  assert.deepEqual(seen.items, [{}, { 'default/a': 'A' }])
})

test('a connection that falls silent is replaced by a new one', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(list([], { version: '1' }), watch([]), watch([event('ADDED', pod('a', '2', 'A'))]))

  const seen = start(t, server, { ...SETTLED_AT_ONCE, silenceMs: 100 })
  await seen.until(() => seen.items.length === 2)

  assert.deepEqual(server.requests, [LIST, watchFrom('1'), watchFrom('1')])
  assert.deepEqual(seen.errors, [])
  assert.equal(
    server.connections,
    2,
    'list and first watch shared one, the second watch has its own',
  )
})

test('bookmarks keep a quiet watch open', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  const beats = Promise.withResolvers<undefined>()
  server.script(list([], { version: '1' }), (response) => {
    response.writeHead(200)
    let version = 1
    const timer = setInterval(() => {
      version += 1
      response.write(`${JSON.stringify(bookmark(String(version)))}\n`)
      if (version === 12) beats.resolve(undefined)
    }, 25)
    response.on('close', () => {
      clearInterval(timer)
    })
  })

  start(t, server, { ...SETTLED_AT_ONCE, silenceMs: 200 })
  await beats.promise

  assert.deepEqual(server.requests, [LIST, watchFrom('1')])
})

test(
  'a server that ends each watch at once is asked ever more seldom',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    server.script(list([], { version: '1' }), watch([], 'end'))

    const seen = start(t, server)
    await seen.until(() => seen.errors.length === 10)

    assert.deepEqual(
      seen.pauses.slice(0, 9),
      [250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000],
    )
    assert.equal(seen.errors[0], '1: GET /api/v1/pods: the watch ended within 60000 ms')
    assert.deepEqual(server.requests.slice(0, 3), [LIST, watchFrom('1'), watchFrom('1')])
  },
)

test(
  'a server that repeats one event and ends is asked ever more seldom',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    server.script(list([], { version: '1' }), watch([event('ADDED', pod('a', '2', 'A'))], 'end'))

    const seen = start(t, server)
    await seen.until(() => seen.errors.length === 5)

    assert.deepEqual(seen.pauses.slice(0, 4), [250, 500, 1000, 2000])
  },
)

test('a server that restarts on its port is found again', { timeout: 5000 }, async (t) => {
  const first = await startKubeServer()
  first.script(list([pod('a', '1', 'A')], { version: '1' }), watch([]))
  let second: KubeServer | undefined
  t.after(async () => second?.stop())
  const pause: Sleep = async () => {
    if (seen.errors.length < 3) return
    second = await startKubeServer(first.port)
    second.script(watch([event('MODIFIED', pod('a', '2', 'A2'))]))
  }

  const seen = startWatch(t, first, { timing: SETTLED_AT_ONCE, sleep: pause })
  await first.requested(2)
  await first.stop()
  await seen.until(() => seen.recoveries === 1)

  assert.deepEqual(second?.requests, [watchFrom('1')])
  assert.deepEqual(seen.items, [{ 'default/a': 'A' }, { 'default/a': 'A2' }])
  assert.match(seen.errors[1] ?? '', /^2: .*: connect ECONNREFUSED 127\.0\.0\.1:\d+$/)
})

test(
  'a server that is not there is asked for about twice a second',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    await server.stop()

    const seen = start(t, server)
    await seen.until(() => seen.errors.length === 8)

    assert.deepEqual(seen.pauses.slice(0, 7), [250, 500, 500, 500, 500, 500, 500])
    assert.match(seen.errors[7] ?? '', /^8: .*: connect ECONNREFUSED 127\.0\.0\.1:\d+$/)
  },
)

test(
  'a server that is back and refuses is spared as if it had not been gone, and not listed anew',
  { timeout: 5000 },
  async (t) => {
    const first = await startKubeServer()
    first.script(list([pod('a', '1', 'A')], { version: '1' }), watch([]))
    let second: KubeServer | undefined
    t.after(async () => second?.stop())
    const pause: Sleep = async () => {
      if (seen.errors.length !== 5) return
      second = await startKubeServer(first.port)
      second.script(status(403, 'not yet'), watch([event('MODIFIED', pod('a', '2', 'A2'))]))
    }

    const seen = startWatch(t, first, { timing: SETTLED_AT_ONCE, sleep: pause })
    await first.requested(2)
    await first.stop()
    await seen.until(() => seen.recoveries === 1)

    assert.deepEqual(seen.pauses, [250, 500, 500, 500, 500, 500])
    assert.deepEqual(second?.requests, [watchFrom('1'), watchFrom('1')])
  },
)

test(
  'a line that is no event is a failure, and the watch goes on after it',
  { timeout: 5000 },
  async (t) => {
    const server = await startKubeServer()
    server.script(
      list([], { version: '1' }),
      (response) => {
        response.writeHead(200).end('<html>bad gateway</html>\n')
      },
      watch([event('ADDED', pod('a', '2', 'A'))]),
    )

    const seen = start(t, server)
    await seen.until(() => seen.items.length === 2)

    assert.deepEqual(seen.errors, [
      '1: GET /api/v1/pods: expected a watch event, received <html>bad gateway</html>',
    ])
  },
)

test('an answer that is not a list is a failure', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(json(200, {}), list([], { version: '1' }), watch([]))

  const seen = start(t, server)
  await seen.until(() => seen.items.length === 1)

  assert.deepEqual(seen.errors, [
    '1: GET /api/v1/pods: expected a list with items and a resourceVersion',
  ])
})

test('a reset instead of the first answer is retried', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(reset, list([pod('a', '1', 'A')], { version: '1' }), watch([]))

  const seen = start(t, server)
  await seen.until(() => seen.items.length === 1)

  assert.deepEqual(seen.items, [{ 'default/a': 'A' }])
  assert.match(seen.errors[0] ?? '', /^1: GET .*: no answer from the Kubernetes API at .*: /)
})

test('selectors are sent with the list and with the watch', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(list([], { version: '1' }), watch([]))
  const client = new KubeClient({ server: server.url, read: () => Promise.resolve({ tls: {} }) })
  const abort = new AbortController()
  t.after(() => server.stop())

  const ended = watchObjects(
    client,
    { path: PATH, labelSelector: 'run=sensor', fieldSelector: 'a=b', select: (pod) => pod },
    {
      listener: { onChange: () => undefined, onError: unexpected, onRecovered: unexpected },
      signal: abort.signal,
      timing: NEVER_SETTLED,
    },
  )
  await server.requested(2)
  abort.abort()
  await ended

  assert.deepEqual(server.requests, [
    `GET ${PATH}?labelSelector=run%3Dsensor&fieldSelector=a%3Db&limit=250`,
    `GET ${PATH}?labelSelector=run%3Dsensor&fieldSelector=a%3Db&watch=true&resourceVersion=1` +
      '&allowWatchBookmarks=true&timeoutSeconds=240',
  ])
})

test('an abort ends a watch that waits for an answer', { timeout: 5000 }, async (t) => {
  const server = await startKubeServer()
  server.script(silence)
  const client = new KubeClient({ server: server.url, read: () => Promise.resolve({ tls: {} }) })
  const abort = new AbortController()
  t.after(() => server.stop())

  const ended = watchObjects(
    client,
    { path: PATH, select: (pod) => pod },
    {
      listener: { onChange: unexpected, onError: unexpected, onRecovered: unexpected },
      signal: abort.signal,
    },
  )
  await server.requested(1)
  abort.abort()

  await assert.doesNotReject(ended)
})
