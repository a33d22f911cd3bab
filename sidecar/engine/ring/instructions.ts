/**
 * Instructions of the kernel's socket filters, for what libpcap's expressions cannot say
 * (Linux, Documentation/networking/filter.rst):
 *
 *   struct sock_filter   code(2) jump if true(1) jump if false(1) k(4)
 */

/** Bytes of an instruction. */
export const INSTRUCTION_BYTES = 8

/** Most instructions that Linux takes for one filter (BPF_MAXINSNS). */
export const MAX_INSTRUCTIONS = 4096

/** One instruction; jumps are relative to the instruction behind it. */
export type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number]

/** The codes that are used here: class, size and mode in one number. */
export const CODE = {
  loadWord: 0x20,
  loadHalf: 0x28,
  loadLength: 0x80,
  jump: 0x05,
  jumpIfEqual: 0x15,
  jumpIfGreater: 0x25,
  jumpIfAtLeast: 0x35,
  give: 0x06,
} as const

/** SKF_AD_OFF + SKF_AD_… (linux/filter.h): not places in the packet but what its buffer says. */
export const BESIDE = {
  packetType: 0xfffff000 + 4,
  interfaceIndex: 0xfffff000 + 8,
  mark: 0xfffff000 + 20,
  hardwareType: 0xfffff000 + 28,
} as const

/** Lets nothing of the packet through. */
export const REFUSE: Instruction = [CODE.give, 0, 0, 0]

/** `instructions` as the kernel takes them, before the bytes of another filter. */
export function prepend(instructions: readonly Instruction[], filter: Uint8Array): Uint8Array {
  const program = new Uint8Array(instructions.length * INSTRUCTION_BYTES + filter.length)
  const view = new DataView(program.buffer)
  instructions.forEach(([code, yes, no, k], index) => {
    const at = index * INSTRUCTION_BYTES
    view.setUint16(at, code, true)
    view.setUint8(at + 2, yes)
    view.setUint8(at + 3, no)
    view.setUint32(at + 4, k, true)
  })
  program.set(filter, instructions.length * INSTRUCTION_BYTES)
  return program
}
