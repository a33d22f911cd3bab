/** What is decided about one sidecar before it is rendered. */
import type { LogLevel } from '../../lib/logger.ts'
import type { EngineName, Fit, ReceiverSetting, Spread } from '../../sidecar/contract.ts'

/** Everything that distinguishes one sidecar from another. */
export interface SidecarSettings {
  /** Image reference, for example `podtap/sidecar:0.1.0`. */
  readonly image: string
  /** Value of the sensor's label, an IP address or a host name. */
  readonly sensor: string
  /** Where pods with that label are looked for. */
  readonly sensorNamespace: string
  /** Key of that label. */
  readonly sensorLabel: string
  /** UDP port, 1…65535. */
  readonly sensorPort: number
  /** VXLAN network identifier, 0…16777215. */
  readonly vni: number
  readonly interfaceName: string
  /** pcap-filter expression; empty mirrors everything. */
  readonly filter: string
  /** CPU request and limit, as a canonical quantity. */
  readonly cpu: string
  /** Memory request and limit, as a canonical quantity. */
  readonly memory: string
  /** TCP port of the sidecar's /metrics; 0: it has none. */
  readonly metricsPort: number
  /** The address that it is opened at; undefined: all. */
  readonly metricsAddress?: string | undefined
  readonly logLevel: LogLevel
  /** How frames are captured and sent; undefined, here and below: as the sidecar's image does by itself. */
  readonly engine?: EngineName | undefined
  readonly receiver?: ReceiverSetting | undefined
  readonly fit?: Fit | undefined
  readonly spread?: Spread | undefined
  /**
   * Whether it is an init container that is restarted always (a native sidecar, Kubernetes 1.29) instead
   * of a container beside the others.
   */
  readonly native: boolean
}

/** What an installation of podtap says about all workloads. */
export interface Installation {
  /** The namespace that podtap itself runs in. */
  readonly ownNamespace: string
  /** The sidecar where no annotation says otherwise. */
  readonly sidecar: SidecarSettings
}
