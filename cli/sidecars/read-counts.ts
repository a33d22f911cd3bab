/** Asking sidecars for their counts, through the API server's proxy: a laptop reaches no pod. */
import { startDeadline } from '../../lib/deadline.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { known, type Known } from '../cluster/known.ts'
import { mapBounded } from '../map-bounded.ts'
import { parseSidecarCounts, type SidecarCounts } from './sidecar-counts.ts'

/**
 * How many sidecars are asked at a time. Each costs the API server a connection to a kubelet's node; a
 * quarter of what client-go's default burst would allow is enough for a thousand within seconds.
 */
const CONCURRENCY = 32

/** A sidecar that can be asked. */
export interface SidecarAddress {
  readonly namespace: string
  readonly pod: string
  readonly metricsPort: number | undefined
}

/** What a sidecar said, and when. */
export interface CountsRead {
  readonly counts: Known<SidecarCounts>
  /** Milliseconds since 1970, by this machine's clock. */
  readonly at: number
}

/** How sidecars are asked. */
export interface ReadCountsOptions {
  /** How long all of them together may take, in milliseconds. */
  readonly budgetMs: number
  readonly signal?: AbortSignal | undefined
}

/** What each sidecar says, in their order; those that do not answer in time are a problem each. */
export async function readCounts(
  client: KubeClient,
  sidecars: readonly SidecarAddress[],
  { budgetMs, signal }: ReadCountsOptions,
): Promise<readonly CountsRead[]> {
  const deadline = startDeadline(budgetMs, signal)
  try {
    return await mapBounded(sidecars, CONCURRENCY, async (sidecar) => {
      const counts = await known(readOne(client, sidecar, deadline.signal))
      const late = 'problem' in counts && deadline.expired
      const problem = `no answer within ${budgetMs / 1000} s`
      return { counts: late ? { problem } : counts, at: Date.now() }
    })
  } finally {
    deadline.clear()
  }
}

async function readOne(
  client: KubeClient,
  { namespace, pod, metricsPort }: SidecarAddress,
  signal: AbortSignal,
): Promise<SidecarCounts> {
  if (metricsPort === undefined) throw new Error('its metrics are not open to others')
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:${metricsPort}/proxy/metrics`
  return parseSidecarCounts((await client.exchange(path, { signal })).text)
}
