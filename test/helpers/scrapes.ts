/** Scrapes in which every metric has a sample: those of a sidecar and of a webhook. */
import { createMetrics as createSidecarMetrics } from '../../sidecar/metrics.ts'
import { createMetrics as createWebhookMetrics } from '../../webhook/metrics.ts'
import { countersOf, MemoryEngine } from './memory-engine.ts'

/** A scrape of a sidecar. */
export async function sidecarScrape(): Promise<string> {
  const engine = new MemoryEngine()
  const address = 'fd00::7'
  engine.counts = countersOf({
    destinations: [{ address, sentFrames: 0, refused: 0, unreachable: 0, pathMtu: 1450 }],
  })
  engine.bufferPeak = 0
  const destination = { address, family: 6, port: 4789 } as const
  return createSidecarMetrics({
    engine,
    sensors: { sensorCount: 1, chosen: [{ name: 'zeek', destination }], discoveryErrors: 0 },
    sending: { lastSentAt: undefined },
    throttling: () => Promise.resolve({ periods: 0, seconds: 0 }),
  }).render()
}

/** A scrape of a webhook. */
export async function webhookScrape(): Promise<string> {
  const counts = { mirrored: 0, stale: 0, missed: 0, unwanted: 0, refused: 0 }
  const metrics = createWebhookMetrics({
    enabledNamespaces: () => 0,
    namespacesSynced: () => true,
    certificateExpiry: () => undefined,
    problems: () => ({ certificate: 0, configuration: 0 }),
    leading: () => true,
    coverage: () => new Map([['shop', counts]]),
  })
  metrics.countReview({ decision: 'injected', reason: 'enabled' }, 0.001)
  return metrics.registry.metrics()
}
