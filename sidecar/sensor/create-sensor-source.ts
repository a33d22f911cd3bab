import { KubeClient } from '../../lib/kube/client.ts'
import { serviceAccountCredentials, type ServiceAccount } from '../../lib/kube/credentials.ts'
import type { Logger } from '../../lib/logger.ts'
import type { SidecarConfig } from '../config.ts'
import type { OwnAddresses } from './address-family.ts'
import { fixedSensor } from './fixed-sensor.ts'
import { hostSensor } from './host-sensor.ts'
import { podSensors } from './pod-sensors.ts'
import { systemDns } from './resolve-host.ts'
import type { SensorSource } from './sensor-source.ts'

/** What a source of sensors needs from its surroundings. */
export interface SensorSurroundings {
  readonly serviceAccount: ServiceAccount
  readonly ownAddresses: OwnAddresses
  readonly log: Logger
}

/** What to do where there is no API. */
const REMEDY = 'give the sensor as an address or host name instead'

/**
 * The source for the sensor of `config`. Only pods need the Kubernetes API.
 * @throws AppError ERR_KUBE_AUTH when pods are wanted and this is not a pod.
 */
export function createSensorSource(
  { sensor, sensorPort: port }: Pick<SidecarConfig, 'sensor' | 'sensorPort'>,
  { serviceAccount, ownAddresses, log }: SensorSurroundings,
): SensorSource {
  switch (sensor.kind) {
    case 'address':
      return fixedSensor({ address: sensor.address, family: sensor.family, port })
    case 'host':
      return hostSensor({ host: sensor.host, port, ownAddresses, dns: systemDns() })
    case 'pods': {
      const client = new KubeClient(serviceAccountCredentials(serviceAccount, REMEDY))
      return podSensors({ ...sensor, client, port, ownAddresses, log })
    }
  }
}
