/**
 * Which socket takes which flow. A lane is one UDP source port towards one destination: a flow always
 * takes the same one, so that a sensor with several workers sees it in one place.
 */
import type { Fit } from '../../contract.ts'
import { MAX_DESTINATIONS } from '../engine.ts'
import { bucketOf, spreadFlows } from '../spread-flows.ts'
import { VXLAN_HEADER_BYTES } from '../vxlan.ts'
import type { Lanes } from './mirror-frame.ts'
import * as native from './native.ts'
import { IP_OPTIONS, type PortSockets } from './port-sockets.ts'
import type { Target } from './ring-options.ts'
import { ipSocketAddress, UNCONNECTED } from './socket-address.ts'

const SO_NO_CHECK = [1, 11] as const

/** The longest datagram payload: an IPv4 packet holds 65,535 bytes with its headers. */
const MAX_PAYLOAD = 65507
const DEFAULT_MTU = 1500

/**
 * No path that ICMP told of is narrower (ip_rt_min_pmtu). A socket that says so remembers a route over
 * an interface that went down (Linux then gives it the MTU 68), until it is connected again.
 */
const LEAST_PATH_MTU = 552

/** How frames are to be sent. */
export interface LaneOptions {
  readonly fit: Fit
  /** Whether datagrams of one length may be given to the kernel together, where the receiver takes that. */
  readonly withRuns: boolean
}

/** All lanes of the moment: those of the first destination, then those of the second … */
export class UdpLanes implements Lanes {
  /** Per lane: the socket, -1 while it has no destination. */
  readonly fd: Int32Array
  readonly maxFrame: Int32Array
  /** Per lane: how long a datagram in a run may be; 0 where the receiver must not get runs. */
  readonly maxSegment: Int32Array
  /** Per lane: 1 where the UDP checksum must be whole before the interface has the datagram. */
  readonly wholeChecksum: Uint8Array
  /** Indices in `targets` of those whose neighbour may not be known yet (see departure.ts). */
  readonly untried = new Set<number>()
  readonly #sockets: PortSockets
  readonly #options: LaneOptions
  readonly #ports: number
  readonly #mtu: Int32Array
  readonly #refusesRuns = new Set<number>()
  #targets: readonly Target[] = []
  #targetOfBucket = spreadFlows([])

  constructor(sockets: PortSockets, options: LaneOptions) {
    this.#sockets = sockets
    this.#options = options
    this.#ports = sockets.last - sockets.first + 1
    const most = this.#ports * MAX_DESTINATIONS
    this.fd = new Int32Array(most).fill(-1)
    this.maxFrame = new Int32Array(most)
    this.maxSegment = new Int32Array(most)
    this.wholeChecksum = new Uint8Array(most)
    this.#mtu = new Int32Array(most)
  }

  /** Whether frames can be sent. */
  get isOpen(): boolean {
    return this.#targets.length > 0
  }

  /** Where frames go now. */
  get targets(): readonly Target[] {
    return this.#targets
  }

  /** How many lanes there are now. */
  get count(): number {
    return this.#targets.length * this.#ports
  }

  laneOf(hash: number): number {
    const target = this.#targetOfBucket[bucketOf(hash)] ?? 0
    return target * this.#ports + (hash % this.#ports)
  }

  /** The index in `targets` of where `lane` leads. */
  targetIndexOf(lane: number): number {
    return Math.floor(lane / this.#ports)
  }

  /** Sends to `targets` from now on, each flow to one of them; at most MAX_DESTINATIONS. */
  retarget(targets: readonly Target[]): void {
    for (let lane = 0; lane < this.count; lane++) this.#disconnect(lane)
    this.#targets = targets
    this.#targetOfBucket = spreadFlows(targets.map(({ address }) => address))
    this.#refusesRuns.clear()
    for (let lane = 0; lane < this.count; lane++) this.#connect(lane)
    this.untried.clear()
    this.distrust()
  }

  /**
   * Connects what could not be connected before, and reads what the kernel knows of the paths by now
   * (it learns from ICMP "fragmentation needed").
   */
  refresh(): void {
    for (let lane = 0; lane < this.count; lane++) {
      if (this.fd[lane] !== -1) this.#readMtu(lane)
      if (this.fd[lane] === -1 || (this.#mtu[lane] ?? 0) < LEAST_PATH_MTU) this.#connect(lane)
    }
  }

  /** Trusts no neighbour any more: Linux forgets those of an interface that goes down. */
  distrust(): void {
    for (const index of this.#targets.keys()) this.untried.add(index)
  }

  /** The least MTU of the path to target number `index`; 0 where there is no way to it. */
  pathMtuOf(index: number): number {
    const first = index * this.#ports
    const isOpen = this.fd[first] !== -1
    return isOpen ? Math.min(...this.#mtu.subarray(first, first + this.#ports)) : 0
  }

  /** Sends single datagrams on this lane from now on: the kernel or the device refuses runs. */
  refuseRuns(lane: number): void {
    this.#refusesRuns.add(lane)
    this.maxSegment[lane] = 0
  }

  #disconnect(lane: number): void {
    const fd = this.fd[lane] ?? -1
    if (fd !== -1) native.connect(fd, UNCONNECTED, UNCONNECTED.length)
    this.fd[lane] = -1
  }

  /** Without a route yet, the lane stays closed: what it should take counts as unreachable. */
  #connect(lane: number): void {
    const index = this.targetIndexOf(lane)
    const target = this.#targets[index]
    if (target === undefined) return
    const { family, address, port, receiver } = target
    const fd = this.#sockets.socketsOf(family, index)[lane % this.#ports] ?? -1
    const remote = ipSocketAddress(family, address, port)
    if (fd === -1 || native.connect(fd, remote, remote.length) !== 0) {
      this.maxFrame[lane] = MAX_PAYLOAD - VXLAN_HEADER_BYTES
      return
    }
    // The kernel takes no runs without a checksum; one that a virtual interface left half-done would
    // make a sensor that sniffs discard the datagram. IPv6 demands one (RFC 8200 §8.1).
    native.setIntOption(fd, SO_NO_CHECK, receiver === 'sniffer' && family === 4 ? 1 : 0)
    this.wholeChecksum[lane] = receiver === 'sniffer' && family === 6 ? 1 : 0
    this.fd[lane] = fd
    this.#readMtu(lane)
  }

  #readMtu(lane: number): void {
    const target = this.#targets[this.targetIndexOf(lane)]
    if (target === undefined) return
    const { mtu: option, headers } = IP_OPTIONS[target.family]
    const known = native.getBytesOption(this.fd[lane] ?? -1, option, 4)?.getInt32(0, true) ?? 0
    const mtu = known > 0 ? known : DEFAULT_MTU
    const payload = Math.min(mtu - headers, MAX_PAYLOAD)
    const takesRuns =
      target.receiver !== 'sniffer' && this.#options.withRuns && !this.#refusesRuns.has(lane)
    this.#mtu[lane] = mtu
    this.maxSegment[lane] = takesRuns ? payload : 0
    this.maxFrame[lane] =
      (this.#options.fit === 'split' ? payload : MAX_PAYLOAD) - VXLAN_HEADER_BYTES
  }
}
