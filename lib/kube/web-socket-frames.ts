/**
 * Frames of the WebSocket protocol as a client reads and writes them (RFC 6455 §5.2):
 *
 *   FIN(1) reserved(3) opcode(4) | MASK(1) length(7) | longer length(16 or 64) | key(32, if MASK) | payload
 *
 * A length of 126 stands for the next 16 bits, 127 for the next 64. Only clients mask.
 */
import { KubeError } from './kube-error.ts'

/** The opcodes of RFC 6455 §11.8. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Longest message that is taken, in bytes: the API server sends 32 KiB at most. */
const MAX_MESSAGE_BYTES = 1024 * 1024

/** A whole message; of a fragmented one `opcode` is that of its first frame. */
export interface WebSocketMessage {
  readonly opcode: number
  readonly payload: Buffer
}

interface Frame extends WebSocketMessage {
  readonly isLast: boolean
  readonly bytes: number
}

/** Puts messages together from a stream of bytes. */
export class WebSocketReader {
  #rest: Buffer = Buffer.alloc(0)
  #parts: WebSocketMessage[] = []

  /**
   * Takes the next bytes; returns the messages that are complete with them.
   * @throws KubeError for what no server may send.
   */
  push(bytes: Uint8Array): readonly WebSocketMessage[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const messages: WebSocketMessage[] = []
    for (let frame = readFrame(this.#rest); frame !== undefined; frame = readFrame(this.#rest)) {
      this.#rest = this.#rest.subarray(frame.bytes)
      const message = this.#assemble(frame)
      if (message !== undefined) messages.push(message)
    }
    return messages
  }

  /** Control frames may stand between the fragments of a message (§5.4). */
  #assemble(frame: Frame): WebSocketMessage | undefined {
    const { opcode, payload, isLast } = frame
    if (opcode >= OPCODE.close) return { opcode, payload }
    this.#parts.push({ opcode, payload })
    requireShort(this.#parts.reduce((sum, part) => sum + part.payload.length, 0))
    if (!isLast) return undefined
    const parts = this.#parts
    this.#parts = []
    const first = parts[0]?.opcode ?? opcode
    return { opcode: first, payload: Buffer.concat(parts.map((part) => part.payload)) }
  }
}

/** One frame of a client: `key` are 4 random bytes (§5.3). */
export function clientFrame(opcode: number, payload: Uint8Array, key: Uint8Array): Buffer {
  const { length } = payload
  const longer = length < 126 ? 0 : length < 65536 ? 2 : 8
  const frame = Buffer.alloc(6 + longer + length)
  frame[0] = 0x80 | opcode
  frame[1] = 0x80 | (longer === 0 ? length : longer === 2 ? 126 : 127)
  if (longer === 2) frame.writeUInt16BE(length, 2)
  if (longer === 8) frame.writeBigUInt64BE(BigInt(length), 2)
  frame.set(key, 2 + longer)
  for (let at = 0; at < length; at += 1) {
    frame[6 + longer + at] = (payload[at] ?? 0) ^ (key[at % 4] ?? 0)
  }
  return frame
}

/** The frame at the beginning of `bytes`; undefined: it is not complete. */
function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined
  const [first = 0, second = 0] = bytes
  if ((second & 0x80) !== 0) throw new KubeError('expected an unmasked WebSocket frame')
  const longer = second === 127 ? 8 : second === 126 ? 2 : 0
  const start = 2 + longer
  if (bytes.length < start) return undefined
  const length = lengthOf(bytes, second, longer)
  requireShort(length)
  if (bytes.length < start + length) return undefined
  return {
    opcode: first & 0x0f,
    isLast: (first & 0x80) !== 0,
    payload: bytes.subarray(start, start + length),
    bytes: start + length,
  }
}

function lengthOf(bytes: Buffer, short: number, longer: 0 | 2 | 8): number {
  if (longer === 0) return short
  return longer === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
}

function requireShort(length: number): void {
  if (length <= MAX_MESSAGE_BYTES) return
  throw new KubeError(
    `expected a WebSocket message of at most ${MAX_MESSAGE_BYTES} bytes, received ${length}`,
  )
}
