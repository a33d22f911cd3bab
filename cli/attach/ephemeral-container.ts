/** The sidecar as an ephemeral container of a pod that runs. Pure. */
import type { Random } from '../../lib/backoff.ts'
import { SIDECAR_NAME } from '../../sidecar/contract.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import type { SidecarSettings } from '../../webhook/admission/settings.ts'
import {
  renderEnvironment,
  renderSecurityContext,
} from '../../webhook/admission/sidecar-container.ts'

/** What distinguishes one attached container from another. */
export interface Attachment {
  readonly name: string
  /** Seconds until it ends by itself. */
  readonly duration: number
}

/**
 * The container. An ephemeral one has no ports, probes or resources, and can add no volume to its pod:
 * without a token it can find no sensor pods, so that SENSOR must be an address or a host.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
 */
export function ephemeralContainer(
  settings: SidecarSettings,
  { name, duration }: Attachment,
): JsonObject {
  const limit = { name: 'DURATION', value: `${duration}s` }
  return {
    name,
    image: settings.image,
    imagePullPolicy: 'IfNotPresent',
    env: [...renderEnvironment(settings), limit],
    securityContext: renderSecurityContext(),
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
}

/** Without vowels and what looks alike, as Kubernetes' own suffixes. Source: apimachinery, util/rand. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789'

/** A name such as `podtap-x7f2c`: a name in a pod cannot be used twice. */
export function attachedName(random: Random): string {
  const letters = Array.from({ length: 5 }, () => LETTERS[Math.floor(random() * LETTERS.length)])
  return `${SIDECAR_NAME}-${letters.join('')}`
}

/** A duration as it would be written by hand: 600 is `10m`. */
export function durationText(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}
