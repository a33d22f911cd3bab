/** Writes capture files of the classic pcap format, little-endian; see pcap-reader.ts for its layout. */
import type { FileHandle } from 'node:fs/promises'

const MAGIC_MICROSECONDS = 0xa1b2c3d4
const MAGIC_NANOSECONDS = 0xa1b23c4d
const LINKTYPE_ETHERNET = 1
const SNAPSHOT_BYTES = 262144

/** Bytes that are collected before they are written. */
const CHUNK_BYTES = 1024 * 1024

/** A capture file that is being written. */
export class PcapWriter {
  readonly #file: FileHandle
  #chunks: Uint8Array[] = []
  #pending = 0

  /** Begins the file; `nanoseconds` says what the fractions of its records are. */
  constructor(file: FileHandle, nanoseconds: boolean) {
    this.#file = file
    const head = new DataView(new ArrayBuffer(24))
    head.setUint32(0, nanoseconds ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS, true)
    head.setUint16(4, 2, true)
    head.setUint16(6, 4, true)
    head.setUint32(16, SNAPSHOT_BYTES, true)
    head.setUint32(20, LINKTYPE_ETHERNET, true)
    this.#add(new Uint8Array(head.buffer))
  }

  /** Adds a whole frame with the time of a record that was read. */
  async write(
    time: { readonly seconds: number; readonly fraction: number },
    frame: Uint8Array,
  ): Promise<void> {
    const head = new DataView(new ArrayBuffer(16))
    head.setUint32(0, time.seconds, true)
    head.setUint32(4, time.fraction, true)
    head.setUint32(8, frame.length, true)
    head.setUint32(12, frame.length, true)
    this.#add(new Uint8Array(head.buffer))
    this.#add(frame)
    if (this.#pending >= CHUNK_BYTES) await this.flush()
  }

  /** Writes what is pending. */
  async flush(): Promise<void> {
    if (this.#chunks.length > 0) await this.#file.writev(this.#chunks)
    this.#chunks = []
    this.#pending = 0
  }

  #add(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.#pending += bytes.length
  }
}
