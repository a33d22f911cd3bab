/**
 * Whether a number is one of many, asked in the kernel: a search tree of filter instructions, so that
 * 200 interfaces or addresses cost a packet about as much as ten.
 */
import { CODE, REFUSE, type Instruction } from './instructions.ts'

/** What becomes of a packet whose number is in the set: the filter goes on, or refuses it. */
export type OfMembers = 'pass' | 'refuse'

/** Neighbouring numbers, both ends included. */
type Range = readonly [first: number, last: number]

/** Ranges that are asked one by one: two instructions each, within the reach of a jump (255). */
const BUCKET = 16

/**
 * Instructions that look the loaded number up among `members` (32 bits, without a sign). What is not
 * refused leaves them at their end.
 */
export function numberSet(members: Iterable<number>, ofMembers: OfMembers): Instruction[] {
  const ranges = rangesOf(members)
  const tree = treeOf(ranges, ofMembers)
  return tree.map((instruction, index) =>
    instruction === PASS ? [CODE.jump, 0, 0, tree.length - index - 1] : instruction,
  )
}

/** Stands for a jump to the end, whose distance is known last. */
const PASS: Instruction = [CODE.jump, 0, 0, 0]

function rangesOf(members: Iterable<number>): Range[] {
  const ranges: [number, number][] = []
  for (const member of [...new Set(members)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] + 1 === member) last[1] = member
    else ranges.push([member, member])
  }
  return ranges
}

function treeOf(ranges: readonly Range[], ofMembers: OfMembers): Instruction[] {
  if (ranges.length <= BUCKET) return bucketOf(ranges, ofMembers)
  const middle = ranges.length >>> 1
  const lower = treeOf(ranges.slice(0, middle), ofMembers)
  const upper = treeOf(ranges.slice(middle), ofMembers)
  const pivot = ranges[middle]?.[0] ?? 0
  // A conditional jump reaches 255 instructions, an unconditional one any number.
  return [[CODE.jumpIfAtLeast, 0, 1, pivot], [CODE.jump, 0, 0, lower.length], ...lower, ...upper]
}

/** Two instructions per range, then what becomes of the others, then of members. */
function bucketOf(ranges: readonly Range[], ofMembers: OfMembers): Instruction[] {
  const [member, other] = ofMembers === 'pass' ? [PASS, REFUSE] : [REFUSE, PASS]
  const questions = ranges.flatMap<Instruction>(([first, last], index) => {
    const toMember = 2 * (ranges.length - index - 1) + 1
    return [
      [CODE.jumpIfAtLeast, 0, 1, first],
      [CODE.jumpIfGreater, 0, toMember, last],
    ]
  })
  return [...questions, other, member]
}
