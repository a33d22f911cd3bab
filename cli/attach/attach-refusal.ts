import { injectValue, readOverrides } from '../../webhook/admission/annotations.ts'
import { hostNetwork, isSensor, podSecurity, windows } from '../../webhook/admission/feasibility.ts'
import { textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import type { Situation } from '../../webhook/admission/situation.ts'
import { hasSidecar } from '../../webhook/admission/uninject.ts'
import { annotationsOf } from '../../webhook/admission/workload.ts'
import { liveAttachments } from './attached-containers.ts'

/** What is asked: whether the sidecar can be attached to a pod. */
export interface AttachQuestion {
  readonly pod: JsonObject
  /** The pod as the webhook would see it; its installation has the sensor that is meant. */
  readonly situation: Situation
  /** Whether it is to be attached although it was opted out, or waits for an image already. */
  readonly force: boolean
}

/** Why the sidecar cannot be attached, in words; undefined: nothing is known against it. */
export function attachRefusal(question: AttachQuestion): string | undefined {
  const { pod, situation } = question
  return (
    notRunning(pod) ??
    impossible(situation) ??
    podSecurity(situation) ??
    alreadyMirrored(question) ??
    optedOut(question) ??
    badAnnotation(question)
  )
}

function notRunning(pod: JsonObject): string | undefined {
  if (valueAt(pod, 'metadata', 'deletionTimestamp') !== undefined) return 'it is about to end'
  const phase = textAt(pod, 'status', 'phase')
  return phase === 'Running' ? undefined : `it does not run (${phase || 'no status'})`
}

function impossible(situation: Situation): string | undefined {
  if (hostNetwork(situation) !== undefined)
    return 'it uses the network of its node (hostNetwork), whose traffic would all be mirrored'
  if (windows(situation) !== undefined) return 'it runs on Windows'
  const { sensor, sensorLabel } = situation.installation.sidecar
  return isSensor(situation) && `it is the sensor itself (${sensorLabel}=${sensor})`
}

function alreadyMirrored({ pod, force }: AttachQuestion): string | undefined {
  if (hasSidecar(pod)) return 'it is mirrored already, by its sidecar'
  const live = liveAttachments(pod)
  const running = live.find(({ state }) => state.kind === 'running')
  if (running) return `it is mirrored already, by its container ${running.name} that was attached`
  const [waiting] = live
  return waiting === undefined || force
    ? undefined
    : `its container ${waiting.name} was attached already and has not started; --force adds another`
}

function optedOut({ pod, situation, force }: AttachQuestion): string | undefined {
  if (force) return undefined
  if (injectValue(annotationsOf(pod)) === false)
    return 'it is opted out (podtap.dev/inject is disabled on it); --force does it nevertheless'
  const isOut = injectValue(situation.namespace?.annotations ?? {}) === false
  return isOut
    ? 'its namespace is opted out (podtap.dev/inject is disabled there); --force does it nevertheless'
    : undefined
}

/** As the webhook: what somebody meant to set, a filter say, is not passed over. */
function badAnnotation({ pod, situation }: AttachQuestion): string | undefined {
  const { problems } = readOverrides(situation.namespace?.annotations ?? {}, annotationsOf(pod))
  return problems[0]
}
