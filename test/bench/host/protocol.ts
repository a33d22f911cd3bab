/** What the programs of the bench say to each other: one JSON object a line. */

/** How the interfaces of a node can be captured. */
export const WAYS = {
  'one socket': 'one ring for all: what podtap does',
  'ring each': 'one ring per interface, all of them together as large as that one',
  'long ring each': 'one ring per interface, with room for two of the longest frames',
} as const

/** One of WAYS. */
export type Way = keyof typeof WAYS

/** To the reader: reads for so long, or first lets the rings fill for so long and then reads. */
export interface ReadRequest {
  readonly ms: number
  readonly pauseMs?: number
}

/** From the reader. */
export interface ReadAnswer {
  readonly frames: number
  /** Frames that the kernel had no room for. */
  readonly lost: number
  /** CPU time of the process in the meantime, in microseconds. */
  readonly cpuUs: number
  /** Of all rings together. */
  readonly ringBytes: number
  /** The longest frame that is captured whole. */
  readonly longestBytes: number
  readonly residentBytes: number
}

/** To the sender: so many frames, alternately on its first `interfaces` interfaces. */
export interface SendRequest {
  readonly interfaces: number
  readonly frames: number
  /** Undefined: as fast as it goes. */
  readonly perSecond?: number
}

/** From the sender. */
export interface SendAnswer {
  readonly sent: number
  /** CPU time of the process; as veth delivers at once, what the kernel does for captures is in it. */
  readonly cpuUs: number
}
