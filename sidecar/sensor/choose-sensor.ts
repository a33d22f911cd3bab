/** Which of several sensors this sidecar sends to. */
import { createHash } from 'node:crypto'
import type { Sensor } from './sensor-source.ts'

/** Who chooses. */
export interface Chooser {
  /** Distinguishes this sidecar from all others: the pod's name, which is its host name. */
  readonly identity: string
  /** The node that it runs on, where that is known. */
  readonly nodeName?: string | undefined
}

/**
 * The sensor for `chooser`: one on its own node if there is any, since those frames never leave the
 * node. Among equals rendezvous hashing decides, so that of n sensors' sidecars about 1/n move when
 * one comes or goes, and all others stay. Undefined: there is no sensor.
 * Source: Thaler, Ravishankar, "Using name-based mappings to increase hit rates", 1998.
 */
export function chooseSensor(sensors: readonly Sensor[], chooser: Chooser): Sensor | undefined {
  const near = sensors.filter(({ nodeName }) => nodeName && nodeName === chooser.nodeName)
  const candidates = near.length > 0 ? near : sensors
  const ranked = candidates.map((sensor) => ({ sensor, rank: rankOf(sensor, chooser.identity) }))
  ranked.sort((a, b) => (a.rank < b.rank ? 1 : -1))
  return ranked[0]?.sensor
}

/**
 * The name decides first, so that a sensor that comes back under its name (a StatefulSet's) gets its
 * sidecars back. The addresses of one host name share a name; there the address decides.
 */
function rankOf({ name, destination }: Sensor, identity: string): string {
  return hash(`${identity} ${name}`) + hash(`${identity} ${destination.address}`)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
