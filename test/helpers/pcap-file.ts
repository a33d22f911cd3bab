/** Reads the captures that tcpdump and podtap write: pcap files, little-endian. */
import { readFileSync } from 'node:fs'

const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
/** With microseconds, with nanoseconds. */
const MAGICS = [0xa1b2c3d4, 0xa1b23c4d]

/** All whole frames in the file so far; a record that is still being written is left out. */
export function readPcapFile(path: string): Uint8Array[] {
  const bytes = readFileSync(path)
  if (bytes.length < FILE_HEADER_BYTES) return []
  if (!MAGICS.includes(bytes.readUInt32LE(0))) throw new Error(`${path} is no pcap file`)
  const frames: Uint8Array[] = []
  for (let at = FILE_HEADER_BYTES; at + RECORD_HEADER_BYTES <= bytes.length;) {
    const start = at + RECORD_HEADER_BYTES
    at = start + bytes.readUInt32LE(at + 8)
    if (at <= bytes.length) frames.push(Uint8Array.from(bytes.subarray(start, at)))
  }
  return frames
}
