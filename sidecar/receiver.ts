/** Decides how a sensor takes mirrored frames. */
import type { Receiver, ReceiverSetting } from './contract.ts'
import type { Sensor } from './sensor/sensor-source.ts'

/** What is known on this side. */
export interface ReceiverKnowledge {
  /** RECEIVER. */
  readonly setting: ReceiverSetting
  /** The node that this pod runs on. */
  readonly nodeName: string | undefined
}

/**
 * A setting decides for all; else what the sensor pod declares, else the nodes. Where nothing is known
 * the answer is the safe one: given to a sniffer on the same node, datagrams that the kernel sends
 * together arrive as one, of which it reads the first frame only.
 */
export function receiverOf(sensor: Sensor, { setting, nodeName }: ReceiverKnowledge): Receiver {
  if (setting !== 'auto') return setting
  if (sensor.declaresSocket === true) return 'socket'
  const isElsewhere =
    sensor.nodeName !== undefined && nodeName !== undefined && sensor.nodeName !== nodeName
  return isElsewhere ? 'remote' : 'sniffer'
}
