/** The containers that were attached to a pod, as its status has them. Pure. */
import {
  arrayAt,
  isObject,
  textAt,
  valueAt,
  type JsonObject,
} from '../../webhook/admission/json.ts'
import { isOwnName } from '../tap/tap-container.ts'

/** How an ephemeral container is. */
export type AttachedState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly exitCode: number; readonly message: string }

/** An attached container that has not ended. */
export interface LiveAttachment {
  readonly name: string
  readonly state: AttachedState
}

/** Those of podtap's that have not ended: their frames reach a sensor, or would. */
export function liveAttachments(pod: JsonObject): readonly LiveAttachment[] {
  return arrayAt(pod, 'spec', 'ephemeralContainers')
    .map((container) => textAt(container, 'name'))
    .filter(isOwnName)
    .map((name) => ({ name, state: attachedState(pod, name) }))
    .filter(({ state }) => state.kind !== 'ended')
}

/** How the ephemeral container `name` is; one without a status waits for its kubelet. */
export function attachedState(pod: JsonObject, name: string): AttachedState {
  const statuses = arrayAt(pod, 'status', 'ephemeralContainerStatuses').filter(isObject)
  const status = statuses.find((each) => each['name'] === name)
  if (valueAt(status, 'state', 'running') !== undefined) return { kind: 'running' }
  const ended = valueAt(status, 'state', 'terminated')
  if (ended !== undefined) {
    const message = textAt(ended, 'message') || textAt(ended, 'reason')
    return { kind: 'ended', exitCode: Number(valueAt(ended, 'exitCode') ?? 0), message }
  }
  const reason = textAt(status, 'state', 'waiting', 'reason')
  return { kind: 'waiting', reason, message: textAt(status, 'state', 'waiting', 'message') }
}
