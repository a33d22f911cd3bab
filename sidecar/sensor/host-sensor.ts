import { isDeepStrictEqual } from 'node:util'
import { backoffMs, sleep, type Random, type Sleep } from '../../lib/backoff.ts'
import { AppError, messageOf } from '../../lib/errors.ts'
import type { IpAddress } from '../../lib/ip-address.ts'
import { whenAborted } from '../../lib/when-aborted.ts'
import { isHostAddress, reachable, type OwnAddresses } from './address-family.ts'
import { resolveHost, type DnsQueries, type HostAnswer } from './resolve-host.ts'
import type { Sensor, SensorListener, SensorSource } from './sensor-source.ts'

/** A sensor known by its host name, and who asks; the last two are there for tests. */
export interface HostSensorOptions {
  readonly host: string
  /** UDP port of the sensor. */
  readonly port: number
  readonly ownAddresses: OwnAddresses
  readonly dns: DnsQueries
  readonly sleep?: Sleep
  readonly random?: Random
}

/** Bounds of the interval between two look-ups, in seconds, whatever the time to live. */
const MIN_SECONDS = 1
const MAX_SECONDS = 60

/** The interval where there is no time to live: an address from /etc/hosts, or by a search domain. */
const DEFAULT_SECONDS = 10

/** Servers, and caches on the way to them, keep "no such name" for some seconds: sooner is no use. */
const BACKOFF = { firstMs: 1_000, ceilingMs: 5_000 }

/**
 * All addresses of a host name (a headless Service has one per pod), looked up again whenever their
 * time to live has passed. The last good answer stays valid while look-ups fail. A name that is known
 * to be none any more has no sensors: its addresses may be somebody else's now.
 */
export function hostSensor(options: HostSensorOptions): SensorSource {
  return {
    run: async (listener, signal) => {
      const lookups = new HostLookups(options, listener)
      const wait = options.sleep ?? sleep
      while (!signal.aborted) {
        // getaddrinfo() cannot be cancelled and may take a while: a stop must not wait for it.
        const pauseMs = await Promise.race([lookups.next(), whenAborted(signal)])
        if (pauseMs !== undefined) await wait(pauseMs, signal)
      }
    },
  }
}

class HostLookups {
  readonly #options: HostSensorOptions
  readonly #listener: SensorListener
  #addresses: readonly IpAddress[] = []
  #sensors: readonly Sensor[] | undefined
  #failures = 0

  constructor(options: HostSensorOptions, listener: SensorListener) {
    this.#options = options
    this.#listener = listener
  }

  /** Looks up once and tells the listener; returns how long the answer holds, in milliseconds. */
  async next(): Promise<number> {
    try {
      const { host, dns } = this.#options
      const answer = await resolveHost(host, dns, this.#addresses)
      this.#addresses = answer.addresses
      this.#report(this.#toSensors(answer))
      if (answer.addresses.length === 0)
        throw new Error('there is no such name, or it has no address')
      this.#recover()
      return intervalMs(answer)
    } catch (error) {
      return this.#fail(error)
    }
  }

  #toSensors({ addresses }: HostAnswer): readonly Sensor[] {
    if (addresses.length === 0) return []
    const { host, port, ownAddresses } = this.#options
    const found = addresses.map(({ address }) => address).join(', ')
    const ofHosts = addresses.filter(isHostAddress)
    if (ofHosts.length === 0) throw new Error(`${found} is not the IP address of a host`)
    const usable = reachable(ofHosts, ownAddresses())
    if (usable.length === 0) {
      throw new Error(`it has only ${found}, and this pod no address of that family`)
    }
    return usable.map((address) => ({ destination: { ...address, port }, name: host }))
  }

  #report(sensors: readonly Sensor[]): void {
    if (isDeepStrictEqual(sensors, this.#sensors)) return
    this.#sensors = sensors
    this.#listener.onSensors(sensors)
  }

  #recover(): void {
    if (this.#failures > 0) this.#listener.onRecovered()
    this.#failures = 0
  }

  #fail(cause: unknown): number {
    this.#failures += 1
    const message = `SENSOR: cannot resolve ${this.#options.host}: ${messageOf(cause)}`
    this.#listener.onError(new AppError('ERR_SENSOR', message, { cause }), this.#failures)
    return backoffMs(this.#failures, BACKOFF, this.#options.random ?? Math.random)
  }
}

function intervalMs({ ttlSeconds = DEFAULT_SECONDS }: HostAnswer): number {
  return Math.min(Math.max(ttlSeconds, MIN_SECONDS), MAX_SECONDS) * 1000
}
