import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createLogger } from '../../../../lib/logger.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import type { NamespaceFacts } from '../../../../webhook/admission/rules.ts'
import type { HttpApp } from '../../../../webhook/http-app.ts'
import { createMetrics } from '../../../../webhook/metrics.ts'
import type { NamespaceDirectory } from '../../../../webhook/namespaces.ts'
import { buildServer, MAX_REVIEW_BYTES } from '../../../../webhook/server.ts'
import {
  deployment,
  enabledNamespace,
  INSTALLATION,
  podTemplate,
} from '../../../helpers/situation.ts'

const NAMESPACES: NamespaceDirectory = directory(enabledNamespace(), enabledNamespace())

/** What was seen of every namespace, and what is read of it; an Error is thrown. */
function directory(
  seen: NamespaceFacts | undefined,
  read: NamespaceFacts | Error | undefined,
): NamespaceDirectory {
  return {
    seen: () => seen,
    read: () => (read instanceof Error ? Promise.reject(read) : Promise.resolve(read)),
  }
}

function server(namespaces: NamespaceDirectory = NAMESPACES, draining = false): HttpApp {
  return buildServer({
    installation: INSTALLATION,
    namespaces,
    logger: createLogger('test', 'silent'),
    metrics: createMetrics({
      enabledNamespaces: () => 1,
      namespacesSynced: () => true,
      certificateExpiry: () => new Date(60_000),
      problems: () => ({ certificate: 0, configuration: 0 }),
      leading: () => true,
      coverage: () => new Map(),
    }),
    readiness: () => (draining ? ['the webhook is ending'] : []),
    isDraining: () => draining,
    isOutdated: () => false,
    warnings: () => [],
  })
}

const review = (change: JsonObject = {}): JsonObject => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u1',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    operation: 'CREATE',
    namespace: 'shop',
    name: 'web',
    object: deployment(podTemplate()),
    ...change,
  },
})

interface Answer {
  readonly status: number
  readonly body: {
    readonly code?: string
    readonly message?: string
    readonly response?: {
      readonly uid: string
      readonly allowed: boolean
      readonly patch?: string
      readonly warnings?: readonly string[]
      readonly auditAnnotations?: Readonly<Record<string, string>>
    }
  }
}

async function post(app: HttpApp, payload: unknown, type = 'application/json'): Promise<Answer> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const headers = { 'content-type': type }
  const response = await app.inject({ method: 'POST', url: '/mutate', headers, payload: text })
  return { status: response.statusCode, body: response.json() }
}

suite('POST /mutate', () => {
  test('answers with patch, warning and audit annotations', async () => {
    const { status, body } = await post(server(), review())

    assert.equal(status, 200)
    const { patch, ...response } = body.response!
    assert.deepEqual(response, {
      uid: 'u1',
      allowed: true,
      patchType: 'JSONPatch',
      warnings: ['podtap: sidecar added to deployment/web'],
      auditAnnotations: { decision: 'injected', reason: 'enabled', config: 'f415f30d8b81734e' },
    })
    const operations = JSON.parse(Buffer.from(patch!, 'base64').toString()) as { path: string }[]
    assert.deepEqual(
      operations.map(({ path }) => path),
      [
        '/spec/template/spec/containers/1',
        '/spec/template/spec/volumes',
        '/spec/template/metadata/annotations/podtap.dev~1status',
      ],
    )
  })

  const foreign: Readonly<Record<string, JsonObject>> = {
    'another kind': { kind: { group: '', version: 'v1', kind: 'ConfigMap' }, object: {} },
    'a DELETE': { operation: 'DELETE', object: null, oldObject: deployment(podTemplate()) },
    'a subresource': { subResource: 'scale' },
  }
  for (const [title, change] of Object.entries(foreign)) {
    test(`${title} is admitted unchanged, without a word`, async () => {
      const { status, body } = await post(server(), review(change))

      assert.equal(status, 200)
      assert.deepEqual(body.response, { uid: 'u1', allowed: true })
    })
  }

  const refused: readonly (readonly [
    title: string,
    payload: unknown,
    status: number,
    message: RegExp,
  ])[] = [
    ['no JSON', '{"kind":', 400, /^body: expected JSON: /],
    ['nothing', '', 400, /^body: expected JSON: /],
    ['a number', '7', 400, /^body: expected a JSON object, received 7$/],
    [
      'no uid',
      review({ uid: '' }),
      400,
      /^request.uid: expected a non-empty text, received nothing$/,
    ],
    [
      'an old version',
      { ...review(), apiVersion: 'admission.k8s.io/v1beta1' },
      400,
      /^apiVersion: /,
    ],
    ['too much', ' '.repeat(MAX_REVIEW_BYTES + 1), 413, /too large/],
  ]
  for (const [title, payload, status, message] of refused) {
    test(`${title} is refused with ${status}`, async () => {
      const answer = await post(server(), payload)

      assert.equal(answer.status, status)
      assert.equal(answer.body.code, 'ERR_REVIEW')
      assert.match(answer.body.message ?? '', message)
    })
  }

  test('another media type is refused with 415', async () => {
    const { status, body } = await post(server(), 'a: 1', 'application/yaml')

    assert.deepEqual([status, body.code], [415, 'ERR_REVIEW'])
  })

  test('an object of 3 MB is injected', async () => {
    const big = deployment(podTemplate({ big: 'x'.repeat(3_000_000) }))

    const { body } = await post(server(), review({ object: big }))

    assert.equal(body.response?.auditAnnotations?.['decision'], 'injected')
    assert.ok(body.response.patch!.length < 10_000)
  })

  test('hostile annotations neither crash it nor change anything but podtap’s own', async () => {
    const hostile =
      '{"__proto__":{"polluted":1},"constructor":"x","podtap.dev/vni":"\\u0000\\u001b[31m' +
      `${'9'.repeat(100_000)}","podtap.dev/filter":"a: {b: [}","\\ud800":"\\udfff"}`
    const text = JSON.stringify(review()).replace('"annotations":{}', `"annotations":${hostile}`)

    const { status, body } = await post(server(), text)

    assert.equal(status, 200)
    assert.deepEqual(body.response?.auditAnnotations, {
      decision: 'unchanged',
      reason: 'bad-annotation',
    })
    assert.equal(body.response.patch, undefined)
    assert.ok(body.response.warnings?.every((line) => /^[^\p{Cc}]{1,120}$/u.test(line)))
    assert.equal(({} as { polluted?: number }).polluted, undefined)
  })

  test('a template nested beyond reason is admitted unchanged', async () => {
    const depth = 200_000
    const nested = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    const change = { operation: 'UPDATE', oldObject: deployment(podTemplate()) }
    const text = JSON.stringify(review(change)).replaceAll('"image":', `"deep":${nested},"image":`)

    const { status, body } = await post(server(), text)

    assert.equal(status, 200)
    assert.equal(body.response?.allowed, true)
    assert.equal(body.response.patch, undefined)
    assert.match(body.response.warnings?.[0] ?? '', /^podtap: internal error, admitted unchanged: /)
  })
})

