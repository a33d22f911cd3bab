/**
 * Sends what the ring engine would send of a mix, in the messages that it would make of full blocks, and
 * captures nothing: what remains is what the kernel takes for it from anyone. Takes the generator's
 * commands (`mix rate seconds`) and answers as it does (`frames seconds`).
 *
 *   node send-only.ts SENSOR
 */
import { createInterface } from 'node:readline'
import { VXLAN_PORT } from '../../../sidecar/contract.ts'
import { Batch, HEADER_BYTES } from '../../../sidecar/engine/ring/batch.ts'
import { createFrame, HEADROOM_BYTES } from '../../../sidecar/engine/ring/captured-frame.ts'
import { memoryOver, type Memory } from '../../../sidecar/engine/ring/memory.ts'
import {
  MAX_MESSAGE_PIECES,
  MAX_MESSAGES,
  Messages,
  messagesBytes,
} from '../../../sidecar/engine/ring/messages.ts'
import { mirrorFrame } from '../../../sidecar/engine/ring/mirror-frame.ts'
import * as native from '../../../sidecar/engine/ring/native.ts'
import { DEFAULT_RING, DEFAULT_SOURCE_PORTS } from '../../../sidecar/engine/ring/ring-options.ts'
import { Runs } from '../../../sidecar/engine/ring/runs.ts'
import { AF_INET, ipSocketAddress } from '../../../sidecar/engine/ring/socket-address.ts'
import { VXLAN_HEADER_BYTES } from '../../../sidecar/engine/vxlan.ts'
import { sequenceOf, type Mix } from './traffic.ts'

const SOCK_DGRAM = 2
const LANES = DEFAULT_SOURCE_PORTS

/** What a datagram holds on a path of 1500 bytes, and the frame in it. */
const PAYLOAD_BYTES = 1472
const FRAME_BYTES = PAYLOAD_BYTES - VXLAN_HEADER_BYTES

/** What TPACKET_V3 puts in front of a frame. */
const SLOT_BYTES = 112

const MESSAGE_SPACE = messagesBytes(MAX_MESSAGES, MAX_MESSAGE_PIECES)

const address = ipSocketAddress(4, process.argv[2] ?? '', VXLAN_PORT)
const sockets = Array.from({ length: LANES }, openSocket)
const prepared = new Map<Mix, Block>()
const pause = new Int32Array(new SharedArrayBuffer(4))

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const [mix, rate, seconds] = line.split(' ') as [Mix, string, string]
  const block = prepared.get(mix) ?? prepareBlock(mix)
  prepared.set(mix, block)
  process.stdout.write(`${sendBlocks(block, Number(rate), Number(seconds))}\n`)
}

/** What a full block becomes: the messages of every lane. */
interface Block {
  readonly frames: number
  readonly lanes: readonly Messages[]
}

function openSocket(): number {
  const fd = native.socket(AF_INET, SOCK_DGRAM, 0)
  if (native.connect(fd, address, address.length) !== 0) throw new Error('connect failed')
  return fd
}

/** Sends as many blocks as the rate asks for. */
function sendBlocks({ frames, lanes }: Block, perSecond: number, duration: number): string {
  const began = performance.now()
  let sent = 0
  while (sent < perSecond * duration) {
    const dueMs = ((sent + frames) / perSecond) * 1000 - (performance.now() - began)
    if (dueMs > 0) Atomics.wait(pause, 0, 0, dueMs)
    lanes.forEach((messages, lane) => {
      native.sendmmsg(sockets[lane] ?? -1, messages.addressOf(0), messages.count, 0)
    })
    sent += frames
  }
  return `${sent} ${(performance.now() - began) / 1000}`
}

/** Frames of the mix as far as a block of the ring holds them, gone through the engine's own code. */
function prepareBlock(mix: Mix): Block {
  const length = DEFAULT_RING.blockBytes + HEADER_BYTES + LANES * MESSAGE_SPACE
  const start = native.mapAnonymous(length)
  const memory = memoryOver(native.viewMemory(start, length), start)
  const batch = new Batch(memory, DEFAULT_RING.blockBytes, 0)
  const frames = fillBatch(batch, memory, sequenceOf(mix))
  const runs = new Runs(LANES)
  runs.plan(batch, new Int32Array(LANES).fill(PAYLOAD_BYTES))
  const lanes = Array.from({ length: LANES }, (_, lane) => {
    const at = DEFAULT_RING.blockBytes + HEADER_BYTES + lane * MESSAGE_SPACE
    const messages = new Messages(memory, at, MAX_MESSAGES, MAX_MESSAGE_PIECES)
    for (let run = runs.firstRun[lane] ?? -1; run !== -1; run = runs.next[run] ?? -1) {
      messages.addRun(batch, runs, run)
    }
    return messages
  })
  return { frames, lanes }
}

function fillBatch(batch: Batch, memory: Memory, sequence: readonly Uint8Array[]): number {
  const lanes = {
    laneOf: (hash: number) => hash % LANES,
    maxFrame: new Int32Array(LANES).fill(FRAME_BYTES),
  }
  const frame = createFrame(memory.bytes)
  let frames = 0
  for (let at = 0; batch.hasRoom(); frames++) {
    const bytes = sequence[frames % sequence.length] ?? new Uint8Array()
    const next = (at + SLOT_BYTES + bytes.length + 15) & ~15
    if (next > DEFAULT_RING.blockBytes) break
    frame.start = (at + HEADROOM_BYTES + 3) & ~3
    frame.end = frame.start + bytes.length
    memory.bytes.set(bytes, frame.start)
    mirrorFrame(batch, frame, lanes)
    at = next
  }
  return frames
}
