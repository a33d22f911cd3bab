import assert from 'node:assert/strict'
import test from 'node:test'
import { joinFilters } from '../../../../sidecar/engine/join-filters.ts'
import { prepend, REFUSE, type Instruction } from '../../../../sidecar/engine/ring/instructions.ts'

const program = (...instructions: Instruction[]): Uint8Array =>
  prepend(instructions, new Uint8Array())

const LOAD_TYPE: Instruction = [0x28, 0, 0, 12]
const ACCEPT: Instruction = [0x06, 0, 0, 65535]

test('one program keeps its course and gives as much of a frame as is wanted', () => {
  const one = program(LOAD_TYPE, [0x15, 0, 1, 0x0800], ACCEPT, REFUSE)

  const expected = program(LOAD_TYPE, [0x15, 0, 1, 0x0800], [0x06, 0, 0, 262144], REFUSE)
  assert.deepEqual(joinFilters([one], 262144), expected)
})

test('what one lets through goes on to the next, from wherever it is let through', () => {
  const first = program([0x15, 0, 1, 1], ACCEPT, [0x15, 1, 0, 2], ACCEPT, REFUSE)
  const second = program(LOAD_TYPE, ACCEPT, REFUSE)

  assert.deepEqual(
    joinFilters([first, second, second], 100),
    program(
      ...([[0x15, 0, 1, 1], [0x05, 0, 0, 3], [0x15, 1, 0, 2], [0x05, 0, 0, 1], REFUSE] as const),
      ...([LOAD_TYPE, [0x05, 0, 0, 1], REFUSE] as const),
      ...([LOAD_TYPE, [0x06, 0, 0, 100], REFUSE] as const),
    ),
  )
})
