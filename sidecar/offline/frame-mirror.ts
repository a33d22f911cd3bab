/** Runs the frame code of the engine `ring` over single frames, without any kernel. */
import { readPacket } from '../engine/read-packet.ts'
import { createPacket } from '../engine/packet.ts'
import { flowHash } from '../engine/flow-hash.ts'
import { Batch, HEADER_BYTES } from '../engine/ring/batch.ts'
import { createFrame, HEADROOM_BYTES, type CapturedFrame } from '../engine/ring/captured-frame.ts'
import { memoryOver } from '../engine/ring/memory.ts'
import { mirrorFrame, type Lanes } from '../engine/ring/mirror-frame.ts'

/** Where the frame lies: behind the headers, at an offset that leaves room before it. */
const FRAME_START = HEADER_BYTES + Math.ceil(HEADROOM_BYTES / 16) * 16

/** What the engine knows of a frame from the kernel. */
export type FrameFacts = Partial<Omit<CapturedFrame, 'bytes' | 'start' | 'end'>>

/** One datagram. */
export interface MirroredDatagram {
  /** VXLAN header and frame. */
  readonly payload: Uint8Array<ArrayBuffer>
  /** The hash of its flow, by which the source port is chosen. */
  readonly flowHash: number
}

/** Mirrors frames of at most `maxFrameBytes`. */
export class FrameMirror {
  readonly #batch: Batch
  readonly #frame: CapturedFrame
  readonly #lanes: Lanes

  /** `fitBytes`: the longest frame that the path takes, wrapped. */
  constructor(options: { vni: number; fitBytes: number; maxFrameBytes: number }) {
    const length = FRAME_START + Math.ceil(options.maxFrameBytes / 4) * 4
    const memory = memoryOver(new ArrayBuffer(length), 0)
    this.#batch = new Batch(memory, 0, options.vni)
    this.#frame = createFrame(memory.bytes)
    this.#lanes = { laneOf: () => 0, maxFrame: Int32Array.of(options.fitBytes) }
  }

  /** Fills all memory with one value; none of it may matter to what mirror() returns. */
  fillMemory(value: number): void {
    this.#batch.memory.bytes.fill(value)
  }

  /** The datagrams of a frame in the order of sending; undefined when it neither fits nor can be split. */
  mirror(bytes: Uint8Array, facts: FrameFacts): MirroredDatagram[] | undefined {
    const frame = this.#frame
    Object.assign(frame, createFrame(frame.bytes), facts)
    frame.bytes.set(bytes, FRAME_START)
    frame.start = FRAME_START
    frame.end = FRAME_START + bytes.length
    const packet = createPacket()
    readPacket(frame, packet)
    const hash = flowHash(frame, packet)
    this.#batch.clear()
    if (!mirrorFrame(this.#batch, frame, this.#lanes)) return undefined
    return Array.from({ length: this.#batch.pieces }, (_, piece) => ({
      payload: this.#payloadOf(piece),
      flowHash: hash,
    }))
  }

  #payloadOf(piece: number): Uint8Array<ArrayBuffer> {
    const { memory, header, headerBytes, body, bodyBytes } = this.#batch
    const [headerAt, headerLength] = [header[piece] ?? 0, headerBytes[piece] ?? 0]
    const [bodyAt, bodyLength] = [body[piece] ?? 0, bodyBytes[piece] ?? 0]
    const payload = new Uint8Array(headerLength + bodyLength)
    payload.set(memory.bytes.subarray(headerAt, headerAt + headerLength))
    payload.set(memory.bytes.subarray(bodyAt, bodyAt + bodyLength), headerLength)
    return payload
  }
}
