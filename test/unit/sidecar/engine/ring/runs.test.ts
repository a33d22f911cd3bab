import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Batch, HEADER_BYTES } from '../../../../../sidecar/engine/ring/batch.ts'
import { memoryOver } from '../../../../../sidecar/engine/ring/memory.ts'
import { Runs } from '../../../../../sidecar/engine/ring/runs.ts'

const LANES = 3
const MEMORY = memoryOver(new ArrayBuffer(HEADER_BYTES), 0)

/** One piece: its lane, flow and length. A flow has one lane. */
type Piece = readonly [lane: number, flow: number, bytes: number]

test('neighbours of one length are one run, and a shorter one ends it', () => {
  assert.deepEqual(plan([100, 100, 100, 60].map((bytes) => [0, 1, bytes])), [[[0, 1, 2, 3]]])
})

test('a longer piece begins a run of its own', () => {
  assert.deepEqual(plan([60, 100].map((bytes) => [0, 1, bytes])), [[[0], [1]]])
})

test('flows among each other may be grouped by length', () => {
  const pieces: Piece[] = [
    [0, 1, 60],
    [0, 2, 100],
    [0, 3, 60],
    [0, 4, 100],
  ]

  assert.deepEqual(plan(pieces), [
    [
      [0, 2],
      [1, 3],
    ],
  ])
})

test('a piece does not overtake another one of its flow', () => {
  const pieces: Piece[] = [
    [0, 1, 60],
    [0, 2, 100],
    [0, 2, 60],
    [0, 2, 100],
  ]

  assert.deepEqual(plan(pieces), [[[0], [1, 2], [3]]])
})

test('a run has at most 64 pieces, and at most 65507 bytes', () => {
  const many = plan(Array.from({ length: 130 }, (): Piece => [0, 1, 60]))
  const large = plan(Array.from({ length: 50 }, (): Piece => [0, 1, 1472]))

  assert.deepEqual(lengths(many), [64, 64, 2])
  assert.deepEqual(lengths(large), [44, 6])
})

test('a receiver that takes no runs gets every piece by itself', () => {
  const runs = plan(
    [60, 60, 60].map((bytes) => [0, 1, bytes]),
    0,
  )

  assert.deepEqual(runs, [[[0], [1], [2]]])
})

test('every piece is sent once, in the order of its flow, in runs that the kernel takes', () => {
  const piece = fc
    .tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(60, 100, 590, 778, 1472, 3000))
    .map(([flow, bytes]): Piece => [flow % LANES, flow, bytes])
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 400 }), (pieces) => {
      const lanes = plan(pieces)

      const all = lanes.flat(2)
      assert.deepEqual(
        all.toSorted((a, b) => a - b),
        [...pieces.keys()],
      )
      for (let flow = 0; flow < 10; flow++) {
        const order = all.filter((index) => pieces[index]![1] === flow)
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        )
      }
      for (const run of lanes.flat()) assertSendable(run.map((index) => pieces[index]![2]))
    }),
    { numRuns: 500 },
  )
})

/** All of one length up to the last, which may be shorter, none longer than the path takes in a run. */
function assertSendable(sizes: readonly number[]): void {
  const [first = 0] = sizes
  assert.ok(sizes.slice(0, -1).every((size) => size === first))
  assert.ok(sizes.at(-1)! <= first)
  assert.ok(sizes.length <= 64 && sizes.reduce((sum, size) => sum + size, 0) <= 65507)
  assert.ok(sizes.length === 1 || first <= 1472)
}

const runs = new Runs(LANES)

/** Per lane that has any: its runs in the order of sending, as lists of pieces. */
function plan(pieces: readonly Piece[], maxSegment = 1472): number[][][] {
  const batch = new Batch(MEMORY, 0, 1)
  for (const [lane, flow, bytes] of pieces) {
    batch.beginFrame(lane, flow)
    batch.addPiece(0, bytes, 0, 0)
  }
  runs.plan(batch, new Int32Array(LANES).fill(maxSegment))
  const lanes = [...runs.firstRun].map((first) =>
    follow(first, runs.next).map((run) => follow(runs.head[run]!, runs.nextPiece)),
  )
  return lanes.filter((lane) => lane.length > 0)
}

function follow(first: number, next: Int32Array): number[] {
  const found: number[] = []
  for (let at = first; at !== -1; at = next[at]!) found.push(at)
  return found
}

function lengths(lanes: readonly (readonly (readonly number[])[])[]): number[] {
  return lanes.flat().map((run) => run.length)
}
