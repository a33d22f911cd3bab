import { isDeepStrictEqual } from 'node:util'
import { errnoCodeOf } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { ReceiverSetting } from './contract.ts'
import type { Destination } from './engine/engine.ts'
import { receiverOf } from './receiver.ts'
import { chooseSensor, type Chooser } from './sensor/choose-sensor.ts'
import { Refusals, type Look } from './sensor/refusals.ts'
import type { Sensor, SensorListener } from './sensor/sensor-source.ts'

/** What a follower needs. */
export interface FollowerParts {
  readonly chooser: Chooser
  /** RECEIVER. */
  readonly receiver: ReceiverSetting
  readonly log: Logger
  /** Called whenever the destination changes; undefined: there is none. */
  setDestination(destination: Destination | undefined): void
  /** Milliseconds of a clock that only goes forward; performance.now() unless a test says otherwise. */
  readonly now?: () => number
}

/**
 * Follows a source of sensors and keeps the destination at the one that chooseSensor() names among
 * those that are not avoided because they refuse frames. Having none is a state, logged when it begins and when it ends; so is each kind of failing search.
 */
export class SensorFollower implements SensorListener {
  readonly #parts: FollowerParts
  readonly #now: () => number
  readonly #refusals: Refusals
  #sensors: readonly Sensor[] = []
  #current: Sensor | undefined
  #told = false
  #nextRefusalChange = Infinity
  /** Since when there has been no sensor. */
  #waitingSince: number
  #failingSince: number | undefined
  /** What was said last of a search that fails. */
  #failingCode: string | undefined
  #discoveryErrors = 0

  constructor(parts: FollowerParts) {
    this.#parts = parts
    this.#now = parts.now ?? (() => performance.now())
    this.#waitingSince = this.#now()
    this.#refusals = new Refusals(parts.receiver)
  }

  /** How many sensors there are now. */
  get sensorCount(): number {
    return this.#sensors.length
  }

  /** The sensor that frames are sent to. */
  get current(): Sensor | undefined {
    return this.#current
  }

  /** How often looking for sensors has failed. */
  get discoveryErrors(): number {
    return this.#discoveryErrors
  }

  onSensors(sensors: readonly Sensor[]): void {
    this.#sensors = sensors
    this.#refusals.keep(sensors)
    this.#choose()
  }

  /** Told, some twenty times a second, what became of the frames for `current`. */
  onLook(look: Look): void {
    const now = this.#now()
    const times = this.#current && this.#refusals.note(this.#current, look, now)
    if (times !== undefined) this.#logRefusal(look, times)
    if (times !== undefined || now >= this.#nextRefusalChange) this.#choose()
  }

  #choose(): void {
    const now = this.#now()
    this.#nextRefusalChange = this.#refusals.nextChange(now)
    const chosen = chooseSensor(this.#refusals.among(this.#sensors, now), this.#parts.chooser)
    if (this.#told && isDeepStrictEqual(chosen, this.#current)) return
    const previous = this.#current
    this.#told = true
    this.#current = chosen
    this.#parts.setDestination(chosen && this.#destinationOf(chosen))
    this.#logChange(previous)
  }

  onError(error: Error): void {
    this.#discoveryErrors += 1
    const code = errnoCodeOf(error)
    // A token that is refused is another matter than the outage before it, and has another remedy.
    const isNews = this.#failingSince === undefined || code !== this.#failingCode
    this.#failingSince ??= this.#now()
    this.#failingCode = code
    const level = isNews ? 'warn' : 'debug'
    this.#parts.log[level]({ code, reason: error.message }, 'looking for sensors fails')
  }

  onRecovered(): void {
    const failedMs = this.#elapsed(this.#failingSince ?? this.#now())
    this.#failingSince = undefined
    this.#parts.log.info({ failedMs }, 'looking for sensors works again')
  }

  #destinationOf(sensor: Sensor): Destination {
    const { receiver: setting, chooser } = this.#parts
    const receiver = receiverOf(sensor, { setting, nodeName: chooser.nodeName })
    return { ...sensor.destination, receiver }
  }

  /** A sniffer refuses for as long as it lives: said once, it is worth no further line. */
  #logRefusal(look: Look, times: number): void {
    const level = times === 1 ? 'warn' : 'debug'
    const message =
      look.unreachable > 0
        ? 'sensor cannot be reached'
        : 'sensor refuses frames: its port is closed, or it sniffs'
    this.#parts.log[level]({ ...describe(this.#current), times }, message)
  }

  #logChange(previous: Sensor | undefined): void {
    const { log } = this.#parts
    const fields = { ...describe(this.#current), sensors: this.#sensors.length }
    if (this.#current === undefined) {
      this.#waitingSince = previous ? this.#now() : this.#waitingSince
      log.warn(previous && { previous: previous.name }, 'no sensor: frames are dropped and counted')
    } else if (previous) {
      log.info({ ...fields, previous: previous.name }, 'sensor changed')
    } else {
      log.info({ ...fields, waitedMs: this.#elapsed(this.#waitingSince) }, 'sensor found')
    }
  }

  #elapsed(since: number): number {
    return Math.round(this.#now() - since)
  }
}

/** A sensor as the fields of a log line. */
function describe(sensor: Sensor | undefined): object {
  if (sensor === undefined) return {}
  const { address, port } = sensor.destination
  return { sensor: sensor.name, address, port, node: sensor.nodeName }
}
