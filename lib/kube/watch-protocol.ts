/** What the API sends for a list and for a watch, read with care: any of it may be malformed. */
import { KubeError, statusError } from './kube-error.ts'
import type { KubeObject } from './objects.ts'

/** One page of a list. */
export interface ListPage<O> {
  readonly objects: readonly O[]
  /** Where a watch may go on; the same for all pages of one list. */
  readonly resourceVersion: string
  /** The token of the next page; undefined: this was the last. */
  readonly continue: string | undefined
}

/** One line of a watch, other than an error. A bookmark's object has a resourceVersion and no more. */
export interface WatchEvent<O> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: O
}

/**
 * Reads the answer to a list request of `path`.
 * @throws KubeError when it is not a list.
 */
export function parsePage<O extends KubeObject>(path: string, answer: unknown): ListPage<O> {
  const { metadata, items } = (answer ?? {}) as {
    readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
    readonly items?: readonly O[] | null
  }
  const resourceVersion = metadata?.resourceVersion
  // Go encodes an empty slice that was never allocated as null.
  const objects = items ?? []
  if (!resourceVersion || !Array.isArray(objects)) {
    throw new KubeError(`GET ${path}: expected a list with items and a resourceVersion`)
  }
  return { objects, resourceVersion, continue: metadata.continue || undefined }
}

/**
 * Reads one line of a watch of `path`.
 * @throws KubeError for an ERROR event, with the status in it, and for a line that is no event.
 */
export function parseEvent<O extends KubeObject>(path: string, line: string): WatchEvent<O> {
  const event = parseLine(line)
  const subject = `GET ${path}`
  if (event?.type === 'ERROR') throw statusError(subject, event.object)
  if (event === undefined || !EVENT_TYPES.has(event.type)) {
    throw new KubeError(`${subject}: expected a watch event, received ${line.slice(0, 80)}`)
  }
  return event as unknown as WatchEvent<O>
}

const EVENT_TYPES: ReadonlySet<string> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

interface RawEvent {
  readonly type: string
  readonly object: object
}

function parseLine(line: string): RawEvent | undefined {
  try {
    const parsed = JSON.parse(line) as Partial<RawEvent> | null
    const { type, object } = parsed ?? {}
    const valid =
      typeof type === 'string' && typeof object === 'object' && (object as unknown) !== null
    return valid ? { type, object } : undefined
  } catch {
    return undefined
  }
}
