/** What is to be attached to a pod, or why nothing is: reads the cluster, and changes nothing. */
import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import type { KubeObject } from '../../lib/kube/objects.ts'
import { FILTER, type Override } from '../../webhook/admission/annotations.ts'
import { namespaceFactsOf } from '../../webhook/admission/namespace-facts.ts'
import { settingsFor } from '../../webhook/admission/settings-for.ts'
import type { SidecarSettings } from '../../webhook/admission/settings.ts'
import type { Situation } from '../../webhook/admission/situation.ts'
import { newWorkload, POD } from '../../webhook/admission/workload.ts'
import { known, valueOf } from '../cluster/known.ts'
import { readPod } from '../cluster/read-pod.ts'
import { filterProblemHere } from '../cluster/survey-cluster.ts'
import { currentInstallation } from '../installation/current-installation.ts'
import { attachRefusal } from './attach-refusal.ts'
import { findSensor, type AttachedSensor } from './find-sensor.ts'

/** What somebody asks for. */
export interface AttachRequest {
  readonly namespace: string
  readonly name: string
  /** What the options change of the installation's sidecar. */
  readonly override: Override
  readonly force: boolean
}

/** What is to be done. */
export interface AttachmentPlan {
  readonly settings: SidecarSettings
  readonly sensor: AttachedSensor
  /** What could not be looked at, in words; empty: nothing. */
  readonly unseen: readonly string[]
}

/**
 * The sidecar that the webhook would give to the pod, with the options, and with a sensor that needs no
 * looking for.
 * @throws AppError ERR_POD, ERR_SENSOR, ERR_CONFIG or KubeError: nothing can be attached, and why.
 */
export async function planAttachment(
  client: KubeClient,
  request: AttachRequest,
): Promise<AttachmentPlan> {
  const { namespace, name, override, force } = request
  const pod = await readPod(client, namespace, name)
  const [about, installation] = await Promise.all([
    known(client.request(`/api/v1/namespaces/${namespace}`)),
    currentInstallation(client),
  ])
  const facts = valueOf(about) as KubeObject | undefined
  const seen: Situation = {
    workload: newWorkload(POD, pod),
    namespace: facts && namespaceFactsOf(facts),
    installation,
  }
  const settings = { ...settingsFor(seen), ...override }
  const situation = { ...seen, installation: { ...installation, sidecar: settings } }
  const refusal = attachRefusal({ pod, situation, force })
  if (refusal !== undefined) throw new AppError('ERR_POD', `pod ${name}: ${refusal}`)
  await requireFilter(settings.filter, override)
  const sensor = await findSensor(client, pod, settings)
  const { sensor: target, receiver = settings.receiver } = sensor
  const unseen = 'problem' in about ? [about.problem] : []
  return { settings: { ...settings, sensor: target, receiver }, sensor, unseen }
}

/** @throws AppError ERR_CONFIG where the option does not compile, ERR_POD where an annotation does not. */
async function requireFilter(filter: string, override: Override): Promise<void> {
  const problem = filter === '' ? undefined : await filterProblemHere(filter)
  if (problem === undefined) return
  if (override.filter !== undefined) throw new AppError('ERR_CONFIG', problem)
  throw new AppError('ERR_POD', `${FILTER}: ${problem}`)
}
