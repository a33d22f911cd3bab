/** Mirrors a capture file into another one: what a sensor would have received. */
import { open } from 'node:fs/promises'
import { VXLAN_HEADER_BYTES } from '../engine/vxlan.ts'
import { FrameMirror } from './frame-mirror.ts'
import { IP_UDP_BYTES, wrapDatagram } from './outer-headers.ts'
import { MAX_RECORD_BYTES, openPcapFile, type PcapRecord } from './pcap-reader.ts'
import { PcapWriter } from './pcap-writer.ts'

/** What is to be mirrored, and how. */
export interface FileMirrorOptions {
  readonly input: string
  readonly output: string
  /** VXLAN network identifier, 0…16777215. */
  readonly vni: number
  /** Bytes of an IP packet that the path takes: longer frames are split. 128…65535. */
  readonly mtu: number
  /** Whether partial checksums, as a capture on a virtual interface has them, are completed. */
  readonly completeChecksums: boolean
}

/** What became of the frames. */
export interface FileMirrorCounts {
  frames: number
  datagrams: number
  /** Cut by the capture: a sensor would discard them whole. */
  truncated: number
  /** Neither fit the MTU nor could be split. */
  tooLong: number
  /** Why reading ended before the end of the file, if it did. */
  broken?: string
}

/**
 * Reads `input`, writes `output` anew. The same input gives the same output, byte for byte.
 * @throws AppError ERR_CAPTURE_FILE when `input` is no pcap file of Ethernet frames; errors of the
 * file system as they are.
 */
export async function mirrorFile(options: FileMirrorOptions): Promise<FileMirrorCounts> {
  await using input = await open(options.input)
  const pcap = await openPcapFile(input, options.input)
  await using output = await open(options.output, 'w')
  const writer = new PcapWriter(output, pcap.nanoseconds)
  const counts: FileMirrorCounts = { frames: 0, datagrams: 0, truncated: 0, tooLong: 0 }
  const mirror = new FrameMirror({
    vni: options.vni,
    fitBytes: options.mtu - IP_UDP_BYTES - VXLAN_HEADER_BYTES,
    maxFrameBytes: MAX_RECORD_BYTES,
  })
  const records = pcap.records((reason) => {
    counts.broken = reason
  })
  for await (const record of records) {
    counts.frames++
    for (const frame of mirrorRecord(mirror, record, options, counts)) {
      counts.datagrams++
      await writer.write(record, frame)
    }
  }
  await writer.flush()
  return counts
}

function mirrorRecord(
  mirror: FrameMirror,
  record: PcapRecord,
  { completeChecksums }: FileMirrorOptions,
  counts: FileMirrorCounts,
): Uint8Array[] {
  if (record.bytes.length < record.wireBytes) {
    counts.truncated++
    return []
  }
  const checksum = completeChecksums ? 'partial-unknown' : 'done'
  const datagrams = mirror.mirror(record.bytes, { checksum })
  if (datagrams === undefined) counts.tooLong++
  return (datagrams ?? []).map(({ payload, flowHash }) => wrapDatagram(payload, flowHash))
}
