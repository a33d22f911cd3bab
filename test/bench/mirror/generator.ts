/**
 * Sends mixes of frames at steady rates: one line of input (`mix rate seconds`) is one load, answered
 * by a line (`frames seconds`) with what was done. It stays for many loads, so that none of them pays
 * for its start or for code that is not compiled yet.
 */
import { createInterface } from 'node:readline'
import { memoryOver, writePointer } from '../../../sidecar/engine/ring/memory.ts'
import * as native from '../../../sidecar/engine/ring/native.ts'
import { AF_PACKET, packetSocketAddress } from '../../../sidecar/engine/ring/socket-address.ts'
import { sendPaced } from '../send-paced.ts'
import { sequenceOf, type Mix } from './traffic.ts'

const SOCK_RAW = 3
const MESSAGE_BYTES = 64
const IOVEC_BYTES = 16
const FRAME_SLOT_BYTES = 2048
const MOST_AT_ONCE = 256

const fd = native.socket(AF_PACKET, SOCK_RAW, 0)
const address = packetSocketAddress(native.interfaceIndex('eth0'))
if (native.bind(fd, address, address.length) !== 0) throw new Error('bind failed')
const prepared = new Map<string, Messages>()

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const [mix = '60', rate, seconds] = line.split(' ')
  const messages = prepared.get(mix) ?? writeMessages(sequenceOf(mix as Mix))
  prepared.set(mix, messages)
  process.stdout.write(`${sendAll(messages, Number(rate), Number(seconds))}\n`)
}

/** An array of `struct mmsghdr` at `address`. */
interface Messages {
  readonly address: number
  readonly count: number
}

/** Sends until the time is over, or a half more where the rate is not reached. */
function sendAll({ address, count }: Messages, perSecond: number, duration: number): string {
  const frames = Math.round(perSecond * duration)
  const pace = { frames, perSecond, seconds: 1.5 * duration }
  const { sent, seconds } = sendPaced(pace, (due, before) => {
    const at = before % count
    const batch = Math.min(due, MOST_AT_ONCE, count - at)
    return native.sendmmsg(fd, address + at * MESSAGE_BYTES, batch, 0)
  })
  return `${sent} ${seconds}`
}

/** Lays frames, vectors and message headers out in memory that the kernel can read. */
function writeMessages(frames: readonly Uint8Array[]): Messages {
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
  return { address: start, count: frames.length }
}
