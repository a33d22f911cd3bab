/** POST /mutate: an admission review in, its answer out. */
import { messageOf } from '../../lib/errors.ts'
import type { Logger } from '../../lib/logger.ts'
import { admit, NAMESPACE_REASONS, type Outcome } from '../admission/admit.ts'
import { eventFor } from '../admission/event.ts'
import type { JsonObject } from '../admission/json.ts'
import { isQuiet, warningText } from '../admission/messages.ts'
import { admitted, parseReview, workloadOf, type Review } from '../admission/review.ts'
import type { NamespaceFacts, Situation } from '../admission/situation.ts'
import type { Installation } from '../admission/settings.ts'
import type { Workload } from '../admission/workload.ts'
import type { ClusterDirectory } from '../cluster.ts'
import type { EventSink } from '../events.ts'
import type { HttpApp } from '../http-app.ts'
import type { ReviewLabels, WebhookMetrics } from '../metrics.ts'
import type { NamespaceDirectory } from '../namespaces.ts'

/** What the route works with. */
export interface MutateDeps {
  readonly installation: Installation
  readonly namespaces: NamespaceDirectory
  readonly metrics: WebhookMetrics
  readonly logger: Logger
  /** Without it nothing is known of the cluster beside its namespaces. */
  readonly cluster?: ClusterDirectory
  /** Without it no events are recorded. */
  readonly events?: EventSink
}

/** The answer to a review, and what is counted about it. */
interface Reply {
  readonly body: JsonObject
  readonly labels: ReviewLabels
}

/**
 * Registers POST /mutate. Every review that can be read is answered with 200 and its uid; whatever
 * goes wrong here admits the object as it is, because a broken tap must not stop a rollout. A body
 * that is no review is answered with 400 and ERR_REVIEW.
 */
export function registerMutate(app: HttpApp, deps: MutateDeps): void {
  app.post('/mutate', async (request) => {
    const review = parseReview(request.body)
    const start = performance.now()
    const { body, labels } = await answer(deps, review)
    deps.metrics.countReview(labels, (performance.now() - start) / 1000)
    return body
  })
}

async function answer(deps: MutateDeps, review: Review): Promise<Reply> {
  try {
    const workload = workloadOf(review)
    if (workload === undefined) return ignored(review)
    const { situation, outcome } = await judge(deps, workload)
    log(deps.logger, review, { situation, outcome })
    recordEvent(deps, review, { situation, outcome })
    return decided(review, outcome)
  } catch (err) {
    const { uid, namespace, name } = review
    deps.logger.error({ err, uid, namespace, name }, 'admission failed, object admitted unchanged')
    return failed(review, err)
  }
}

interface Judgement {
  readonly situation: Situation
  readonly outcome: Outcome
}

/**
 * The outcome by what was seen of the namespace. A refusal that rests on it is decided again by the
 * namespace as it is: what was seen can lag behind `kubectl annotate … && kubectl rollout restart …`.
 */
async function judge(deps: MutateDeps, workload: Workload): Promise<Judgement> {
  const seen = await judgeIn(deps, workload, deps.namespaces.seen(workload.namespace))
  if (!NAMESPACE_REASONS.some((reason) => reason === seen.outcome.reason)) return seen
  return judgeIn(deps, workload, await readNow(deps, workload.namespace))
}

async function judgeIn(
  deps: MutateDeps,
  workload: Workload,
  namespace: NamespaceFacts | undefined,
): Promise<Judgement> {
  const installation = deps.cluster?.installation() ?? deps.installation
  const cluster = (await deps.cluster?.factsOf(workload, namespace)) ?? {}
  const situation = { workload, installation, namespace, cluster }
  return { situation, outcome: admit(situation) }
}

/** Nothing is written for a request that changes nothing (`kubectl diff`, `--dry-run=server`). */
function recordEvent(deps: MutateDeps, review: Review, { situation, outcome }: Judgement): void {
  const event = review.dryRun ? undefined : eventFor(situation, outcome)
  if (event !== undefined) deps.events?.record(event)
}

/** The namespace as it is now; where it cannot be read, as it was seen. */
async function readNow(deps: MutateDeps, name: string): Promise<NamespaceFacts | undefined> {
  try {
    return await deps.namespaces.read(name)
  } catch (err) {
    deps.logger.warn({ err, namespace: name }, 'namespace not read, using what was seen of it')
    return deps.namespaces.seen(name)
  }
}

function decided(review: Review, outcome: Outcome): Reply {
  const { verdict, reason, configHash, patch, warnings } = outcome
  const auditAnnotations = {
    decision: verdict,
    reason,
    ...(configHash !== '' && { config: configHash }),
  }
  return {
    body: admitted(review.uid, { patch, warnings, auditAnnotations }),
    labels: { decision: verdict, reason },
  }
}

function ignored(review: Review): Reply {
  return {
    body: admitted(review.uid),
    labels: { decision: 'ignored', reason: 'not-a-template' },
  }
}

function failed(review: Review, thrown: unknown): Reply {
  const warnings = [warningText(`internal error, admitted unchanged: ${messageOf(thrown)}`)]
  const labels = { decision: 'failed', reason: 'internal-error' } as const
  return { body: admitted(review.uid, { warnings, auditAnnotations: labels }), labels }
}

function log(logger: Logger, review: Review, { situation, outcome }: Judgement): void {
  const { uid, namespace, kind, name, operation, dryRun } = review
  const { verdict, reason, configHash } = outcome
  const fields = { uid, namespace, kind, name, operation, dryRun, verdict, reason, configHash }
  const level = verdict === 'unchanged' && isQuiet(situation, reason) ? 'debug' : 'info'
  logger[level](fields, 'admission decided')
}
