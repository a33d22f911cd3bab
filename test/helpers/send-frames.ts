/**
 * Sends raw Ethernet frames. Arguments: interface, how often to send all of them, and how many a
 * millisecond (0: as fast as it goes). Reads one frame per line from standard input, in hex; behind it
 * may stand where its checksum is left to a network card: where the sum begins, and from there the field.
 *
 *   struct virtio_net_hdr   flags(1) GSO type(1) header length(2) GSO size(2) checksum start(2) offset(2)
 */
import { readFileSync } from 'node:fs'
import { koffi } from '../../sidecar/engine/ffi.ts'
import * as native from '../../sidecar/engine/ring/native.ts'
import { concat, hex, number } from './frames.ts'

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
const AF_PACKET = 17
const SOCK_RAW = 3
const PACKET_VNET_HDR = [263, 15] as const
const NEEDS_CHECKSUM = 1

const [interfaceName = '', rounds = '1', perMs = '0'] = process.argv.slice(2)
const libc = koffi.load(null)
const socket = libc.func('int socket(int, int, int)')
const sendto = libc.func('int sendto(int, const void *, size_t, int, const void *, uint32_t)')

/** struct sockaddr_ll (packet(7)): family and index in host order; a raw socket needs no more. */
const address = new Uint8Array(20)
const index = Number(readFileSync(`/sys/class/net/${interfaceName}/ifindex`, 'latin1'))
new DataView(address.buffer).setUint16(0, AF_PACKET, true)
new DataView(address.buffer).setUint32(4, index, true)

const lines = readFileSync(0, 'latin1').split('\n').filter(Boolean)
const descriptor = socket(AF_PACKET, SOCK_RAW, 0) as number
const withNotes = lines.some((line) => line.includes(' '))
if (withNotes && !native.setIntOption(descriptor, PACKET_VNET_HDR, 1)) {
  throw new Error('PACKET_VNET_HDR is refused')
}
const frames = lines.map((line) => {
  const [frame = '', ...checksum] = line.split(' ')
  return withNotes ? concat(notes(checksum.map(Number)), hex(frame)) : hex(frame)
})
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

/** What packet(7) takes before the frame, in host byte order; nothing: the checksum is as it shall be. */
function notes([start = 0, offset = 0]: readonly number[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(10))
  header.setUint8(0, start === 0 ? 0 : NEEDS_CHECKSUM)
  header.setUint16(6, start, true)
  header.setUint16(8, offset, true)
  return new Uint8Array(header.buffer)
}
