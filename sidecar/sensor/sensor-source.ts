/** Where the destination comes from: pods with a label, a host name or a fixed address. */
import type { Destination } from '../engine/engine.ts'

/** A sensor that can receive now. */
export interface Sensor {
  readonly destination: Destination
  /** Who it is, for logs and metrics: `namespace/pod`, a host name, or the address itself. */
  readonly name: string
  /** The node it runs on, where that is known. */
  readonly nodeName?: string
  /** The zone of that node, where its pod is labelled with it. */
  readonly zone?: string
  /** Whether it says of itself that it ends UDP in a socket (see RECEIVERS). */
  readonly declaresSocket?: boolean
}

/** Told what a sensor source sees. */
export interface SensorListener {
  /** Called with all usable sensors whenever that set changes; empty: there is none now. */
  onSensors(sensors: readonly Sensor[]): void
  /**
   * Called for each failed attempt; `failures` (≥ 1) counts them since looking last worked. The
   * source keeps trying by itself and the last sensors stay valid.
   */
  onError(error: Error, failures: number): void
  /** Called once after failures, when looking works again. */
  onRecovered(): void
}

/** Keeps looking for sensors until it is aborted. */
export interface SensorSource {
  /** Resolves when `signal` aborts; never rejects because of what was found or not. */
  run(listener: SensorListener, signal: AbortSignal): Promise<void>
}
