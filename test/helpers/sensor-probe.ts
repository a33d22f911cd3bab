/** Runs a source of sensors and keeps what it tells. */
import type { TestContext } from 'node:test'
import type { Sensor, SensorSource } from '../../sidecar/sensor/sensor-source.ts'

/** What a source has told. */
export interface SensorsSeen {
  /** Each set of sensors, as `name address:port node`. */
  readonly sensors: (readonly string[])[]
  readonly errors: string[]
  recoveries: number
  /** Resolves when `done()` is true; it is asked after each call of the listener. */
  until(done: () => boolean): Promise<void>
}

/** Runs `source` until the test ends. */
export function runSource(t: TestContext, source: SensorSource): SensorsSeen {
  const abort = new AbortController()
  let wake = Promise.withResolvers<undefined>()
  const told = (): void => {
    wake.resolve(undefined)
    wake = Promise.withResolvers()
  }
  const seen: SensorsSeen = {
    sensors: [],
    errors: [],
    recoveries: 0,
    until: async (done) => {
      while (!done()) await wake.promise
    },
  }
  const listener = {
    onSensors: (sensors: readonly Sensor[]): void => {
      seen.sensors.push(sensors.map(describeSensor))
      told()
    },
    onError: (error: Error, failures: number): void => {
      seen.errors.push(`${failures}: ${error.message}`)
      told()
    },
    onRecovered: (): void => {
      seen.recoveries += 1
      told()
    },
  }
  const ended = source.run(listener, abort.signal)
  t.after(async () => {
    abort.abort()
    await ended
  })
  return seen
}

function describeSensor({ name, destination, nodeName = '-' }: Sensor): string {
  return `${name} ${destination.address}:${destination.port} ${nodeName}`
}
