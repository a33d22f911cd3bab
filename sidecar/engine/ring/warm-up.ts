/**
 * Runs the frame code over made-up frames before the first real one comes, so that V8 has compiled it
 * by then: the first seconds of interpreted code would otherwise cost several times the CPU, inside a
 * quota that has nothing to spare.
 */
import { writeUint16 } from './header-template.ts'
import { Batch } from './batch.ts'
import { CaptureRing } from './capture-ring.ts'
import { createFrame } from './captured-frame.ts'
import { UdpLanes } from './lanes.ts'
import { LAYOUT } from './layout.ts'
import type { Memory } from './memory.ts'
import { MAX_MESSAGES, MAX_MESSAGE_PIECES, Messages } from './messages.ts'
import { mirrorFrame } from './mirror-frame.ts'
import { Runs } from './runs.ts'

/** How often: V8 optimises a loop of this work after some hundred turns. */
const ROUNDS = 400

const PORTS = 8
const BLOCK_BYTES = 64 * 1024
const BLOCK = { blockBytes: BLOCK_BYTES, blocks: 1, retireMs: 0 }
const FIT_BYTES = 1464
const PACKET_HEADER_BYTES = 48
const FRAME_OFFSET = 96
const ETHERNET_IP_BYTES = 34

/** Data bytes of the made-up frames: acknowledgements, full size, and super-frames. */
const SEGMENTS = [0, 20, 100, 1448, 6, 0, 500, 1448, 0, 14_480, 30, 1448, 26_000, 0, 6, 10]

const TCP = 6
const UDP = 17

/**
 * Does all that is done with frames, except that nothing is sent, in `memory` that no ring is laid over
 * yet. It is all 0 again afterwards.
 */
export function warmUp(memory: Memory): void {
  const batch = new Batch(memory, LAYOUT.headers, 0)
  const frame = createFrame(memory.bytes)
  const lanes = unconnectedLanes()
  const runs = new Runs(PORTS)
  const messages = new Messages(memory, LAYOUT.messages, MAX_MESSAGES, MAX_MESSAGE_PIECES)
  for (let round = 0; round < ROUNDS; round++) {
    writeBlock(memory)
    const ring = new CaptureRing(memory, LAYOUT.end, BLOCK, true)
    ring.openBlock()
    while (ring.nextFrame(frame) !== -1) mirrorFrame(batch, frame, lanes)
    runs.plan(batch, lanes.maxSegment)
    writeMessages(batch, runs, messages)
    batch.clear()
    ring.releaseBlocks()
  }
  memory.bytes.fill(0, 0, LAYOUT.end + BLOCK_BYTES)
}

function unconnectedLanes(): UdpLanes {
  const sockets = { first: 1, last: PORTS, socketsOf: () => [] }
  const lanes = new UdpLanes(sockets, { fit: 'split', withRuns: true })
  lanes.maxFrame.fill(FIT_BYTES)
  lanes.maxSegment.fill(FIT_BYTES + 8)
  return lanes
}

function writeMessages(batch: Batch, runs: Runs, messages: Messages): void {
  for (const first of runs.firstRun) {
    messages.clear()
    for (let run = first; run !== -1; run = runs.next[run] ?? -1) messages.addRun(batch, runs, run)
  }
}

/** A block as the kernel hands it over; see capture-ring.ts for its layout. */
function writeBlock({ words, bytes }: Memory): void {
  const block = LAYOUT.end >>> 2
  words[block + 2] = 1
  words[block + 3] = SEGMENTS.length
  words[block + 4] = PACKET_HEADER_BYTES
  let at = LAYOUT.end + PACKET_HEADER_BYTES
  SEGMENTS.forEach((dataBytes, index) => {
    const length = ETHERNET_IP_BYTES + 20 + dataBytes
    const next = (FRAME_OFFSET + length + 7) & ~7
    const word = at >>> 2
    words[word] = next
    words[word + 3] = length
    words[word + 4] = length
    words[word + 5] = 0
    words[word + 6] = FRAME_OFFSET
    // Some of everything: with and without a checksum to complete, TCP and UDP.
    const isPartial = dataBytes > 1448 || index % 3 !== 0
    const protocol = dataBytes <= 1448 && index % 5 === 1 ? UDP : TCP
    writeVnetHeader(bytes, at + FRAME_OFFSET - 10, { dataBytes, isPartial })
    writeIpFrame(bytes, at + FRAME_OFFSET, { dataBytes, flow: index, protocol })
    at += next
  })
}

/** Super-frames are of packets with 1448 bytes. */
function writeVnetHeader(
  bytes: Uint8Array,
  at: number,
  { dataBytes, isPartial }: { readonly dataBytes: number; readonly isPartial: boolean },
): void {
  bytes.fill(0, at, at + 10)
  bytes[at] = isPartial ? 1 : 0
  bytes[at + 1] = dataBytes > 1448 ? 1 : 0
  bytes[at + 4] = 1448 & 0xff
  bytes[at + 5] = 1448 >>> 8
  bytes[at + 6] = ETHERNET_IP_BYTES
  bytes[at + 8] = 16
}

interface MadeUpFrame {
  readonly dataBytes: number
  readonly flow: number
  readonly protocol: number
}

/** A TCP header is 20 bytes; of a UDP datagram 12 of them are data, which makes no difference here. */
function writeIpFrame(bytes: Uint8Array, at: number, frame: MadeUpFrame): void {
  const { dataBytes, flow, protocol } = frame
  bytes.fill(0, at, at + ETHERNET_IP_BYTES + 20)
  writeUint16(bytes, at + 12, 0x0800)
  writeUint16(bytes, at + 14, 0x4500)
  writeUint16(bytes, at + 16, 40 + dataBytes)
  writeUint16(bytes, at + 22, 0x4000 | protocol)
  writeUint16(bytes, at + 34, 1024 + (flow % 5))
  writeUint16(bytes, at + 46, 0x5018)
}
