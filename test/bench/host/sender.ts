/** Sends frames of 1,400 bytes alternately on several interfaces, many by one call. Arguments: the interfaces. */
import { createInterface } from 'node:readline'
import { memoryOver, writePointer } from '../../../sidecar/engine/ring/memory.ts'
import * as native from '../../../sidecar/engine/ring/native.ts'
import { AF_PACKET, packetSocketAddress } from '../../../sidecar/engine/ring/socket-address.ts'
import { ethernet } from '../../helpers/frames.ts'
import { sendPaced } from '../send-paced.ts'
import type { SendAnswer, SendRequest } from './protocol.ts'

const SOCK_RAW = 3
const MESSAGE_BYTES = 64
const ADDRESS_SLOT_BYTES = 32
const MOST_AT_ONCE = 64

const fd = native.socket(AF_PACKET, SOCK_RAW, 0)
const indexes = process.argv.slice(2).map(native.interfaceIndex)
const messages = writeMessages(ethernet(0x88b5, new Uint8Array(1386)))

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(sendAll(JSON.parse(line) as SendRequest))}\n`)
}

function sendAll({ interfaces, frames, perSecond = Infinity }: SendRequest): SendAnswer {
  const began = process.cpuUsage()
  const { sent } = sendPaced({ frames, perSecond }, (due, before) => {
    const at = before % interfaces
    const batch = Math.min(due, MOST_AT_ONCE, interfaces - at)
    return native.sendmmsg(fd, messages + at * MESSAGE_BYTES, batch, 0)
  })
  const { user, system } = process.cpuUsage(began)
  return { sent, cpuUs: user + system }
}

/** An array of `struct mmsghdr`, one for each interface: address, length of it, vector, how many vectors. */
function writeMessages(frame: Uint8Array): number {
  const [vector, data] = [0, 16]
  const header = 4096
  const addresses = header + indexes.length * MESSAGE_BYTES
  const length = addresses + indexes.length * ADDRESS_SLOT_BYTES
  const start = native.mapAnonymous(length)
  const memory = memoryOver(native.viewMemory(start, length), start)
  memory.bytes.set(frame, data)
  writePointer(memory, vector >>> 2, data)
  memory.words[(vector >>> 2) + 2] = frame.length
  for (const [place, index] of indexes.entries()) {
    const address = packetSocketAddress(index)
    const slot = addresses + place * ADDRESS_SLOT_BYTES
    memory.bytes.set(address, slot)
    const message = (header + place * MESSAGE_BYTES) >>> 2
    writePointer(memory, message, slot)
    memory.words[message + 2] = address.length
    writePointer(memory, message + 4, vector)
    memory.words[message + 6] = 1
  }
  return start + header
}
