/** Carrying out a plan, one workload after the other. */
import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import type { RolloutProgress } from '../../webhook/coverage/rollout.ts'
import { budgetProblem } from './budget.ts'
import { referenceOf, type Step } from './plan.ts'
import { budgetsPermit, listBudgets, restart, rolloutComplete } from './rollout.ts'

/** What it works with. */
export interface RefreshOptions {
  readonly client: KubeClient
  /** How long each workload may take, waiting for its budget included, in milliseconds. */
  readonly timeoutMs: number
  /** Aborts when the user does not want to wait any longer. */
  readonly signal: AbortSignal
  /** Writes one line of progress. */
  readonly report: (line: string) => void
}

/** How it ended. */
export interface RefreshResult {
  readonly refreshed: readonly Step[]
  /** With what came in between; the last one may have ended it all. */
  readonly left: readonly { readonly step: Step; readonly why: string }[]
}

/**
 * Restarts or updates what the steps say, one at a time: the next one begins when all pods of the last
 * are new and available. It ends at the first rollout that does not come to its end in time, because
 * what is wrong there may be wrong everywhere.
 */
export async function refresh(
  steps: readonly Step[],
  options: RefreshOptions,
): Promise<RefreshResult> {
  const refreshed: Step[] = []
  const left: { step: Step; why: string }[] = []
  for (const [index, step] of steps.entries()) {
    const place = `[${index + 1}/${steps.length}]`
    const { why, ends } = await refreshOne(step, place, options)
    if (why === undefined) refreshed.push(step)
    else left.push({ step, why })
    if (ends !== true) continue
    const rest = steps.slice(index + 1).map((each) => ({ step: each, why: 'not begun' }))
    return { refreshed, left: [...left, ...rest] }
  }
  return { refreshed, left }
}

/** The work on one step. */
interface Turn {
  readonly step: Step
  readonly client: KubeClient
  /** Aborts when the time is over, or the user has had enough. */
  readonly signal: AbortSignal
  readonly report: (line: string) => void
}

interface Outcome {
  /** Why it was not refreshed; undefined: it was. */
  readonly why?: string
  /** Whether no other may begin. */
  readonly ends?: boolean
}

async function refreshOne(step: Step, place: string, options: RefreshOptions): Promise<Outcome> {
  const { client, timeoutMs, signal } = options
  const turn: Turn = {
    step,
    client,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    report: (line) => {
      options.report(`${place} ${step.workload.namespace} ${referenceOf(step.workload)}: ${line}`)
    },
  }
  const outcome = await attempt(turn)
  const ended = signal.aborted
    ? { why: 'interrupted; what was begun goes on', ends: true }
    : outcome
  turn.report(ended.why ?? 'done')
  return ended
}

async function attempt(turn: Turn): Promise<Outcome> {
  try {
    if (turn.step.action === 'update') return await change(turn)
    const obstacle = await waitForTurn(turn)
    if (obstacle !== undefined) return obstacle
    const changed = await change(turn)
    return changed.why === undefined ? await waitForEnd(turn) : changed
  } catch (error) {
    if (turn.signal.aborted) return { why: 'the API did not answer in time', ends: true }
    if (error instanceof AppError) return { why: error.message }
    throw error
  }
}

/** Waits for a rollout that is under way, and for the budgets; returns what is still in the way. */
async function waitForTurn(turn: Turn): Promise<Outcome | undefined> {
  const { step, client, signal, report } = turn
  const { namespace } = step.workload
  const onProgress = reporter((line) => {
    report(`waits for a rollout that is under way: ${line}`)
  })
  const object = await rolloutComplete(client, step.workload, { signal, onProgress })
  if (object === undefined) return { why: 'another rollout did not end in time', ends: true }
  const problem = budgetProblem(object, await listBudgets(client, namespace))
  if (problem === undefined) return undefined
  report(`waits: ${problem}`)
  const permits = (budgets: readonly JsonObject[]): boolean =>
    budgetProblem(object, budgets) === undefined
  return (await budgetsPermit(client, namespace, { signal, permits }))
    ? undefined
    : { why: problem }
}

/** Changes the template, unless a rehearsal shows that this would not mend it. */
async function change({ step, client, report }: Turn): Promise<Outcome> {
  const { workload } = step
  const rehearsed = await restart(client, workload, { dryRun: true, now: new Date() })
  if (rehearsed.configHash !== workload.configHash) {
    const why =
      'left as it is: the webhook did not do at a rehearsal what it should; see podtap check'
    return { why }
  }
  report(step.action === 'update' ? `changing its template: ${step.remark}` : describe(step))
  await restart(client, workload, { dryRun: false, now: new Date() })
  return {}
}

async function waitForEnd({ step, client, signal, report }: Turn): Promise<Outcome> {
  const onProgress = reporter(report)
  const object = await rolloutComplete(client, step.workload, { signal, onProgress })
  if (object !== undefined) return {}
  const see = `kubectl -n ${step.workload.namespace} rollout status ${referenceOf(step.workload)}`
  return { why: `its rollout did not end in time; see ${see}`, ends: true }
}

function describe({ state, drifted, workload }: Step): string {
  return `restarting (${drifted} of ${workload.pods.length} pods ${state})`
}

/** Reports each change of a rollout that goes on, once. */
function reporter(report: (line: string) => void): (progress: RolloutProgress) => void {
  let last = ''
  return ({ wanted, updated, available, complete }) => {
    const line = `${updated} of ${wanted} pods are new, ${available} available`
    if (!complete && line !== last) report(line)
    last = line
  }
}
