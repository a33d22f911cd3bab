/**
 * Reads capture files of the classic pcap format (draft-ietf-opsawg-pcap), in either byte order, with
 * microseconds or nanoseconds:
 *
 *   file     magic(4) version(2+2) zone(4) accuracy(4) longest record(4) link type(4)
 *   record   seconds(4) fraction(4) captured bytes(4) bytes on the wire(4) | captured bytes
 */
import type { FileHandle } from 'node:fs/promises'
import { AppError } from '../../lib/errors.ts'

const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
const LINKTYPE_ETHERNET = 1

/** The magic number, read as big-endian, says byte order and unit. */
const MAGICS = new Map([
  [0xa1b2c3d4, { littleEndian: false, nanoseconds: false }],
  [0xd4c3b2a1, { littleEndian: true, nanoseconds: false }],
  [0xa1b23c4d, { littleEndian: false, nanoseconds: true }],
  [0x4d3cb2a1, { littleEndian: true, nanoseconds: true }],
])
const PCAPNG_MAGIC = 0x0a0d0d0a

/** No interface of Linux has longer frames (512 KiB, BIG TCP): a longer record is a broken file. */
export const MAX_RECORD_BYTES = 1024 * 1024

/** One captured frame. */
export interface PcapRecord {
  readonly seconds: number
  /** Micro- or nanoseconds, see PcapFile.nanoseconds. */
  readonly fraction: number
  readonly bytes: Uint8Array
  /** How long it was on the wire; more than `bytes.length` if it was cut. */
  readonly wireBytes: number
}

/** An open capture file. */
export interface PcapFile {
  readonly nanoseconds: boolean
  /** The frames in order; ends at the end of the file, and calls `onBroken` if that is in mid-record. */
  records(onBroken: (reason: string) => void): AsyncGenerator<PcapRecord>
}

/**
 * Reads the head of a capture file; `name` is for messages.
 * @throws AppError ERR_CAPTURE_FILE unless it is a pcap file of Ethernet frames.
 */
export async function openPcapFile(file: FileHandle, name: string): Promise<PcapFile> {
  const head = await readExactly(file, FILE_HEADER_BYTES)
  const magic = head?.getUint32(0) ?? 0
  const format = MAGICS.get(magic)
  if (head === undefined || format === undefined) throw formatError(name, magic)
  const linkType = head.getUint32(20, format.littleEndian) & 0xffff
  if (linkType !== LINKTYPE_ETHERNET) {
    throw new AppError(
      'ERR_CAPTURE_FILE',
      `${name}: expected Ethernet frames (link type ${LINKTYPE_ETHERNET}), received link type ${linkType}; ` +
        'capture on an Ethernet interface, not on "any"',
    )
  }
  return {
    nanoseconds: format.nanoseconds,
    records: (onBroken) => readRecords(file, format.littleEndian, onBroken),
  }
}

async function* readRecords(
  file: FileHandle,
  littleEndian: boolean,
  onBroken: (reason: string) => void,
): AsyncGenerator<PcapRecord> {
  for (;;) {
    const head = await readExactly(file, RECORD_HEADER_BYTES, onBroken)
    if (head === undefined) return
    const length = head.getUint32(8, littleEndian)
    if (length > MAX_RECORD_BYTES) {
      onBroken(`a record claims ${length} bytes`)
      return
    }
    const body = await readExactly(file, length, onBroken)
    if (body === undefined) {
      onBroken('the file ends within a record')
      return
    }
    yield {
      seconds: head.getUint32(0, littleEndian),
      fraction: head.getUint32(4, littleEndian),
      bytes: new Uint8Array(body.buffer),
      wireBytes: head.getUint32(12, littleEndian),
    }
  }
}

/** Undefined at the end of the file; what is left of it there is too short and is reported. */
async function readExactly(
  file: FileHandle,
  length: number,
  onShort?: (reason: string) => void,
): Promise<DataView<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, null)
    if (bytesRead === 0) {
      if (filled > 0) onShort?.('the file ends within a record')
      return undefined
    }
    filled += bytesRead
  }
  return new DataView(bytes.buffer)
}

function formatError(name: string, magic: number): AppError {
  const received =
    magic === PCAPNG_MAGIC ? 'pcapng; convert it with: editcap -F pcap IN OUT' : 'something else'
  return new AppError('ERR_CAPTURE_FILE', `${name}: expected a pcap file, received ${received}`)
}
