/**
 * The one stretch of memory that the engine works in: what it writes itself (headers, message
 * vectors), then the capture ring. Everything is addressed by its offset from the start, so that
 * frame code needs no pointers and can run over an ordinary ArrayBuffer in a test.
 */

/** Views of one buffer, and where the kernel finds it. Host byte order is little-endian (x64, arm64). */
export interface Memory {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The same bytes as 32-bit words. */
  readonly words: Int32Array<ArrayBuffer>
  /** The address of `bytes[0]`, a multiple of 4; exact as a number, since Linux gives at most 2^52. */
  readonly address: number
  /** The upper and lower half of the address. The lower one never overflows within the buffer. */
  readonly addressHigh: number
  readonly addressLow: number
}

const HALF = 0x1_0000_0000

/** Whether memoryOver() can take a buffer of `length` bytes at `address`. */
export function isAddressable(address: number, length: number): boolean {
  return address % 4 === 0 && (address % HALF) + length <= HALF
}

/** The views over `buffer`, which lies at `address` (see isAddressable). Its length is a multiple of 4. */
export function memoryOver(buffer: ArrayBuffer, address: number): Memory {
  return {
    bytes: new Uint8Array(buffer),
    words: new Int32Array(buffer),
    address,
    addressHigh: Math.floor(address / HALF),
    addressLow: (address % HALF) | 0,
  }
}

/** Writes the address of `memory.bytes[offset]` as a 64-bit pointer at word `at`. */
export function writePointer(memory: Memory, at: number, offset: number): void {
  memory.words[at] = (memory.addressLow + offset) | 0
  memory.words[at + 1] = memory.addressHigh
}
