import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../../lib/kube/client.ts'
import type { Pod } from '../../lib/kube/objects.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import type { Logger } from '../../lib/logger.ts'
import type { OwnAddresses } from './address-family.ts'
import {
  readSensorPod,
  sensorsAmong,
  type Flaw,
  type IgnoredPod,
  type SensorPod,
} from './sensor-pod.ts'
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
 * Most sensors that are believed: one for each node of the largest cluster that Kubernetes supports.
 * Source: https://kubernetes.io/docs/setup/best-practices/cluster-large/
 */
const MAX_SENSORS = 5000

/**
 * The ready pods with a label in one namespace, followed by list + watch. Pods that have the label and
 * cannot be sensors are ignored, with one warning for each flaw. A label that more pods have than there
 * can be sensors is a mistake: it is an error, and the sensors stay those that were known before.
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
  const warn = warnOfFlaws(log)
  const isTooMany = refuseCrowd(log)
  return (pods) => {
    if (isTooMany(pods.size)) return
    const seeker = { ownAddresses: ownAddresses(), port }
    const { sensors, ignored } = sensorsAmong(pods.values(), seeker)
    warn(ignored)
    if (isDeepStrictEqual(sensors, known)) return
    known = sensors
    listener.onSensors(sensors)
  }
}

/** Whether there are too many pods; says so when that begins. */
function refuseCrowd(log: Logger): (pods: number) => boolean {
  let wasTooMany = false
  return (pods) => {
    const isTooMany = pods > MAX_SENSORS
    if (isTooMany && !wasTooMany) {
      const fields = { pods, expected: `at most ${MAX_SENSORS}` }
      log.error(
        fields,
        'too many pods have the label of sensors: nothing changes until they are fewer',
      )
    }
    wasTooMany = isTooMany
    return isTooMany
  }
}

/** Warns once of each flaw, with one pod as the example, and again after it was gone. */
function warnOfFlaws(log: Logger): (ignored: readonly IgnoredPod[]) => void {
  let warned: ReadonlySet<Flaw> = new Set()
  return (ignored) => {
    const byFlaw = Map.groupBy(ignored, ({ flaw }) => flaw)
    for (const [flaw, [example, ...others]] of byFlaw) {
      if (warned.has(flaw) || example === undefined) continue
      const fields = { pod: example.name, reason: example.reason, others: others.length }
      log.warn(fields, 'pod with the label of sensors ignored')
    }
    warned = new Set(byFlaw.keys())
  }
}
