/**
 * Whether a change of a workload lets podtap change its template. A changed template starts a rollout,
 * so podtap changes one only where a rollout starts anyway: at CREATE, and at an UPDATE whose template
 * already differs from the stored one. `kubectl rollout restart` is such an UPDATE.
 */
import { isDeepStrictEqual } from 'node:util'
import { textAt, type JsonObject } from './json.ts'
import { hasSidecar, uninject } from './uninject.ts'
import type { Workload } from './workload.ts'

/** What `kubectl rollout restart` writes into a template: the time, as RFC 3339 with seconds. */
export const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'

/**
 * Whether the template is the stored one, podtap's own fields aside. An update that drops the sidecar
 * (a PUT of the original manifest) counts as a change: putting the sidecar back keeps the pods as
 * they are.
 */
export function isUnchanged({ template, oldTemplate }: Workload): boolean {
  if (template === undefined || oldTemplate === undefined) return false
  if (hasSidecar(oldTemplate) && !hasSidecar(template)) return false
  return isDeepStrictEqual(uninject(template), uninject(oldTemplate))
}

/**
 * Whether the template is an older one again: its restart lies before the stored one's, or is gone.
 * `kubectl rollout undo` puts back a template as it was, and what people go back to is theirs to say.
 */
export function isRolledBack({ template, oldTemplate }: Workload): boolean {
  if (template === undefined || oldTemplate === undefined) return false
  const now = restartedAt(template)
  const before = restartedAt(oldTemplate)
  if (before === undefined) return false
  return now === undefined ? !isPresent(template) : now < before
}

/** Whether somebody restarted the workload with this very change. */
export function isRestarted({ template, oldTemplate }: Workload): boolean {
  if (template === undefined || oldTemplate === undefined) return false
  const now = restartedAt(template)
  const before = restartedAt(oldTemplate)
  return now !== undefined && (before === undefined || now > before)
}

/** In milliseconds; undefined where it is missing or no time. */
function restartedAt(template: JsonObject): number | undefined {
  const time = Date.parse(textAt(template, 'metadata', 'annotations', RESTARTED_AT))
  return Number.isNaN(time) ? undefined : time
}

function isPresent(template: JsonObject): boolean {
  return textAt(template, 'metadata', 'annotations', RESTARTED_AT) !== ''
}
