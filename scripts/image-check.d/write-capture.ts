/** Writes a capture file whose frames take every way through the mirror. Argument: the file. */
import { writeFileSync } from 'node:fs'
import { concat, ethernet, ipv4, ipv6, tagged, tcp, udp } from '../../test/helpers/frames.ts'

const IPV4 = 0x0800
const IPV6 = 0x86dd
const TCP = 6
const UDP = 17

/** Longer than an Ethernet frame: split into segments, or into fragments. */
const LENGTHS = [0, 1, 100, 1400, 9000, 40_000]

const frames = LENGTHS.flatMap((length) => {
  const payload = Uint8Array.from({ length }, (_, at) => at % 251)
  const segment = tcp([40_000, 80], payload)
  const datagram = udp([40_000, 53], payload)
  return [
    ethernet(IPV4, ipv4({ protocol: TCP, payload: segment })),
    ethernet(IPV6, ipv6({ protocol: TCP, payload: segment })),
    ethernet(IPV4, ipv4({ protocol: UDP, payload: datagram })),
    ethernet(IPV6, ipv6({ protocol: UDP, payload: datagram })),
    tagged(ethernet(IPV4, ipv4({ protocol: TCP, payload: segment })), 0x8100, 7),
  ]
})

writeFileSync(process.argv[2] ?? 'frames.pcap', concat(fileHeader(), ...frames.map(record)))

/** Source: pcap-savefile(5), "Per-file header": version 2.4, Ethernet. */
function fileHeader(): Uint8Array {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(262_144, 16)
  header.writeUInt32LE(1, 20)
  return header
}

/** Source: pcap-savefile(5), "Per-packet header"; one frame a second. */
function record(frame: Uint8Array, index: number): Uint8Array {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(index + 1, 0)
  header.writeUInt32LE(frame.length, 8)
  header.writeUInt32LE(frame.length, 12)
  return concat(header, frame)
}