suite('a namespace that the cache has not seen as it is', () => {
  const off: NamespaceFacts = { name: 'shop', annotations: {}, labels: {} }
  const cases: readonly (readonly [
    title: string,
    namespaces: NamespaceDirectory,
    decided: string,
  ])[] = [
    ['enabled meanwhile: injected', directory(off, enabledNamespace()), 'injected enabled'],
    ['created meanwhile: injected', directory(undefined, enabledNamespace()), 'injected enabled'],
    ['really not enabled', directory(off, off), 'unchanged not-enabled'],
    ['not readable: as it was seen', directory(off, new Error('late')), 'unchanged not-enabled'],
    [
      'never seen, not readable',
      directory(undefined, new Error('late')),
      'unchanged namespace-unknown',
    ],
    [
      'enabled: not read again',
      directory(enabledNamespace(), new Error('read')),
      'injected enabled',
    ],
  ]
  for (const [title, namespaces, decided] of cases) {
    test(title, async () => {
      const { body } = await post(server(namespaces), review())

      const { decision, reason } = body.response!.auditAnnotations!
      assert.equal(`${decision!} ${reason!}`, decided)
    })
  }

  test('an unchanged template costs no read', async () => {
    const template = deployment(podTemplate())
    const change = { operation: 'UPDATE', object: template, oldObject: template }

    const { body } = await post(server(directory(off, new Error('read'))), review(change))

    assert.equal(body.response?.auditAnnotations?.['reason'], 'template-unchanged')
  })
})

test('reviews are counted by what became of them and why', async () => {
  const app = server()

  await post(app, review())
  await post(app, review({ subResource: 'status' }))
  await post(app, '{')
  const { body } = await app.inject('/metrics')

  const counted = body
    .split('\n')
    .filter((line) => line.startsWith('podtap_admission_reviews_total'))
  assert.deepEqual(counted.sort(), [
    'podtap_admission_reviews_total{decision="ignored",reason="not-a-template"} 1',
    'podtap_admission_reviews_total{decision="injected",reason="enabled"} 1',
    'podtap_admission_reviews_total{decision="refused",reason="malformed-review"} 1',
  ])
  assert.match(body, /^podtap_admission_duration_seconds_count 2$/m)
  assert.match(body, /^podtap_enabled_namespaces 1$/m)
  assert.match(body, /^podtap_namespace_cache_synced 1$/m)
  assert.match(body, /^podtap_certificate_expiry_timestamp_seconds 60$/m)
})

test('a draining webhook is alive, not ready, and gives connections up', async () => {
  const app = server(NAMESPACES, true)

  const [live, ready, mutate] = await Promise.all([
    app.inject('/livez'),
    app.inject('/readyz'),
    app.inject({ method: 'POST', url: '/mutate', payload: review() }),
  ])

  assert.equal(live.statusCode, 200)
  assert.deepEqual(ready.json(), { ready: false, missing: ['the webhook is ending'] })
  assert.equal(ready.statusCode, 503)
  assert.deepEqual([mutate.statusCode, mutate.headers.connection], [200, 'close'])
})

test('the server waits longer for idle connections than the API server keeps them', () => {
  const { keepAliveTimeout, headersTimeout } = server().server

  assert.deepEqual([keepAliveTimeout, headersTimeout], [90_000, 32_000])
})
