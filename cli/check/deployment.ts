/** Whether the webhook runs. */
import { AppError, messageOf } from '../../lib/errors.ts'
import { arrayAt, textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import type { Known } from '../cluster/known.ts'
import { imagesOf, webhookSettings } from '../installation/webhook-settings.ts'
import { failure, hint, notChecked, ok, warning, type Finding } from './finding.ts'

/** What is known of the webhook's Deployment. */
export interface DeploymentFacts {
  readonly namespace: string
  readonly deployment: Known<JsonObject | undefined>
  /** The pods of its namespace. */
  readonly pods: Known<readonly JsonObject[]>
  /** The version of this command. */
  readonly version: string
}

/** What is to be said about the Deployment. */
export function checkDeployment(facts: DeploymentFacts): readonly Finding[] {
  const { deployment: found, namespace, version } = facts
  if ('problem' in found) return [notChecked("the webhook's Deployment", found.problem)]
  const deployment = found.value
  if (deployment === undefined) {
    const fact = `no Deployment is behind the webhook's Service in the namespace ${namespace}`
    return [failure(fact, 'podtap install | kubectl apply -f -')]
  }
  return [
    checkReplicas(deployment, facts),
    ...checkSettings(deployment, namespace),
    ...checkImage(deployment, version),
  ]
}

function checkReplicas(deployment: JsonObject, { namespace, pods }: DeploymentFacts): Finding {
  const wanted = Number(valueAt(deployment, 'spec', 'replicas') ?? 1)
  const ready = Number(valueAt(deployment, 'status', 'readyReplicas') ?? 0)
  const replicas = `${ready} of ${wanted} replicas`
  if (wanted > 0 && ready >= wanted) return ok(`the webhook is ready: ${replicas}`)
  const name = textAt(deployment, 'metadata', 'name')
  if (wanted === 0)
    return failure(
      'the webhook is scaled to 0 replicas: new pods start without the sidecar',
      `kubectl -n ${namespace} scale deployment/${name} --replicas=1`,
    )
  const reasons = 'value' in pods ? pods.value.flatMap(troublesOf) : []
  const why = reasons.length > 0 ? ` (${[...new Set(reasons)].join(', ')})` : ''
  const fix = `kubectl -n ${namespace} describe deployment/${name}; kubectl -n ${namespace} logs deployment/${name}`
  const tell = ready === 0 ? failure : warning
  return tell(`the webhook is not ready: ${replicas}${why}`, fix)
}

/** Why the containers of a pod do not run: `ImagePullBackOff`, `CrashLoopBackOff` …, or why it has no node. */
function troublesOf(pod: JsonObject): readonly string[] {
  const waiting = arrayAt(pod, 'status', 'containerStatuses').map((status) =>
    textAt(status, 'state', 'waiting', 'reason'),
  )
  const conditions = arrayAt(pod, 'status', 'conditions')
  const scheduled = conditions.find((each) => valueAt(each, 'type') === 'PodScheduled')
  const unbound = valueAt(scheduled, 'status') === 'False' ? textAt(scheduled, 'reason') : ''
  return [...waiting, unbound].filter((reason) => reason !== '' && reason !== 'ContainerCreating')
}

function checkSettings(deployment: JsonObject, namespace: string): readonly Finding[] {
  try {
    webhookSettings(deployment, namespace)
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [
      failure(`the webhook cannot start: ${messageOf(error)}`, 'correct it in its Deployment'),
    ]
  }
}

/** Commands and webhook decide alike only where they are of one version. */
function checkImage(deployment: JsonObject, version: string): readonly Finding[] {
  const [image = ''] = imagesOf(deployment)
  const tag = /:([^:/@]+)(?:@.*)?$/.exec(image)?.[1] ?? ''
  if (!/^v?\d+\.\d+\.\d+$/.test(tag) || tag.replace(/^v/, '') === version) return []
  return [hint(`the webhook is ${image}, this command ${version}`, 'use the same version of both')]
}
