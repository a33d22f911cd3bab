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

/** Most destinations at once: more are not used, see pickDestinations(). */
export const MAX_DESTINATIONS = 16

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
  /** Whether a packet that passes several interfaces is sent once. */
  readonly dedupLocal?: boolean
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
  /** How often the kernel said that a datagram is too long for the path (EMSGSIZE); the engine `cap` never hears it. */
  readonly pathMtuErrors: number
  /** The destinations of now, in no particular order. */
  readonly destinations: readonly DestinationCounters[]
}

/** What became of the frames for one destination since it last became one. */
export interface DestinationCounters {
  readonly address: string
  /** Frames handed to the network for it, those that were refused or lost on the way later among them. */
  readonly sentFrames: number
  /** How often its host was heard to answer that the port is closed. */
  readonly refused: number
  /** Frames for which there was no way to it. */
  readonly unreachable: number
  /** Bytes of the longest IP packet that the path takes, as far as the kernel knows by now; 0: not known. */
  readonly pathMtu: number
}

/**
 * What an engine is doing: `waiting` while its interface is missing or down, and while it begins anew
 * after a failure.
 */
export type EngineState = 'stopped' | 'capturing' | 'waiting'

/**
 * Captures frames of one interface and sends them, VXLAN-wrapped, to the destinations of the moment.
 * It never waits for whoever owns it, and its owner never sees a frame.
 */
export interface Engine {
  readonly name: EngineName
  readonly state: EngineState
  /** Undefined: it captures one interface only. */
  readonly node?: NodeControls
  /**
   * Begins to capture; resolves when the first frame can be captured, or, when the interface is
   * missing or down, as soon as the engine waits for it. May be called again after it has failed.
   * @throws AppError ERR_FILTER, ERR_CAPTURE or ERR_NATIVE_LIBRARY.
   */
  start(): Promise<void>
  /**
   * Sends to `destinations` from the next frame on, every flow to one of them (see spreadFlows());
   * empty: frames are counted as dropped (no-sensor). Of more than MAX_DESTINATIONS the first count.
   * @throws AppError ERR_CONFIG for a port that is not the `sensorPort` of the options: podtap would
   * mirror its own frames.
   */
  setDestinations(destinations: readonly Destination[]): void
  /**
   * Mirrors what `expression` matches instead, every frame judged by the filter of the moment at which it
   * passes the interface: none is lost by the change, and none passes that neither lets through.
   * Resolves when that is so. An engine that does not capture now begins with the new filter.
   * @throws AppError ERR_FILTER, and the filter stays as it was.
   */
  setFilter(expression: string): Promise<void>
  /** The counts of now. Cheap: it may be called at every scrape. */
  counters(): Promise<EngineCounters>
  /**
   * The largest share of the capture buffer that waited to be read since the last call, 0…1; undefined
   * where the engine cannot tell.
   */
  takeBufferPeak(): number | undefined
  /** Stops capturing, sends what is under way and frees everything. Idempotent. */
  stop(): Promise<void>
}

/** What can be said to an engine that captures several interfaces, while it runs. */
export interface NodeControls {
  /** Chooses interfaces by other rules; those that stay lose no frame. */
  setInterfaces(rules: InterfaceRules): void
  /** Leaves out packets from and to these addresses (IPv4 or IPv6) from now on, and no others. */
  excludeAddresses(addresses: readonly string[]): void
  /** Tells of its work through EngineEvents.onDebug, 0…5; below 2 there is nothing to tell. */
  setDebugLevel(level: number): void
}

/** A line about an engine's work, from some debug level on. */
export interface EngineDebug {
  readonly level: number
  readonly message: string
  readonly fields: object
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
  /** Its debug level is high enough to tell this; a few lines a second at most. */
  onDebug?(line: EngineDebug): void
  /** `reason` says why in words, for the log: "interface eth0 is down". */
  onStateChange(state: EngineState, reason: string): void
}
