/** What captures frames and sends them, whatever it is made of. */
import type { DropReason, EngineName, Fit, Receiver } from '../contract.ts'
import type { InterfaceRules } from '../interfaces/choose-interfaces.ts'

/** Where mirrored frames go. */
export interface Destination {
  /** IPv4 or IPv6 address, without brackets or zone. */
  readonly address: string
  readonly family: 4 | 6
  /** UDP port, 1…65535. */
  readonly port: number
  /** How the sensor takes frames; absent: unknown, and it is treated as a `sniffer`. */
  readonly receiver?: Receiver
}

/** What an engine is told once, when it is made. */
export interface EngineOptions {
  /** The interface to sniff, for example `eth0`. */
  readonly interfaceName: string
  /** Several interfaces, chosen by these rules; then `interfaceName` does not count. The engine `cap` has one. */
  readonly interfaces?: InterfaceRules
  /** VXLAN network identifier, 0…16777215. */
  readonly vni: number
  /** pcap-filter expression of the user; empty mirrors everything. Must have passed checkFilter(). */
  readonly filter: string
  /** UDP destination port of mirrored frames, 1…65535: podtap's own packets are recognised by it too. */
  readonly sensorPort: number
  /** What happens to frames that are too long for the path; `split` unless said otherwise. */
  readonly fit?: Fit
}

/**
 * Monotonic counts since the engine was made. At any moment
 * captured = sent + the sum of dropped, less the few frames that are under way.
 */
export interface EngineCounters {
  readonly capturedFrames: number
  /** Bytes of captured frames, without VXLAN. */
  readonly capturedBytes: number
  readonly sentFrames: number
  /** Bytes of sent UDP payload: VXLAN header and frame. */
  readonly sentBytes: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** How often capturing had to begin anew: the interface came back, or the engine's process or thread ended. */
  readonly restarts: number
}

/**
 * What an engine is doing: `waiting` while its interface is missing or down, and while it begins anew
 * after a failure.
 */
export type EngineState = 'stopped' | 'capturing' | 'waiting'

/**
 * Captures frames of one interface and sends them, VXLAN-wrapped, to the destination of the moment.
 * It never waits for whoever owns it, and its owner never sees a frame.
 */
export interface Engine {
  readonly name: EngineName
  readonly state: EngineState
  /**
   * Begins to capture; resolves when the first frame can be captured, or, when the interface is
   * missing or down, as soon as the engine waits for it. May be called again after it has failed.
   * @throws AppError ERR_FILTER, ERR_CAPTURE or ERR_NATIVE_LIBRARY.
   */
  start(): Promise<void>
  /**
   * Sends to `destination` from the next frame on; undefined: frames are counted as dropped
   * (no-sensor). Its port must be the `sensorPort` of the options.
   * @throws AppError ERR_CONFIG when it is another one: podtap would mirror its own frames.
   */
  setDestination(destination: Destination | undefined): void
  /** The counts of now. Cheap: it may be called at every scrape. */
  counters(): Promise<EngineCounters>
  /** Stops capturing, sends what is under way and frees everything. Idempotent. */
  stop(): Promise<void>
}

/** Interfaces that were taken up and let go, by name. */
export interface InterfaceChange {
  readonly taken: readonly string[]
  readonly left: readonly string[]
  /** Wanted, and left out because their frames are not Ethernet, which alone VXLAN carries. */
  readonly unfit: readonly string[]
  /** How many are captured now. */
  readonly count: number
}

/** Told of changes that an engine sees by itself. */
export interface EngineEvents {
  /** Of several interfaces some came or went. */
  onInterfaces?(change: InterfaceChange): void
  /** `reason` says why in words, for the log: "interface eth0 is down". */
  onStateChange(state: EngineState, reason: string): void
}
