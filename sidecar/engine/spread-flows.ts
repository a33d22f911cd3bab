/**
 * Which of several destinations takes a flow. Rendezvous hashing over buckets of flows: when one of n
 * destinations comes or goes, 1/n of the flows move and no other, and two sidecars that see one flow
 * and know the same destinations send it to the same.
 * Source: Thaler, Ravishankar, "Using name-based mappings to increase hit rates", 1998.
 */

/** Flows are told apart by this many bits of their hash: fine enough for shares within a few per cent. */
const BUCKET_BITS = 12

/** The bucket of a flow, by its hash of 32 bits (see flowHash()). */
export function bucketOf(hash: number): number {
  return hash >>> (32 - BUCKET_BITS)
}

/**
 * For every bucket the index of its destination among `addresses`, at most 256 and all different.
 * The order of `addresses` makes no difference to which address a flow gets.
 */
export function spreadFlows(addresses: readonly string[]): Uint8Array {
  const seeds = addresses.map(hashText)
  const table = new Uint8Array(1 << BUCKET_BITS)
  if (addresses.length < 2) return table
  return table.map((_, bucket) => highest(seeds, bucket))
}

function highest(seeds: readonly number[], bucket: number): number {
  let best = 0
  let bestRank = -1
  for (const [index, seed] of seeds.entries()) {
    const rank = scramble(scramble(bucket + 1) ^ seed)
    if (rank > bestRank || (rank === bestRank && seed > (seeds[best] ?? 0))) {
      best = index
      bestRank = rank
    }
  }
  return best
}

/** FNV-1a, 32 bit (draft-eastlake-fnv). */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  return scramble(hash)
}

/** MurmurHash3's finalizer, by Austin Appleby (public domain): every bit reaches every bit. */
function scramble(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
