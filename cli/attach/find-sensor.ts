/** The sensor of an attached sidecar, found once and with the caller's rights: the sidecar has none. */
import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import type { Pod } from '../../lib/kube/objects.ts'
import {
  readSensorSetting,
  ZONE_LABEL,
  type Receiver,
  type SensorSetting,
} from '../../sidecar/contract.ts'
import { receiverOf } from '../../sidecar/receiver.ts'
import { chooseSensor } from '../../sidecar/sensor/choose-sensor.ts'
import { readSensorPod, sensorsAmong } from '../../sidecar/sensor/sensor-pod.ts'
import { arrayAt } from '../../webhook/admission/json.ts'
import type { SidecarSettings } from '../../webhook/admission/settings.ts'

/** A sensor that needs no looking for in the cluster. */
export interface AttachedSensor {
  /** The value of SENSOR. */
  readonly sensor: string
  /** The value of RECEIVER, where more is known here than the sidecar can know. */
  readonly receiver?: Receiver
  /** For people: who it is, and where. */
  readonly description: string
}

/** Where sensor pods were looked for, and what was found. */
export interface SensorSearch {
  /** The pod that is to be mirrored. */
  readonly pod: Pod
  readonly settings: SidecarSettings
  /** All pods with the label, ready or not. */
  readonly candidates: readonly Pod[]
}

/**
 * The sensor for `pod`: what the settings name, or, of pods with a label, the one that its sidecar would
 * choose now.
 * @throws AppError ERR_SENSOR where there is none; KubeError where they may not be listed.
 */
export async function findSensor(
  client: KubeClient,
  pod: Pod,
  settings: SidecarSettings,
): Promise<AttachedSensor> {
  const setting = settingOf(settings)
  if (setting.kind === 'address') return fixed(pod, setting.address)
  if (setting.kind === 'host')
    return { sensor: `host:${setting.host}`, description: `the host ${setting.host}` }
  const list = await client.request(`/api/v1/namespaces/${settings.sensorNamespace}/pods`, {
    query: { labelSelector: `${settings.sensorLabel}=${setting.labelValue}` },
  })
  return sensorAmong({ pod, settings, candidates: arrayAt(list, 'items') as readonly Pod[] })
}

/**
 * The sensor among the pods with the label, by the sidecar's own rules.
 * @throws AppError ERR_SENSOR where none of them can be one.
 */
export function sensorAmong(search: SensorSearch): AttachedSensor {
  const { pod, settings, candidates } = search
  const { metadata = {}, spec = {} } = pod
  const ready = candidates.flatMap((each) => readSensorPod(each) ?? [])
  const { sensors, ignored } = sensorsAmong(ready, {
    ownAddresses: addressesOf(pod),
    port: settings.sensorPort,
  })
  const { nodeName } = spec
  const zone = metadata.labels?.[ZONE_LABEL]
  const chosen = chooseSensor(sensors, { identity: metadata.name ?? '', nodeName, zone })
  if (chosen === undefined) throw noSensor(search, ignored[0]?.reason)
  const { address } = chosen.destination
  const setting = settings.receiver ?? 'auto'
  const receiver = receiverOf(chosen, { setting, nodeName })
  return { sensor: address, receiver, description: `${chosen.name} at ${address}` }
}

function settingOf({ sensor }: SidecarSettings): SensorSetting {
  const read = readSensorSetting(sensor)
  if ('value' in read) return read.value
  throw new TypeError(`settingOf: expected a checked sensor, received ${sensor}`)
}

/** @throws AppError ERR_SENSOR for an address of the pod itself. */
function fixed(pod: Pod, address: string): AttachedSensor {
  if (!addressesOf(pod).includes(address)) return { sensor: address, description: address }
  throw new AppError(
    'ERR_SENSOR',
    `${address} is the pod itself: name another sensor with --sensor`,
  )
}

function addressesOf({ status = {} }: Pod): readonly string[] {
  return [status.podIP, ...(status.podIPs ?? []).map(({ ip }) => ip)].filter(
    (ip) => ip !== undefined,
  )
}

function noSensor({ settings, candidates }: SensorSearch, reason: string | undefined): AppError {
  const { sensorLabel, sensor, sensorNamespace: namespace } = settings
  const selector = `${sensorLabel}=${sensor.replace(/^pod:/, '')}`
  const found =
    candidates.length === 0
      ? `no pod has the label ${selector} in the namespace ${namespace}`
      : `none of ${candidates.length} pods ${selector} in the namespace ${namespace} can be one now`
  const why = reason === undefined ? '' : ` (${reason})`
  return new AppError('ERR_SENSOR', `no sensor: ${found}${why}; name another with --sensor`)
}
