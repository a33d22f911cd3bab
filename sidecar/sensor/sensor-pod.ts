/** From pods to sensors, without I/O. */
import type { Pod } from '../../lib/kube/objects.ts'
import { RECEIVER_ANNOTATION, ZONE_LABEL } from '../contract.ts'
import { reachable, readAddresses } from './address-family.ts'
import type { Sensor } from './sensor-source.ts'

/** What is kept of a pod that could be a sensor. */
export interface SensorPod {
  /** `namespace/name` */
  readonly name: string
  readonly nodeName: string | undefined
  /** The zone of its node, where the pod is labelled with it. */
  readonly zone?: string
  /** All its IP addresses as the API has them; the first is of the cluster's primary family. */
  readonly ips: readonly string[]
  /** Present, and true, if its annotation says that it ends UDP in a socket. */
  readonly declaresSocket?: true
}

/** A pod with the sensor's label that cannot be one, and why, in words. */
export interface IgnoredPod {
  readonly name: string
  readonly reason: string
}

/** Who looks for sensors. */
export interface Seeker {
  readonly ownAddresses: readonly string[]
  /** UDP port of the sensors. */
  readonly port: number
}

/**
 * What to keep of a pod: undefined unless it is running, ready, not being deleted and has an IP.
 * Terminating pods stay ready for a while (their grace period), so that is asked separately.
 */
export function readSensorPod(pod: Pod): SensorPod | undefined {
  const { metadata = {}, spec = {}, status = {} } = pod
  const leaving = metadata.deletionTimestamp !== undefined
  if (leaving || status.phase !== 'Running' || !isReady(status)) return undefined
  const ips = ipsOf(status)
  if (ips.length === 0) return undefined
  const name = `${metadata.namespace ?? ''}/${metadata.name ?? ''}`
  const declared = { ...zoneOf(metadata.labels), ...declarationOf(metadata.annotations) }
  return { name, nodeName: spec.nodeName, ips, ...declared }
}

/**
 * The sensors among `pods`, by name, each at the address that the seeker can reach, and the pods that
 * are none: the seeker's own (it would mirror to itself), and those without a usable address.
 */
export function sensorsAmong(
  pods: Iterable<SensorPod>,
  seeker: Seeker,
): { readonly sensors: readonly Sensor[]; readonly ignored: readonly IgnoredPod[] } {
  const sensors: Sensor[] = []
  const ignored: IgnoredPod[] = []
  for (const pod of pods) {
    const sensor = toSensor(pod, seeker)
    if ('destination' in sensor) sensors.push(sensor)
    else ignored.push(sensor)
  }
  return { sensors: sensors.sort((a, b) => (a.name < b.name ? -1 : 1)), ignored }
}

function toSensor(pod: SensorPod, seeker: Seeker): Sensor | IgnoredPod {
  const { name, nodeName, zone, ips, declaresSocket } = pod
  if (ips.some((ip) => seeker.ownAddresses.includes(ip))) {
    return { name, reason: 'it is the mirrored pod itself' }
  }
  const addresses = readAddresses(ips)
  if (addresses.length === 0) return { name, reason: `${ips.join(', ')} is not an IP address` }
  const [chosen] = reachable(addresses, seeker.ownAddresses)
  if (chosen === undefined) {
    return { name, reason: `it has only ${ips.join(', ')}, and this pod no address of that family` }
  }
  const destination = { ...chosen, port: seeker.port }
  return {
    destination,
    name,
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    ...(declaresSocket === true ? { declaresSocket } : {}),
  }
}

function zoneOf(labels: Readonly<Record<string, string>> = {}): Pick<SensorPod, 'zone'> {
  const zone = labels[ZONE_LABEL]
  return zone ? { zone } : {}
}

function declarationOf(
  annotations: Readonly<Record<string, string>> = {},
): Pick<SensorPod, 'declaresSocket'> {
  return annotations[RECEIVER_ANNOTATION] === 'socket' ? { declaresSocket: true } : {}
}

type PodStatus = NonNullable<Pod['status']>

function isReady({ conditions = [] }: PodStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

function ipsOf(status: PodStatus): readonly string[] {
  const all = (status.podIPs ?? []).map(({ ip }) => ip ?? '').filter((ip) => ip !== '')
  if (all.length > 0) return all
  return status.podIP ? [status.podIP] : []
}
