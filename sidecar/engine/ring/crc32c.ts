/** CRC32c (Castagnoli), the checksum of SCTP (RFC 9260 Appendix A): polynomial 0x1edc6f41, reflected. */
const REFLECTED_POLYNOMIAL = 0x82f63b78

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? REFLECTED_POLYNOMIAL : 0)
  return crc
})

/** The CRC32c of `bytes[start, end)`, 32 bits without a sign. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1
  for (let at = start; at < end; at++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0)
  }
  return ~crc >>> 0
}
