/**
 * Sends a mix of frames at a steady rate. Arguments: mix, frames per second, seconds. Prints how many
 * frames it has sent.
 */
import { memoryOver, writePointer } from '../../../sidecar/engine/ring/memory.ts'
import * as native from '../../../sidecar/engine/ring/native.ts'
import { AF_PACKET, packetSocketAddress } from '../../../sidecar/engine/ring/socket-address.ts'
import { sequenceOf, type Mix } from './traffic.ts'

const SOCK_RAW = 3
const MESSAGE_BYTES = 64
const IOVEC_BYTES = 16
const FRAME_SLOT_BYTES = 2048
const MOST_AT_ONCE = 256
const PACE_MS = 0.5

const [mix = '60', rate = '1000', seconds = '1'] = process.argv.slice(2)
const fd = native.socket(AF_PACKET, SOCK_RAW, 0)
const address = packetSocketAddress(native.interfaceIndex('eth0'))
if (native.bind(fd, address, address.length) !== 0) throw new Error('bind failed')
const { messages, count } = writeMessages(sequenceOf(mix as Mix))
process.stdout.write(`${sendAll(Number(rate), Number(seconds))}\n`)

/** Sends until the time is over; returns the number of frames. */
function sendAll(perSecond: number, duration: number): number {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const began = performance.now()
  const total = Math.round(perSecond * duration)
  let sent = 0
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * perSecond)) - sent
    if (due <= 0) {
      Atomics.wait(pause, 0, 0, PACE_MS)
      continue
    }
    const at = sent % count
    const batch = Math.min(due, MOST_AT_ONCE, count - at)
    const done = native.sendmmsg(fd, messages + at * MESSAGE_BYTES, batch, 0)
    if (done > 0) sent += done
    if (performance.now() - began > duration * 1500) break
  }
  return sent
}

/** Lays frames, vectors and message headers out in memory that the kernel can read. */
function writeMessages(frames: readonly Uint8Array[]): { messages: number; count: number } {
  const vectors = frames.length * MESSAGE_BYTES
  const data = vectors + frames.length * IOVEC_BYTES
  const length = data + frames.length * FRAME_SLOT_BYTES
  const start = native.mapAnonymous(length)
  const memory = memoryOver(native.viewMemory(start, length), start)
  frames.forEach((frame, index) => {
    const slot = data + index * FRAME_SLOT_BYTES
    const vector = vectors + index * IOVEC_BYTES
    const message = (index * MESSAGE_BYTES) >>> 2
    memory.bytes.set(frame, slot)
    writePointer(memory, vector >>> 2, slot)
    memory.words[(vector >>> 2) + 2] = frame.length
    writePointer(memory, message + 4, vector)
    memory.words[message + 6] = 1
  })
  return { messages: start, count: frames.length }
}
