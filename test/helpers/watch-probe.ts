/** Runs the real watch against a server of a test and keeps what it tells and does. */
import type { TestContext } from 'node:test'
import type { Sleep } from '../../lib/backoff.ts'
import { KubeClient } from '../../lib/kube/client.ts'
import type { KubeObject } from '../../lib/kube/objects.ts'
import { watchObjects, type WatchTiming } from '../../lib/kube/watch.ts'
import type { KubeServer } from './kube-server.ts'

/** The list that is watched. */
export const WATCHED_PATH = '/api/v1/pods'

/** What a watch has told and done. */
export interface Seen {
  readonly items: Record<string, string>[]
  readonly errors: string[]
  readonly pauses: number[]
  recoveries: number
  /** Resolves when `done()` is true; it is asked after each call of the listener. */
  until(done: () => boolean): Promise<void>
}

/** How the watch differs from the usual. */
export interface WatchSetup {
  readonly timing: Partial<WatchTiming>
  /** By default pauses take no time. */
  readonly sleep?: Sleep
}

/** Watches `server` until the test ends; of each object its field `value` is kept. */
export function startWatch(t: TestContext, server: KubeServer, setup: WatchSetup): Seen {
  const abort = new AbortController()
  const client = new KubeClient({ server: server.url, read: () => Promise.resolve({ tls: {} }) })
  let wake = Promise.withResolvers<undefined>()
  const told = (): void => {
    wake.resolve(undefined)
    wake = Promise.withResolvers()
  }
  const seen: Seen = {
    items: [],
    errors: [],
    pauses: [],
    recoveries: 0,
    until: async (done) => {
      while (!done()) await wake.promise
    },
  }
  const target = {
    path: WATCHED_PATH,
    select: (pod: KubeObject & { value?: string }) => pod.value,
  }
  const ended = watchObjects(client, target, {
    listener: {
      onChange: (items) => {
        seen.items.push(Object.fromEntries(items))
        told()
      },
      onError: (error, failures) => {
        seen.errors.push(`${failures}: ${error.message}`)
        told()
      },
      onRecovered: () => {
        seen.recoveries += 1
        told()
      },
    },
    signal: abort.signal,
    timing: setup.timing,
    sleep: async (ms, signal) => {
      seen.pauses.push(ms)
      await setup.sleep?.(ms, signal)
    },
    random: () => 0.5,
  })
  t.after(async () => {
    abort.abort()
    await ended
    client.close()
    await server.stop()
  })
  return seen
}
