/** What is sent past the pod: frames of real sizes, many flows, always in the same order. */
import { concat, hex, ipv4, tcp, udp } from '../../helpers/frames.ts'
import { ADDRESSES } from './rig.ts'

/** The mixes of frame sizes; `imix` is 7:4:1 of 60, 590 and 1514 bytes. */
export const MIXES = { '60': [60], '1400': [1400], '1514': [1514], imix: imixSizes() } as const

/** One of MIXES. */
export type Mix = keyof typeof MIXES

const FLOWS = 16
const UDP_FRAME_BYTES = 42
const TCP_FRAME_BYTES = 54

/** Longer frames do not fit a path of 1500 once they are wrapped. Real ones are nearly always TCP. */
const FIT_BYTES = 1464

/** Frames before the sequence begins again; a multiple of the 12 of `imix`. */
export const SEQUENCE_FRAMES = 960

/** The frames of a mix, in order. Every 16th is of the same flow; sizes are independent of flows. */
export function sequenceOf(mix: Mix): Uint8Array<ArrayBuffer>[] {
  const sizes = MIXES[mix]
  const random = createRandom(7)
  const shuffled = Array.from({ length: SEQUENCE_FRAMES }, (_, at) => ({
    size: sizes[at % sizes.length] ?? 60,
    key: random(),
  })).sort((a, b) => a.key - b.key)
  return shuffled.map(({ size }, at) => frameOf(size, at % FLOWS))
}

/** How many datagrams the average frame becomes: those over 1464 bytes become two on a path of 1500. */
export function datagramsPerFrame(mix: Mix): number {
  const sizes = MIXES[mix]
  return sizes.reduce((sum, size) => sum + (size > FIT_BYTES ? 2 : 1), 0) / sizes.length
}

function imixSizes(): number[] {
  return [60, 60, 60, 60, 60, 60, 60, 590, 590, 590, 590, 1514]
}

function frameOf(size: number, flow: number): Uint8Array<ArrayBuffer> {
  const addresses = { source: hex('0a4e 0002'), destination: hex('0a4e 0009') }
  const macs = [ADDRESSES.other.mac, ADDRESSES.client.mac]
  const link = concat(...macs.map((mac) => hex(mac.replaceAll(':', ''))), hex('0800'))
  return concat(link, ipv4({ ...addresses, ...upperLayer(size, [20_000 + flow, 7]) }))
}

function upperLayer(
  size: number,
  ports: readonly [number, number],
): { protocol: number; payload: Uint8Array } {
  return size > FIT_BYTES
    ? { protocol: 6, payload: tcp(ports, new Uint8Array(size - TCP_FRAME_BYTES)) }
    : { protocol: 17, payload: udp(ports, new Uint8Array(size - UDP_FRAME_BYTES)) }
}

/** Numbers in [0, 1) that are the same in every run (mulberry32, public domain). */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
