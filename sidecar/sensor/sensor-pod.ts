/** From pods to sensors, without I/O. */
import type { Pod } from '../../lib/kube/objects.ts'
import { RECEIVER_ANNOTATION, SIDECAR_NAME, ZONE_LABEL } from '../contract.ts'
import { isHostAddress, reachable, readAddresses } from './address-family.ts'
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
  /** Present, and true, if it carries podtap's sidecar. */
  readonly isMirrored?: true
}

/**
 * Why a pod with the sensor's label cannot be a sensor: it is the mirrored pod `self`, or is `mirrored`
 * too, or its address is none (`address`) or of the wrong `family`.
 */
export type Flaw = 'self' | 'mirrored' | 'address' | 'family'

/** A pod with the sensor's label that cannot be one, and why, in words. */
export interface IgnoredPod {
  readonly name: string
  readonly flaw: Flaw
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
  return { name, nodeName: spec.nodeName, ips, ...declared, ...mirroredOf(spec) }
}

/**
 * The sensors among `pods`, by name, each at the address that the seeker can reach, and the pods that
 * are none: the seeker's own (it would mirror to itself), mirrored ones (a label so general that it
 * matches applications), and those without a usable address.
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
    return { name, flaw: 'self', reason: 'it is the mirrored pod itself' }
  }
  if (pod.isMirrored) return { name, flaw: 'mirrored', reason: "it carries podtap's own sidecar" }
  const addresses = readAddresses(ips).filter(isHostAddress)
  if (addresses.length === 0) {
    return { name, flaw: 'address', reason: `${ips.join(', ')} is not the IP address of a host` }
  }
  const [chosen] = reachable(addresses, seeker.ownAddresses)
  if (chosen === undefined) {
    const reason = `it has only ${ips.join(', ')}, and this pod no address of that family`
    return { name, flaw: 'family', reason }
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

function mirroredOf(spec: NonNullable<Pod['spec']>): Pick<SensorPod, 'isMirrored'> {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])]
  return containers.some(({ name }) => name === SIDECAR_NAME) ? { isMirrored: true } : {}
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
