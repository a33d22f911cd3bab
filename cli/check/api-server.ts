/** Whether the API server is one that podtap works with, and whether clocks agree. */
import type { KubeClient } from '../../lib/kube/client.ts'
import type { Known } from '../cluster/known.ts'
import {
  isSupported,
  MINIMUM_MINOR,
  parseServerVersion,
  type ServerVersion,
} from '../cluster/server-version.ts'
import { failure, notChecked, ok, warning, type Finding } from './finding.ts'

/** What the API server says of itself. */
export interface ApiServerFacts {
  readonly server: string
  readonly version: ServerVersion
  /** How far its clock is ahead of this machine's, in milliseconds; undefined: it does not say. */
  readonly aheadMs: number | undefined
}

/** A difference from which on certificates and tokens begin to be refused, in milliseconds. */
const CLOCK_TOLERANCE_MS = 30_000

/**
 * Asks the API server for its version, and for its time by the Date header of the answer.
 * @throws KubeError where it does not answer.
 */
export async function readApiServer(client: KubeClient, server: string): Promise<ApiServerFacts> {
  const before = Date.now()
  const { text, headers } = await client.exchange('/version')
  const middle = (before + Date.now()) / 2
  const date = Date.parse(headers.date ?? '')
  return {
    server,
    version: parseServerVersion(JSON.parse(text)),
    // The header has whole seconds, cut off: on average half a second is missing.
    aheadMs: Number.isNaN(date) ? undefined : date + 500 - middle,
  }
}

/** What is to be said about the API server. */
export function checkApiServer(facts: Known<ApiServerFacts>): readonly Finding[] {
  if ('problem' in facts) return [failure(`the API server does not answer: ${facts.problem}`)]
  const { server, version, aheadMs } = facts.value
  return [checkVersion(version, server), checkClock(aheadMs)]
}

function checkVersion(version: ServerVersion, server: string): Finding {
  if (isSupported(version)) return ok(`the API server is ${version.text} (${server})`)
  return failure(
    `the API server is ${version.text} (${server})`,
    `upgrade it: podtap needs Kubernetes 1.${MINIMUM_MINOR} or newer (matchConditions of webhooks)`,
  )
}

function checkClock(aheadMs: number | undefined): Finding {
  if (aheadMs === undefined) return notChecked('its clock', 'its answers have no date')
  if (Math.abs(aheadMs) < CLOCK_TOLERANCE_MS) return ok('its clock and that of this machine agree')
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  const direction = aheadMs > 0 ? 'ahead of' : 'behind'
  return warning(
    `the clock of the API server is ${seconds} s ${direction} that of this machine`,
    'have both set by NTP: certificates and tokens hold from one time to another',
  )
}
