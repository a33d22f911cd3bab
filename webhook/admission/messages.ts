/** What people read in their terminal: admission warnings of kubectl. */
import { INJECT, injectValue, KNOWN_KEYS, writtenKeys } from './annotations.ts'
import type { Reason, Verdict } from './decide.ts'
import { objectAt, textAt, valueAt } from './json.ts'
import type { Situation } from './situation.ts'
import { annotationsOf, referenceOf, type Workload } from './workload.ts'

/**
 * Length at which the API server's documentation asks for warnings to end, in characters. Source:
 * AdmissionResponse.warnings in kubernetes/api admission/v1.
 */
export const MAX_WARNING_LENGTH = 120

/** Refusals that nobody needs to be told: they are the ordinary state of most workloads. */
const QUIET: readonly Reason[] = [
  'system-namespace',
  'unreadable-template',
  'template-unchanged',
  'static-pod',
  'owned-by-workload',
]

/** Refusals that mean something only where podtap is enabled; they are found before that is asked. */
const QUIET_ELSEWHERE: readonly Reason[] = ['rolled-back', 'operator-owned', 'opted-out']

/**
 * A warning of podtap: one line without control characters (they are taken out, because texts of
 * strangers are quoted in it), at most MAX_WARNING_LENGTH characters.
 */
export function warningText(text: string): string {
  const characters = Array.from(oneLine(text))
  if (characters.length <= MAX_WARNING_LENGTH) return characters.join('')
  return `${characters.slice(0, MAX_WARNING_LENGTH - 1).join('')}…`
}

/**
 * Warnings that say what was decided and why: one line, or, where that would cut off the reason (a bad
 * value stands at its end), two.
 */
export function decisionLines(what: string, why: string): readonly string[] {
  const together = `${what}: ${why}`
  const fits = Array.from(oneLine(together)).length <= MAX_WARNING_LENGTH
  return fits ? [warningText(together)] : [warningText(what), warningText(why)]
}

function oneLine(text: string): string {
  return `podtap: ${text}`.replaceAll(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ')
}

/** Whether a refusal goes without a warning, because nobody asked for anything else. */
export function isQuiet({ workload, namespace }: Situation, reason: Reason): boolean {
  if (QUIET_ELSEWHERE.includes(reason)) return injectValue(namespace?.annotations ?? {}) !== true
  if (reason === 'not-enabled') {
    return writtenKeys(annotationsOf(workload.template ?? {})).length === 0
  }
  return QUIET.includes(reason)
}

/** How a workload that was rolled back gets the sidecar again. */
export function restartHint(workload: Workload): string {
  const { namespace } = workload
  return warningText(
    `to add it again: kubectl rollout restart ${referenceOf(workload)} -n ${namespace}`,
  )
}

/** Warnings beside the decision: what was written in the wrong place, and what holds the pods back. */
export function hintsFor(situation: Situation, verdict: Verdict): readonly string[] {
  const { workload, namespace } = situation
  const enabled = namespace?.annotations[INJECT] !== undefined
  return [
    ...(enabled ? unknownKeys(workload) : []),
    ...(workload.kind.templatePath.length > 0 ? misplacedKeys(workload) : []),
    ...(verdict === 'unchanged' ? [] : holdUps(workload)),
  ].map(warningText)
}

function unknownKeys({ template = {} }: Workload): readonly string[] {
  const unknown = writtenKeys(annotationsOf(template)).filter((key) => !KNOWN_KEYS.includes(key))
  return unknown.map((key) => `unknown annotation on the pod template, ignored: ${key}`)
}

/** Annotations on the workload itself: they never reach its pods. */
function misplacedKeys({ kind, object }: Workload): readonly string[] {
  const keys = writtenKeys(annotationsOf(object)).filter((key) => KNOWN_KEYS.includes(key))
  const place = [...kind.templatePath, 'metadata', 'annotations'].join('.')
  return keys.map((key) => `${key} has no effect on a ${kind.kind}; it belongs in ${place}`)
}

/** Why the pods will not change by themselves. */
function holdUps({ object }: Workload): readonly string[] {
  const spec = objectAt(object, 'spec')
  const strategy = objectAt(spec, 'updateStrategy')
  const partition = valueAt(strategy, 'rollingUpdate', 'partition')
  return [
    ...(spec['paused'] === true
      ? ['the rollout is paused: pods change after kubectl rollout resume']
      : []),
    ...(textAt(strategy, 'type') === 'OnDelete'
      ? ['updateStrategy OnDelete: each pod changes when it is deleted']
      : []),
    ...(typeof partition === 'number' && partition > 0
      ? [`updateStrategy partition ${partition}: pods below it do not change`]
      : []),
  ]
}
