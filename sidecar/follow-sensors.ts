import { isDeepStrictEqual } from 'node:util'
import { errnoCodeOf } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { ReceiverSetting, Spread } from './contract.ts'
import { MAX_DESTINATIONS, type Destination } from './engine/engine.ts'
import { receiverOf } from './receiver.ts'
import { chooseSensor, chooseSensors, type Chooser } from './sensor/choose-sensor.ts'
import { Refusals, type Look } from './sensor/refusals.ts'
import type { Sensor, SensorListener } from './sensor/sensor-source.ts'

/** What a follower needs. */
export interface FollowerParts {
  readonly chooser: Chooser
  /** RECEIVER. */
  readonly receiver: ReceiverSetting
  /** SPREAD. */
  readonly spread: Spread
  readonly log: Logger
  /** Called whenever the destinations change; empty: there is none. */
  setDestinations(destinations: readonly Destination[]): void
  /** Milliseconds of a clock that only goes forward; performance.now() unless a test says otherwise. */
  readonly now?: () => number
}

/**
 * Follows a source of sensors and keeps the destinations at those that SPREAD asks for, among the ones
 * that are not avoided because they refuse frames. Having none is a state, logged when it begins and
 * when it ends; so is each kind of failing search.
 */
export class SensorFollower implements SensorListener {
  readonly #parts: FollowerParts
  readonly #now: () => number
  readonly #refusals: Refusals
  #sensors: readonly Sensor[] = []
  #chosen: readonly Sensor[] = []
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

  /** The sensors that frames are sent to. */
  get chosen(): readonly Sensor[] {
    return this.#chosen
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

  /** Told, many times a second, what became of the frames for each address. */
  onLooks(looks: ReadonlyMap<string, Look>): void {
    const now = this.#now()
    let someRefused = false
    for (const sensor of this.#chosen) {
      const look = looks.get(sensor.destination.address)
      const times = look && this.#refusals.note(sensor, look, now)
      if (times === undefined) continue
      someRefused = true
      this.#logRefusal(sensor, look, times)
    }
    if (someRefused || now >= this.#nextRefusalChange) this.#choose()
  }

  #choose(): void {
    const now = this.#now()
    this.#nextRefusalChange = this.#refusals.nextChange(now)
    const chosen = this.#pick(this.#refusals.among(this.#sensors, now))
    if (this.#told && isDeepStrictEqual(chosen, this.#chosen)) return
    const previous = this.#chosen
    this.#told = true
    this.#chosen = chosen
    this.#parts.setDestinations(chosen.map((sensor) => this.#destinationOf(sensor)))
    this.#logChange(previous)
  }

  #pick(usable: readonly Sensor[]): readonly Sensor[] {
    const { spread, chooser } = this.#parts
    if (spread === 'flow') return chooseSensors(usable, chooser, MAX_DESTINATIONS)
    const chosen = chooseSensor(usable, chooser)
    return chosen ? [chosen] : []
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
  #logRefusal(sensor: Sensor, look: Look | undefined, times: number): void {
    const level = times === 1 ? 'warn' : 'debug'
    const message = look?.unreachable
      ? 'sensor cannot be reached'
      : 'sensor refuses frames: its port is closed, or it sniffs'
    this.#parts.log[level]({ ...describe([sensor]), times }, message)
  }

  #logChange(previous: readonly Sensor[]): void {
    const { log } = this.#parts
    const fields = { ...describe(this.#chosen), sensors: this.#sensors.length }
    const before = previous.length > 0 ? { previous: namesOf(previous) } : undefined
    if (this.#chosen.length === 0) {
      this.#waitingSince = before ? this.#now() : this.#waitingSince
      log.warn(before, 'no sensor: frames are dropped and counted')
    } else if (before) {
      log.info({ ...fields, ...before }, 'sensor changed')
    } else {
      log.info({ ...fields, waitedMs: this.#elapsed(this.#waitingSince) }, 'sensor found')
    }
  }

  #elapsed(since: number): number {
    return Math.round(this.#now() - since)
  }
}

/** Sensors as the fields of a log line. */
function describe(sensors: readonly Sensor[]): object {
  const [sensor, ...others] = sensors
  if (sensor === undefined) return {}
  if (others.length > 0) return { sensor: namesOf(sensors), port: sensor.destination.port }
  const { address, port } = sensor.destination
  return { sensor: sensor.name, address, port, node: sensor.nodeName }
}

function namesOf(sensors: readonly Sensor[]): string {
  return sensors.map(({ name }) => name).join(', ')
}
