import type { KubeClient, Query } from './client.ts'
import { keyOf, type KubeObject } from './objects.ts'
import { parsePage } from './watch-protocol.ts'

/** Which objects are read, and what is kept of them. */
export interface KubeTarget<O extends KubeObject, T> {
  /** Path of the list: `/api/v1/namespaces/podtap-sensor/pods`. */
  readonly path: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /**
   * What to keep of an object, small: a cluster has thousands of them. undefined leaves the object
   * out, as if it were not there.
   */
  select(object: O): T | undefined
}

/** How a list is read. */
export interface ListOptions {
  /** Objects per page: bounds the memory that one answer takes. */
  readonly pageSize: number
  readonly signal?: AbortSignal | undefined
}

/** All objects of a target at one moment. */
export interface KubeList<T> {
  /** By `namespace/name`, or `name` without a namespace. */
  readonly items: Map<string, T>
  /** Where a watch may go on from. */
  readonly resourceVersion: string
}

/**
 * Reads all pages of a list.
 * @throws KubeError as KubeClient.request() does; status 410 when it took so long that the next page
 * was no longer kept.
 */
export async function listObjects<O extends KubeObject, T>(
  client: KubeClient,
  target: KubeTarget<O, T>,
  options: ListOptions,
): Promise<KubeList<T>> {
  const items = new Map<string, T>()
  let next: string | undefined
  for (;;) {
    const query = { ...selectorsOf(target), limit: options.pageSize, continue: next }
    const answer = await client.request(target.path, { query, signal: options.signal })
    const page = parsePage<O>(target.path, answer)
    for (const object of page.objects) putObject(items, target, object)
    if (page.continue === undefined) return { items, resourceVersion: page.resourceVersion }
    next = page.continue
  }
}

/** Puts what the target keeps of `object` into `items`, or takes it out; returns whether that changed them. */
export function putObject<O extends KubeObject, T>(
  items: Map<string, T>,
  target: KubeTarget<O, T>,
  object: O,
): boolean {
  const item = target.select(object)
  if (item === undefined) return items.delete(keyOf(object))
  items.set(keyOf(object), item)
  return true
}

/** The query parameters that choose the objects of `target`. */
export function selectorsOf(target: KubeTarget<never, unknown>): Query {
  const { labelSelector, fieldSelector } = target
  return { labelSelector, fieldSelector }
}
