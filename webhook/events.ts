/** Recording decisions as events on workloads, without ever delaying an answer. */
import { createHash } from 'node:crypto'
import { sleep } from '../lib/backoff.ts'
import type { KubeClient } from '../lib/kube/client.ts'
import { KubeError } from '../lib/kube/kube-error.ts'
import type { Logger } from '../lib/logger.ts'
import type { WorkloadEvent } from './admission/event.ts'
import { textAt, valueAt, type JsonObject } from './admission/json.ts'
import { objectPath } from './object-path.ts'

/** Where reviews leave their events. */
export interface EventSink {
  /** Records the event soon, or drops it where there are too many. Never throws. */
  record(event: WorkloadEvent): void
}

/** How events are paced. */
export interface EventTiming {
  /** How long an event waits, in milliseconds: at CREATE the object is only about to exist. */
  readonly delayMs: number
  /** Least time between two requests, in milliseconds. */
  readonly spacingMs: number
}

const TIMING: EventTiming = { delayMs: 2_000, spacingMs: 100 }

/** Most events that wait; a rollout of a whole cluster must not fill the memory. */
const MOST_WAITING = 500

/** Most events that are remembered, to count a repeated one up instead of recording it again. */
const MOST_KNOWN = 1000

/** How long a recorded event is counted up; the API server itself forgets it after an hour. */
const COUNT_MS = 10 * 60_000

/** What it works with. */
export interface EventDeps {
  readonly client: KubeClient
  readonly logger: Logger
  readonly timing?: EventTiming
}

/** An event as the API server has it. */
interface Recorded {
  readonly path: string
  readonly count: number
  /** By Date.now(). */
  readonly at: number
}

/** Sends events one after the other. Equal ones that wait are one. */
export class EventRecorder implements EventSink {
  readonly #deps: EventDeps
  readonly #timing: EventTiming
  readonly #waiting = new Map<string, { readonly event: WorkloadEvent; readonly due: number }>()
  readonly #known = new Map<string, Recorded>()
  #wake = new AbortController()
  #failing = false

  constructor(deps: EventDeps) {
    this.#deps = deps
    this.#timing = deps.timing ?? TIMING
  }

  record(event: WorkloadEvent): void {
    const key = keyOf(event)
    if (this.#waiting.has(key) || this.#waiting.size >= MOST_WAITING) return
    this.#waiting.set(key, { event, due: Date.now() + this.#timing.delayMs })
    this.#wake.abort()
  }

  /** Sends until `signal` aborts; what waits then is dropped. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => {
      this.#wake.abort()
    })
    while (!signal.aborted) {
      const [next] = this.#waiting
      if (next === undefined) await this.#sleepUntilRecorded()
      else await this.#sendWhenDue(next, signal)
    }
  }

  async #sleepUntilRecorded(): Promise<void> {
    this.#wake = new AbortController()
    await sleep(60_000, this.#wake.signal)
  }

  async #sendWhenDue(
    [key, { event, due }]: readonly [string, { event: WorkloadEvent; due: number }],
    signal: AbortSignal,
  ): Promise<void> {
    await sleep(Math.max(0, due - Date.now()), signal)
    if (signal.aborted) return
    this.#waiting.delete(key)
    await this.#send(key, event)
    await sleep(this.#timing.spacingMs, signal)
  }

  async #send(key: string, event: WorkloadEvent): Promise<void> {
    const { logger } = this.#deps
    try {
      if (!(await this.#countUp(key))) await this.#create(key, event)
      this.#failing = false
    } catch (err) {
      if (!this.#failing) logger.warn({ err }, 'recording events fails')
      this.#failing = true
    }
  }

  /** Returns whether the same event was recorded lately, and is counted up. */
  async #countUp(key: string): Promise<boolean> {
    const known = this.#known.get(key)
    if (known === undefined || Date.now() - known.at > COUNT_MS) return false
    const count = known.count + 1
    const body = { count, lastTimestamp: now() }
    const contentType = 'application/merge-patch+json'
    try {
      await this.#deps.client.request(known.path, { method: 'PATCH', contentType, body })
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return false
      throw error
    }
    this.#remember(key, { path: known.path, count, at: Date.now() })
    return true
  }

  async #create(key: string, event: WorkloadEvent): Promise<void> {
    const uid = event.uid || (await this.#uidOf(event))
    if (uid === undefined) return
    const collection = `/api/v1/namespaces/${encodeURIComponent(event.namespace)}/events`
    const name = nameOf(event, uid)
    const path = `${collection}/${name}`
    try {
      const body = render(event, { uid, name })
      await this.#deps.client.request(collection, { method: 'POST', body })
      this.#remember(key, { path, count: 1, at: Date.now() })
    } catch (error) {
      if (!(error instanceof KubeError && error.status === 409)) throw error
      await this.#takeOver(key, path)
    }
  }

  /** Another replica recorded the same before, or led then: it is counted up, not told twice. */
  async #takeOver(key: string, path: string): Promise<void> {
    const body = { lastTimestamp: now() }
    const contentType = 'application/merge-patch+json'
    // The right to read events is not needed for that: the answer to a patch is the whole object.
    const stored = await this.#deps.client.request(path, { method: 'PATCH', contentType, body })
    this.#remember(key, { path, count: Number(valueAt(stored, 'count')) || 1, at: Date.now() })
    await this.#countUp(key)
  }

  /** The uid of an object that was only about to exist; undefined: it never came to be. */
  async #uidOf(event: WorkloadEvent): Promise<string | undefined> {
    try {
      return textAt(await this.#deps.client.request(objectPath(event)), 'metadata', 'uid')
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined
      // Without the right to read it the event is recorded by name: `kubectl get events` shows it.
      if (error instanceof KubeError && error.status === 403) return ''
      throw error
    }
  }

  #remember(key: string, recorded: Recorded): void {
    this.#known.delete(key)
    this.#known.set(key, recorded)
    const [oldest = ''] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN) this.#known.delete(oldest)
  }
}

function keyOf({ kind, namespace, name, reason, message }: WorkloadEvent): string {
  return [kind, namespace, name, reason, message].join('\n')
}

/** Equal for equal events, so that the API server has one of them, whichever replica records it. */
function nameOf(event: WorkloadEvent, uid: string): string {
  const hash = createHash('sha256')
    .update(`${keyOf(event)}\n${uid}`)
    .digest('hex')
    .slice(0, 16)
  // Room for the hash in a name of at most 253 characters, whose parts end with a letter or digit.
  return `${event.name.slice(0, 200).replace(/[^a-z0-9]+$/, '')}.${hash}`
}

/** Source: EventSource and ObjectReference in k8s.io/api/core/v1. */
function render(
  { reason, type, message, ...involved }: WorkloadEvent,
  { uid, name }: { readonly uid: string; readonly name: string },
): JsonObject {
  const at = now()
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: involved.namespace },
    involvedObject: { ...involved, ...(uid === '' ? { uid: undefined } : { uid }) },
    reason,
    type,
    message,
    source: { component: 'podtap' },
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  }
}

/** The API has seconds only. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
