/** Which of several sensors this sidecar sends to. */
import { createHash } from 'node:crypto'
import type { Sensor } from './sensor-source.ts'

/** Who chooses. */
export interface Chooser {
  /** Distinguishes this sidecar from all others: the pod's name, which is its host name. */
  readonly identity: string
  /** The node that it runs on, where that is known. */
  readonly nodeName?: string | undefined
  /** The zone of that node, where that is known. */
  readonly zone?: string | undefined
}

/**
 * The sensor for `chooser`: one on its own node if there is any, since those frames never leave the
 * node, else one in its own zone, since traffic between zones is slower and often has a price. Among
 * equals rendezvous hashing decides, so that of n sensors' sidecars about 1/n move when
 * one comes or goes, and all others stay. Undefined: there is no sensor.
 * Source: Thaler, Ravishankar, "Using name-based mappings to increase hit rates", 1998.
 */
export function chooseSensor(sensors: readonly Sensor[], chooser: Chooser): Sensor | undefined {
  const { identity } = chooser
  const ranked = nearest(sensors, chooser).map((sensor) => {
    return { sensor, rank: hash(`${identity} ${sensor.name}`) }
  })
  const [first, ...others] = ranked
  if (first === undefined) return undefined
  return others.reduce((best, next) => (isBefore(next, best, identity) ? next : best), first).sensor
}

/**
 * The sensors for `chooser` with SPREAD=flow: all of them wherever they are, so that every sidecar
 * gives one flow to the same; of more than `most` those that rendezvous hashing puts first.
 */
export function chooseSensors(
  sensors: readonly Sensor[],
  { identity }: Chooser,
  most: number,
): readonly Sensor[] {
  if (sensors.length <= most) return sensors
  const ranked = sensors.map((sensor) => ({ sensor, rank: addressRank(sensor, identity) }))
  const best = ranked.sort((a, b) => (a.rank > b.rank ? -1 : 1)).slice(0, most)
  return best.map(({ sensor }) => sensor)
}

function nearest(sensors: readonly Sensor[], chooser: Chooser): readonly Sensor[] {
  const onNode = sensors.filter(({ nodeName }) => nodeName && nodeName === chooser.nodeName)
  if (onNode.length > 0) return onNode
  const inZone = sensors.filter(({ zone }) => zone && zone === chooser.zone)
  return inZone.length > 0 ? inZone : sensors
}

interface Ranked {
  readonly sensor: Sensor
  readonly rank: string
}

/**
 * The name decides first, so that a sensor that comes back under its name (a StatefulSet's) gets its
 * sidecars back. The addresses of one host name share a name; there the address decides.
 */
function isBefore(a: Ranked, b: Ranked, identity: string): boolean {
  if (a.rank !== b.rank) return a.rank > b.rank
  return addressRank(a.sensor, identity) > addressRank(b.sensor, identity)
}

function addressRank({ destination }: Sensor, identity: string): string {
  return hash(`${identity} ${destination.address}`)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
