import { whenAborted } from '../../lib/when-aborted.ts'
import type { Destination } from '../engine/engine.ts'
import type { SensorSource } from './sensor-source.ts'

/** One sensor at a known address: it is there from the beginning and never changes. */
export function fixedSensor(destination: Destination): SensorSource {
  return {
    run: (listener, signal) => {
      listener.onSensors([{ destination, name: destination.address }])
      return whenAborted(signal)
    },
  }
}
