import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../../lib/kube/client.ts'
import type { Pod } from '../../lib/kube/objects.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import type { Logger } from '../../lib/logger.ts'
import type { OwnAddresses } from './address-family.ts'
import { readSensorPod, sensorsAmong, type IgnoredPod, type SensorPod } from './sensor-pod.ts'
import type { Sensor, SensorListener, SensorSource } from './sensor-source.ts'

/** Which pods are sensors, and who asks. */
export interface PodSensorsOptions {
  readonly client: KubeClient
  readonly namespace: string
  /** The label is `labelKey=labelValue`. */
  readonly labelKey: string
  readonly labelValue: string
  /** UDP port of the sensors. */
  readonly port: number
  readonly ownAddresses: OwnAddresses
  readonly log: Logger
}

/**
 * The ready pods with a label in one namespace, followed by list + watch. A pod that has the label and
 * cannot be a sensor is ignored, with one warning.
 */
export function podSensors(options: PodSensorsOptions): SensorSource {
  return {
    run: (listener, signal) => {
      const target = {
        path: `/api/v1/namespaces/${options.namespace}/pods`,
        labelSelector: `${options.labelKey}=${options.labelValue}`,
        select: (pod: Pod) => readSensorPod(pod),
      }
      return watchObjects(options.client, target, {
        listener: {
          onChange: reportSensors(options, listener),
          onError: (error, failures) => {
            listener.onError(error, failures)
          },
          onRecovered: () => {
            listener.onRecovered()
          },
        },
        signal,
      })
    },
  }
}

/** Tells the listener the sensors among the pods of each change, if they are others than before. */
function reportSensors(
  { ownAddresses, port, log }: PodSensorsOptions,
  listener: SensorListener,
): (pods: ReadonlyMap<string, SensorPod>) => void {
  let known: readonly Sensor[] | undefined
  const warn = warnOnce(log)
  return (pods) => {
    const seeker = { ownAddresses: ownAddresses(), port }
    const { sensors, ignored } = sensorsAmong(pods.values(), seeker)
    ignored.forEach(warn)
    if (isDeepStrictEqual(sensors, known)) return
    known = sensors
    listener.onSensors(sensors)
  }
}

function warnOnce(log: Logger): (pod: IgnoredPod) => void {
  const warned = new Set<string>()
  return ({ name, reason }) => {
    if (warned.has(`${name} ${reason}`)) return
    warned.add(`${name} ${reason}`)
    log.warn({ pod: name, reason }, 'pod with the label of sensors ignored')
  }
}
