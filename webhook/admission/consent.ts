/**
 * Whether a change of a workload lets podtap change its template. A changed template starts a rollout,
 * so podtap changes one only where a rollout starts anyway: at CREATE, and at an UPDATE whose template
 * already differs from the stored one. `kubectl rollout restart` is such an UPDATE.
 */
import { isDeepStrictEqual } from 'node:util'
import { fingerprintOf } from './fingerprint.ts'
import { textAt, type JsonObject } from './json.ts'
import type { Revision } from './situation.ts'
import { hasSidecar, uninject } from './uninject.ts'
import type { Change, Workload } from './workload.ts'

/** What `kubectl rollout restart` writes into a template: the time, as RFC 3339 with seconds. */
export const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'

/**
 * Whether the template is the stored one, podtap's own fields aside. An update that drops the sidecar
 * is none such: see isDropped().
 */
export function isUnchanged(workload: Workload): boolean {
  return !isDropped(workload) && isSame(workload)
}

/**
 * Whether an update drops the sidecar and changes nothing else, as a PUT of the original manifest does.
 * Putting back what is stored keeps the pods as they are.
 */
export function isDropped(workload: Workload): boolean {
  const { template, oldTemplate } = workload
  if (template === undefined || oldTemplate === undefined) return false
  return hasSidecar(oldTemplate) && !hasSidecar(template) && isSame(workload)
}

/**
 * Whether the template is an older one again, as `kubectl rollout undo` puts it back: one of the stored
 * revisions, with or without the sidecar as it was. Where these cannot be told, the time of the last
 * restart says it: it lies before the stored one's, or is gone. A manifest is no way back: whoever puts
 * one in place asks for what is in force now. Only asked where isUnchanged() is false.
 */
export function isRolledBack(workload: Workload, revisions: readonly Revision[] = []): boolean {
  const { template, oldTemplate, change } = workload
  if (template === undefined || oldTemplate === undefined) return false
  if (isManifest(change) || isDropped(workload)) return false
  // A workload has at least the revision that is in force: without any, the cache lags behind.
  if (revisions.length === 0) return isRestartUndone(template, oldTemplate)
  const intended = mayBeUndo(change) || (hasSidecar(oldTemplate) && !hasSidecar(template))
  return intended && revisions.some(isRevisionOf(template))
}

/** The revision of a template as it is stored. */
export function revisionOf(template: JsonObject): Revision {
  return {
    fingerprint: fingerprintOf(template),
    hasSidecar: hasSidecar(template),
    restartedAt: restartText(template),
  }
}

/** Most updates are told from all revisions without hashing the template, which takes longest. */
function isRevisionOf(template: JsonObject): (revision: Revision) => boolean {
  let fingerprint: string | undefined
  const sidecar = hasSidecar(template)
  const restarted = restartText(template)
  return (revision) => {
    if (revision.hasSidecar !== sidecar || revision.restartedAt !== restarted) return false
    fingerprint ??= fingerprintOf(template)
    return revision.fingerprint === fingerprint
  }
}

/** Whether somebody restarted the workload with this very change. */
export function isRestarted({ template, oldTemplate }: Workload): boolean {
  if (template === undefined || oldTemplate === undefined) return false
  const now = restartedAt(template)
  const before = restartedAt(oldTemplate)
  return now !== undefined && (before === undefined || now > before)
}

/**
 * kubectl names no field manager for `rollout undo`; a later one may name that of its siblings. `set
 * image` and its like can lead to an older template too, name their own, and keep the sidecar.
 */
function mayBeUndo(change: Change | undefined): boolean {
  return change === undefined || ['', 'kubectl-rollout'].includes(change.fieldManager)
}

function isManifest(change: Change | undefined): boolean {
  return change?.isManifest === true
}

function isSame({ template, oldTemplate }: Workload): boolean {
  if (template === undefined || oldTemplate === undefined) return false
  return isDeepStrictEqual(uninject(template), uninject(oldTemplate))
}

function isRestartUndone(template: JsonObject, oldTemplate: JsonObject): boolean {
  const now = restartedAt(template)
  const before = restartedAt(oldTemplate)
  if (before === undefined) return false
  return now === undefined ? restartText(template) === '' : now < before
}

/** In milliseconds; undefined where it is missing or no time. */
function restartedAt(template: JsonObject): number | undefined {
  const time = Date.parse(restartText(template))
  return Number.isNaN(time) ? undefined : time
}

function restartText(template: JsonObject): string {
  return textAt(template, 'metadata', 'annotations', RESTARTED_AT)
}
