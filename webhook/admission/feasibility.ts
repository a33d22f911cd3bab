/** What could not work: pods that would never start, never end, or mirror what they must not. */
import { SIDECAR_NAME } from '../../sidecar/contract.ts'
import { inject } from './inject.ts'
import { arrayAt, objectAt, textAt, valueAt } from './json.ts'
import { limitRangeProblem, podLevelProblem } from './limits.ts'
import { quotaProblem } from './quota.ts'
import { settingsFor } from './settings-for.ts'
import { VOLUME_NAME } from './sidecar-container.ts'
import type { Situation } from './situation.ts'
import { isOwnContainer, isOwnVolume, uninject } from './uninject.ts'

const PSA_ENFORCE = 'pod-security.kubernetes.io/enforce'

/** Mirroring the sensor would mirror the mirror. */
export function isSensor({ workload, installation }: Situation): string | undefined {
  const { sensor, sensorLabel, sensorNamespace } = installation.sidecar
  const label = textAt(workload.template, 'metadata', 'labels', sensorLabel)
  return workload.namespace === sensorNamespace && label === sensor
    ? `its pods are the sensor (${sensorLabel}=${sensor})`
    : undefined
}

/** Such a pod has no interface of its own: all traffic of its node would be mirrored. */
export function hostNetwork({ workload }: Situation): string | undefined {
  return valueAt(workload.template, 'spec', 'hostNetwork') === true
    ? 'its pods use the network of their node (hostNetwork)'
    : undefined
}

/** The sidecar is a program for Linux. */
export function windows({ workload }: Situation): string | undefined {
  const system =
    textAt(workload.template, 'spec', 'os', 'name') ||
    textAt(workload.template, 'spec', 'nodeSelector', 'kubernetes.io/os')
  return system === 'windows' ? 'its pods run on Windows' : undefined
}

/** Pod Security rejects pods, not templates: the rollout would hang without a pod. */
export function podSecurity({ namespace }: Situation): string | undefined {
  const level = namespace?.labels[PSA_ENFORCE] ?? ''
  return ['baseline', 'restricted'].includes(level)
    ? `the namespace enforces Pod Security "${level}", which forbids NET_RAW`
    : undefined
}

/** A pod ends when its containers have ended, of which a native sidecar is none. */
export function neverEnds(situation: Situation): string | undefined {
  const { kind, template } = situation.workload
  if (settingsFor(situation).native) return undefined
  const policy = textAt(template, 'spec', 'restartPolicy')
  const ends = kind.endsByItself || ['Never', 'OnFailure'].includes(policy)
  return ends ? 'its pods would never end beside a classic sidecar (NATIVE_SIDECAR)' : undefined
}

/** A container or volume of podtap's name that podtap did not make. */
export function nameTaken({ workload: { template } }: Situation): string | undefined {
  const spec = objectAt(template, 'spec')
  const containers = [...arrayAt(spec, 'containers'), ...arrayAt(spec, 'initContainers')]
  const taken = [
    ...foreign(containers, SIDECAR_NAME, isOwnContainer),
    ...foreign(arrayAt(spec, 'volumes'), VOLUME_NAME, isOwnVolume),
  ]
  return taken[0] === undefined ? undefined : `the name ${taken[0]} is taken in the pod template`
}

/** The API server would refuse the template as a whole, and the update with it. */
export function podResources(situation: Situation): string | undefined {
  const { template = {} } = situation.workload
  if (objectAt(template, 'spec', 'resources')['requests'] === undefined) return undefined
  return podLevelProblem(inject(template, settingsFor(situation)))
}

/** LimitRanges reject pods, not templates: the rollout would hang without a pod. */
export function limitRange(situation: Situation): string | undefined {
  const { workload, cluster } = situation
  if (cluster?.limits === undefined || cluster.limits.limitRanges.length === 0) return undefined
  return limitRangeProblem(inject(workload.template ?? {}, settingsFor(situation)), cluster.limits)
}

/** So do ResourceQuotas. */
export function quota(situation: Situation): string | undefined {
  const { workload, cluster } = situation
  if (cluster?.limits === undefined || cluster.limits.quotas.length === 0) return undefined
  const bare = uninject(workload.template ?? {})
  const injected = inject(bare, settingsFor(situation))
  return quotaProblem(workload, { bare, injected }, cluster.limits)
}

function foreign(
  list: readonly unknown[],
  name: string,
  isOwn: (element: unknown) => boolean,
): readonly string[] {
  return list.some((element) => valueAt(element, 'name') === name && !isOwn(element)) ? [name] : []
}
