/**
 * As much of an API server as the webhook needs to become ready: lists in pages, watches in which
 * nothing happens, and objects that can be written. It holds a large cluster.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { PATHS } from '../../helpers/own-objects.ts'
import type { JsonObject } from '../../../webhook/admission/json.ts'
import { deploymentWith } from './reviews.ts'

/** How large the cluster is. */
export const NAMESPACES = 1_000

/** Stored revisions in it, ten of each Deployment. */
export const REVISIONS = 10_000

const PAGE = 500

/** A running server. */
export interface BenchApi {
  readonly url: string
  stop(): Promise<void>
}

/** Starts it on a free port of the loopback interface. */
export async function startBenchApi(): Promise<BenchApi> {
  const objects = new Map<string, unknown>(ownObjects())
  const lists = clusterLists()
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://api')
    if (request.method !== 'GET') {
      const body = await json(request)
      if (request.method === 'POST') objects.set(`${pathname}/${nameOf(body)}`, body)
      reply(response, 200, body)
    } else if (searchParams.has('watch')) {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    } else if (objects.has(pathname)) reply(response, 200, objects.get(pathname))
    else if (/\/[a-z]+s$/.test(pathname)) {
      reply(response, 200, pageOf(lists.get(pathname) ?? [], searchParams))
    } else reply(response, 404, { message: 'not found' })
  }
}

function pageOf(items: readonly JsonObject[], query: URLSearchParams): JsonObject {
  const from = Number(query.get('continue') ?? 0)
  const to = from + Number(query.get('limit') ?? PAGE)
  const next = to < items.length ? { continue: `${to}` } : {}
  return { metadata: { resourceVersion: '1', ...next }, items: items.slice(from, to) }
}

function ownObjects(): [string, unknown][] {
  const clientConfig = { service: { namespace: 'podtap', name: 'podtap-webhook' } }
  const webhooks = [{ name: 'inject.podtap.dev', clientConfig }]
  return [
    [PATHS.configuration, { metadata: { name: 'podtap' }, webhooks }],
    [PATHS.binding, { metadata: { name: 'podtap-sensor-reader' } }],
  ]
}

function clusterLists(): ReadonlyMap<string, readonly JsonObject[]> {
  const nodeInfo = { kubeletVersion: 'v1.36.3' }
  return new Map([
    ['/api/v1/namespaces', Array.from({ length: NAMESPACES }, (_, index) => namespaceAt(index))],
    ['/apis/apps/v1/replicasets', Array.from({ length: REVISIONS }, (_, i) => replicaSetAt(i))],
    [
      '/api/v1/nodes',
      [{ metadata: { name: 'node-a', resourceVersion: '1' }, status: { nodeInfo } }],
    ],
  ])
}

/** Every other one is enabled. */
function namespaceAt(index: number): JsonObject {
  const annotations = index % 2 === 0 ? { 'podtap.dev/inject': 'enabled' } : {}
  return { metadata: { name: `namespace-${index}`, resourceVersion: '1', annotations } }
}

function replicaSetAt(index: number): JsonObject {
  const deployment = Math.floor(index / 10)
  const { spec } = deploymentWith(index % 10) as { spec: JsonObject }
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', controller: true }
  const name = deployment === 500 ? 'checkout' : `checkout-${deployment}`
  return {
    metadata: {
      name: `${name}-${index % 10}`,
      namespace: `namespace-${deployment % NAMESPACES}`,
      uid: `replicaset-${index}`,
      resourceVersion: '1',
      annotations: { 'deployment.kubernetes.io/revision': `${index % 10}` },
      ownerReferences: [{ ...owner, name, uid: `deployment-${deployment}` }],
    },
    spec,
  }
}

function nameOf(body: unknown): string {
  return (body as { metadata: { name: string } }).metadata.name
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
