import { CODE, INSTRUCTION_BYTES } from './ring/instructions.ts'

/**
 * One program out of several, 8 bytes an instruction (`struct sock_filter`): each judges what those before
 * it let through, and `snapshotBytes` of what passes the last one are let through.
 */
export function joinFilters(programs: readonly Uint8Array[], snapshotBytes: number): Uint8Array {
  const joined = new Uint8Array(programs.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const program of programs) {
    joined.set(program, end)
    end += program.length
    const part = joined.subarray(end - program.length, end)
    if (end === joined.length) replaceAcceptances(part, () => [CODE.give, snapshotBytes])
    else replaceAcceptances(part, (instructionsLeft) => [CODE.jump, instructionsLeft])
  }
  return joined
}

/** Gives every instruction that lets a frame through another code and number. */
function replaceAcceptances(
  program: Uint8Array,
  replacement: (instructionsLeft: number) => readonly [code: number, k: number],
): void {
  const view = new DataView(program.buffer, program.byteOffset, program.length)
  for (let at = 0; at < program.length; at += INSTRUCTION_BYTES) {
    if (view.getUint16(at, true) !== CODE.give || view.getUint32(at + 4, true) === 0) continue
    const [code, k] = replacement((program.length - at) / INSTRUCTION_BYTES - 1)
    view.setUint16(at, code, true)
    view.setUint32(at + 4, k, true)
  }
}
