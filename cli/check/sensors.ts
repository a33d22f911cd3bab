/** Whether the sensors that sidecars look for are there, and whether sidecars may see them. */
import { textAt, arrayAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import type { SidecarSettings } from '../../webhook/admission/settings.ts'
import { readSensorSetting, type SensorSetting } from '../../sidecar/contract.ts'
import type { Known } from '../cluster/known.ts'
import { failure, notChecked, ok, warning, type Finding } from './finding.ts'

/** A sensor as sidecars are told to look for it, and the namespaces whose sidecars do. */
export interface WantedSensor {
  readonly setting: SensorSetting
  /** Where pods with the label are looked for, and the key of the label. */
  readonly namespace: string
  readonly label: string
  readonly users: readonly string[]
}

/** What is known of a wanted sensor. */
export interface SensorFacts extends WantedSensor {
  /** The pods with its label; none are asked for where it is no pod. */
  readonly pods: Known<readonly JsonObject[]>
  /** For each user whether the service accounts of that namespace may list these pods. */
  readonly access: readonly { readonly user: string; readonly allowed: Known<boolean> }[]
}

/** The sensors of namespaces with these settings, each once. */
export function wantedSensors(
  settings: ReadonlyMap<string, SidecarSettings>,
): readonly WantedSensor[] {
  const groups = Map.groupBy(settings, ([, each]) =>
    [each.sensorNamespace, each.sensorLabel, each.sensor].join(' '),
  )
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    const read = first === undefined ? undefined : readSensorSetting(first[1].sensor)
    if (first === undefined || read === undefined || !('value' in read)) return []
    const { sensorNamespace: namespace, sensorLabel: label } = first[1]
    return [{ setting: read.value, namespace, label, users: group.map(([user]) => user) }]
  })
}

/** What is to be said about sensors. */
export function checkSensors(sensors: readonly SensorFacts[]): readonly Finding[] {
  return sensors.flatMap((sensor) => [...checkPods(sensor), ...checkAccess(sensor)])
}

function checkPods({ setting, namespace, label, pods, users }: SensorFacts): readonly Finding[] {
  if (setting.kind === 'address') return [ok(`the sensor is the address ${setting.address}`)]
  if (setting.kind === 'host') return [ok(`the sensor is the host ${setting.host}`)]
  const selector = `${label}=${setting.labelValue}`
  if ('problem' in pods) return [notChecked(`the sensor ${selector}`, pods.problem)]
  const forWhom = `for ${users.join(', ')}`
  // One that is about to end is as good as gone.
  const live = pods.value.filter((pod) => !isEnding(pod))
  const ready = live.filter(isReady).length
  if (ready > 0) {
    const found = `${ready} of ${live.length} sensor pods ${selector} ready`
    return [ok(`${found} in the namespace ${namespace}, ${forWhom}`)]
  }
  if (live.length > 0) {
    return [
      failure(
        `none of ${live.length} sensor pods ${selector} in the namespace ${namespace} is ready: ` +
          `frames of ${users.join(', ')} are dropped`,
        `kubectl -n ${namespace} describe pods -l ${selector}`,
      ),
    ]
  }
  return [
    failure(
      `there is no sensor: no pod ${selector} in the namespace ${namespace} (${forWhom})`,
      'run one with that label there, or name another: SENSOR at the webhook, podtap.dev/sensor on the namespace',
    ),
  ]
}

function checkAccess({ setting, namespace, access }: SensorFacts): readonly Finding[] {
  if (setting.kind !== 'pods') return []
  return access.flatMap(({ user, allowed }) => {
    if ('problem' in allowed)
      return [notChecked(`whether sidecars of ${user} may see sensors`, allowed.problem)]
    if (allowed.value) return []
    return [
      warning(
        `sidecars of ${user} may not list pods in the namespace ${namespace}, so they find no sensor`,
        `kubectl -n ${namespace} create rolebinding podtap-${user} --role=podtap-sensor-reader ` +
          `--group=system:serviceaccounts:${user}; in podtap's own sensor namespace the webhook does it: see its log`,
      ),
    ]
  })
}

/** As sidecars decide it: of the pods that are not about to end, those that run and are ready. */
function isReady(pod: JsonObject): boolean {
  const conditions = arrayAt(pod, 'status', 'conditions')
  const ready = conditions.find((condition) => valueAt(condition, 'type') === 'Ready')
  return textAt(pod, 'status', 'phase') === 'Running' && valueAt(ready, 'status') === 'True'
}

function isEnding(pod: JsonObject): boolean {
  return valueAt(pod, 'metadata', 'deletionTimestamp') !== undefined
}
