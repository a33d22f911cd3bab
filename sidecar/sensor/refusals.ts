/** What it means that a sensor refuses frames, and which sensors are to be avoided for it. */
import type { ReceiverSetting } from '../contract.ts'
import type { Sensor } from './sensor-source.ts'

/** What became of the frames for one sensor between two looks at the counters, in frames. */
export interface Look {
  readonly sent: number
  /** The sensor's host answered that the port is closed (ICMP port unreachable). */
  readonly refused: number
  /** There was no way to the sensor's host. */
  readonly unreachable: number
}

/** How long a sensor that refused is left alone, in milliseconds: twice as long each time. */
const BACKOFF = { firstMs: 5_000, ceilingMs: 300_000 }

/**
 * Looks with frames and without a refusal, and the time from the first to the last of them, after which
 * a sensor is known to read from a socket. Hosts say "port unreachable" about once a second to one peer
 * (net.ipv4.icmp_ratelimit): in that time a sniffer would have said it ten times.
 */
const ACCEPTING = { looks: 40, ms: 10_000 }

/** How many sensors that refuse from their first frame on are taken for sniffers, not for dead. */
const SNIFFERS = 2

/** What is known of one sensor. */
interface Conduct {
  /** Looks in a row with frames sent and none refused. */
  accepting: number
  /** When the first of these was, on the caller's clock. */
  acceptingSince: number
  /** Whether something showed that it reads from a socket, so that its refusals mean that it is dead. */
  isSocket: boolean
  /** Refusals since it last was seen to accept, those while it was left alone not counted. */
  strikes: number
  /** Until when it is left alone, on the caller's clock. */
  avoidedUntil: number
}

/**
 * Remembers who refused. A refusal has two meanings that no single datagram tells apart: the sensor's
 * socket is gone, or the sensor never had one, since it sniffs, and has read the frame all the same.
 *
 * - A sensor that refuses is left for another that is not known to refuse, and tried again with backoff.
 * - Where there is no other, leaving gains nothing: all stay usable.
 * - Sensors refuse from their first frame on, two of them, and none was ever seen to accept: they are
 *   sniffers. Their refusals mean nothing, and trying the next would only scatter flows.
 * - One that is known to end UDP in a socket (it is declared, it has accepted frames for a while, or it
 *   was unreachable) is never taken for a sniffer. RECEIVER=sniffer takes all for sniffers.
 */
export class Refusals {
  readonly #setting: ReceiverSetting
  readonly #conducts = new Map<string, Conduct>()

  constructor(setting: ReceiverSetting) {
    this.#setting = setting
  }

  /** When the next sensor ceases to be left alone, later than `now`; Infinity: none is. */
  nextChange(now: number): number {
    const times = [...this.#conducts.values()].map(({ avoidedUntil }) => avoidedUntil)
    return Math.min(...times.filter((time) => time > now))
  }

  /**
   * Notes what became of frames for `sensor`. Returns how often it has refused by now if it is to be
   * left alone newly, else undefined.
   */
  note(sensor: Sensor, look: Look, now: number): number | undefined {
    const conduct = this.#conductOf(sensor)
    const isRefused = look.refused > 0 && this.#setting !== 'sniffer'
    if (isRefused || look.unreachable > 0) {
      conduct.accepting = 0
      conduct.isSocket ||= look.unreachable > 0
      return now < conduct.avoidedUntil ? undefined : avoid(conduct, now)
    }
    if (look.sent > 0) accept(conduct, now)
    return undefined
  }

  /** Those of `sensors` to choose among; not empty unless `sensors` is. */
  among(sensors: readonly Sensor[], now: number): readonly Sensor[] {
    if (this.#areSniffers(sensors)) return sensors
    const usable = sensors.filter((sensor) => {
      return (this.#conducts.get(keyOf(sensor))?.avoidedUntil ?? 0) <= now
    })
    return usable.length > 0 ? usable : sensors
  }

  /** Forgets all but `sensors`. */
  keep(sensors: readonly Sensor[]): void {
    const kept = new Set(sensors.map(keyOf))
    for (const key of this.#conducts.keys()) if (!kept.has(key)) this.#conducts.delete(key)
  }

  #areSniffers(sensors: readonly Sensor[]): boolean {
    const conducts = sensors.map((sensor) => this.#conducts.get(keyOf(sensor)))
    if (conducts.some((conduct) => conduct?.isSocket)) return false
    return conducts.filter((conduct) => (conduct?.strikes ?? 0) > 0).length >= SNIFFERS
  }

  #conductOf(sensor: Sensor): Conduct {
    const key = keyOf(sensor)
    const known = this.#conducts.get(key)
    if (known) return known
    const isSocket = this.#setting === 'socket' || sensor.declaresSocket === true
    const conduct = { accepting: 0, acceptingSince: 0, isSocket, strikes: 0, avoidedUntil: 0 }
    this.#conducts.set(key, conduct)
    return conduct
  }
}

function accept(conduct: Conduct, now: number): void {
  if (conduct.accepting === 0) conduct.acceptingSince = now
  conduct.accepting += 1
  if (conduct.accepting < ACCEPTING.looks || now - conduct.acceptingSince < ACCEPTING.ms) return
  Object.assign(conduct, { isSocket: true, strikes: 0, avoidedUntil: 0 })
}

function avoid(conduct: Conduct, now: number): number {
  const pauseMs = Math.min(BACKOFF.firstMs * 2 ** conduct.strikes, BACKOFF.ceilingMs)
  conduct.strikes += 1
  conduct.avoidedUntil = now + pauseMs
  return conduct.strikes
}

/** A pod that comes back with another address is another sensor here. */
function keyOf({ name, destination }: Sensor): string {
  return `${name} ${destination.address}`
}
