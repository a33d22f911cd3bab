/**
 * Sends raw Ethernet frames. Arguments: interface, how often to send all of them, and how many a
 * millisecond (0: as fast as it goes). Reads one frame in hex per line from standard input.
 */
import { readFileSync } from 'node:fs'
import { koffi } from '../../sidecar/engine/ffi.ts'
import { hex, number } from './frames.ts'

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
const AF_PACKET = 17
const SOCK_RAW = 3

const [interfaceName = '', rounds = '1', perMs = '0'] = process.argv.slice(2)
const libc = koffi.load(null)
const socket = libc.func('int socket(int, int, int)')
const sendto = libc.func('int sendto(int, const void *, size_t, int, const void *, uint32_t)')

/** struct sockaddr_ll (packet(7)): family and index in host order; a raw socket needs no more. */
const address = new Uint8Array(20)
const index = Number(readFileSync(`/sys/class/net/${interfaceName}/ifindex`, 'latin1'))
new DataView(address.buffer).setUint16(0, AF_PACKET, true)
new DataView(address.buffer).setUint32(4, index, true)

const frames = readFileSync(0, 'latin1').split('\n').filter(Boolean).map(hex)
const descriptor = socket(AF_PACKET, SOCK_RAW, 0) as number
let untilPause = Number(perMs)
for (let round = 0; round < Number(rounds); round++) {
  for (const frame of frames) {
    const sent = sendto(descriptor, frame, frame.length, 0, address, address.length) as number
    if (sent !== frame.length)
      throw new Error(`sent ${sent} of ${number(frame.length, 2).join()} bytes`)
    if (--untilPause !== 0) continue
    Atomics.wait(PAUSE, 0, 0, 1)
    untilPause = Number(perMs)
  }
}
