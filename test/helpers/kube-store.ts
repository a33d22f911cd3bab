/** A small Kubernetes API server with a memory: objects by path, patches, conflicts and watches. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json as readJson } from 'node:stream/consumers'
import jsonPatch from 'fast-json-patch'

/** Any object of the API. */
export interface StoredObject {
  metadata: { name: string; resourceVersion?: string; [key: string]: unknown }
  [key: string]: unknown
}

/** A running store. */
export interface KubeStore {
  readonly url: string
  /** What changed it, in order: `PATCH /api/v1/…`. */
  readonly writes: readonly string[]
  /** The object at a path, as it is now. */
  get(path: string): StoredObject | undefined
  /** Puts an object at a path, as somebody else would, and tells watches. */
  put(path: string, object: StoredObject): void
  /** Removes the object at a path, as somebody else would, and tells watches. */
  remove(path: string): void
  /** Every request from now on is answered with this status; undefined: as it should be. */
  fail(status: number | undefined): void
  /** Resolves once `seen` holds; it is asked after each write. */
  until(seen: () => boolean): Promise<void>
  stop(): Promise<void>
}

/** What can be listed, and watched. */
const COLLECTIONS = [
  'namespaces',
  'mutatingwebhookconfigurations',
  'replicasets',
  'controllerrevisions',
  'nodes',
  'limitranges',
  'resourcequotas',
  'pods',
  'deployments',
  'statefulsets',
  'daemonsets',
  'jobs',
  'cronjobs',
  'poddisruptionbudgets',
  'leases',
  'secrets',
  'events',
]

interface Watcher {
  readonly collection: string
  readonly response: ServerResponse
}

/** Starts an empty store on the loopback interface. */
export async function startKubeStore(): Promise<KubeStore> {
  const store = new Store()
  await store.listen()
  return store
}

class Store implements KubeStore {
  readonly writes: string[] = []
  readonly #objects = new Map<string, StoredObject>()
  readonly #watchers = new Set<Watcher>()
  /** Every change, at the index of its version less one: a watch begins at the version of its list. */
  readonly #history: { readonly collection: string; readonly event: unknown }[] = []
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  #failure: number | undefined

  get #version(): number {
    return this.#history.length
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get(path: string): StoredObject | undefined {
    return this.#objects.get(path)
  }

  put(path: string, object: StoredObject): void {
    const type = this.#objects.has(path) ? 'MODIFIED' : 'ADDED'
    const metadata = { ...object.metadata, resourceVersion: String(this.#version + 1) }
    const stored = { ...object, metadata }
    this.#objects.set(path, stored)
    this.#tell(path, { type, object: stored })
  }

  remove(path: string): void {
    const object = this.#objects.get(path)
    this.#objects.delete(path)
    this.#tell(path, { type: 'DELETED', object })
  }

  fail(status: number | undefined): void {
    this.#failure = status
  }

  async until(seen: () => boolean): Promise<void> {
    while (!seen()) await once(this.#server, 'podtap-write')
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #tell(path: string, event: unknown): void {
    const changed = collectionOf(path)
    this.#history.push({ collection: changed, event })
    for (const { collection, response } of this.#watchers) {
      if (collection === changed) response.write(line(event))
    }
    this.#server.emit('podtap-write')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url)
    if (this.#failure !== undefined) reply(response, this.#failure, {})
    else if (request.method !== 'GET') await this.#write(pathname, request, response)
    else if (searchParams.has('watch')) {
      this.#watch(pathname, response, Number(searchParams.get('resourceVersion')))
    } else this.#read(pathname, response)
  }

  #read(path: string, response: ServerResponse): void {
    const object = this.#objects.get(path)
    if (object !== undefined) {
      reply(response, 200, object)
      return
    }
    const items = [...this.#objects].filter(([key]) => isListedAt(path, key))
    const isCollection = COLLECTIONS.some((name) => path.endsWith(`/${name}`))
    if (!isCollection) reply(response, 404, { message: 'not found' })
    else {
      const metadata = { resourceVersion: String(this.#version) }
      reply(response, 200, { metadata, items: items.map(([, item]) => item) })
    }
  }

  #watch(collection: string, response: ServerResponse, since: number): void {
    const watcher = { collection, response }
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    const missed = this.#history.slice(since).filter((change) => change.collection === collection)
    for (const { event } of missed) response.write(line(event))
    this.#watchers.add(watcher)
    response.on('close', () => this.#watchers.delete(watcher))
  }

  async #write(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = named((await readJson(request)) as StoredObject, this.#version)
    const key = request.method === 'POST' ? `${path}/${body.metadata.name}` : path
    const old = this.#objects.get(key)
    const next = nextObject(request, old, body)
    if (typeof next === 'number') {
      this.writes.push(`${request.method ?? ''} ${path}`)
      reply(response, next, { message: `refused with ${next}` })
      return
    }
    if (request.url?.includes('dryRun=All')) {
      reply(response, 200, next)
      return
    }
    this.writes.push(`${request.method ?? ''} ${path}`)
    this.put(key, next)
    reply(response, 200, this.#objects.get(key))
  }
}

/** `object` with the name that the API server makes up for it, where it asks for one. */
function named(object: StoredObject, version: number): StoredObject {
  const generateName = (object as Partial<StoredObject>).metadata?.['generateName']
  if (typeof generateName !== 'string') return object
  return { ...object, metadata: { ...object.metadata, name: `${generateName}${version}` } }
}

/** The object after a request, or the status with which it is refused. */
function nextObject(
  request: IncomingMessage,
  old: StoredObject | undefined,
  body: StoredObject,
): StoredObject | number {
  if (request.method === 'POST') return old === undefined ? body : 409
  if (old === undefined) return 404
  if (request.method === 'PUT') {
    return body.metadata.resourceVersion === old.metadata.resourceVersion ? body : 409
  }
  const type = request.headers['content-type']
  if (type === 'application/merge-patch+json') return { ...old, ...body }
  if (type === 'application/strategic-merge-patch+json') return merged(old, body)
  try {
    const copy = structuredClone(old)
    return jsonPatch.applyPatch(copy, body as unknown as jsonPatch.Operation[], true).newDocument
  } catch {
    return 422
  }
}

/** As both merge patches do with maps; that they differ in lists is of no matter here. */
function merged<T extends object>(old: T, patch: object): T {
  const entries = Object.entries(patch).map(([key, value]: [string, unknown]) => {
    const before = (old as Record<string, unknown>)[key]
    const deep = isMap(value) && isMap(before)
    return [key, deep ? merged(before, value) : value]
  })
  return { ...old, ...Object.fromEntries(entries) } as T
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Also where objects of all namespaces are listed. */
function isListedAt(path: string, key: string): boolean {
  const collection = collectionOf(key)
  return collection === path || collection.replace(/\/namespaces\/[^/]+/, '') === path
}

function collectionOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function line(event: unknown): string {
  return `${JSON.stringify(event)}\n`
}
