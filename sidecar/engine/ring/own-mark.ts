/** The mark by which podtap's own packets are known inside the network namespace that it captures in. */

/**
 * SO_MARK of mirrored frames; setting it takes CAP_NET_RAW since Linux 5.17. It keeps clear of the
 * bits that Kubernetes (0x4000, 0x8000), Cilium (0x0f00) and Calico (0xffff0000) give a meaning.
 */
export const OWN_MARK = 0x2037

/** Bytes of a `struct sock_filter`: code(2) jump if true(1) jump if false(1) k(4). */
const INSTRUCTION_BYTES = 8
const LOAD_WORD = 0x20
const JUMP_IF_EQUAL = 0x15
const RETURN = 0x06
/** SKF_AD_OFF + SKF_AD_… (linux/filter.h): not places in the packet but what its buffer says. */
const FIELDS = { packetType: 0xfffff000 + 4, mark: 0xfffff000 + 20 } as const

/** What the kernel notes beside a packet, and the value of it that is refused. */
export interface Refusal {
  readonly field: 'mark' | 'packetType'
  readonly value: number
}

/** PACKET_OUTGOING (linux/if_packet.h): on a loopback interface every packet passes twice. */
export const OUTGOING = 4

/** `filter` with instructions before it that refuse packets by what the kernel notes beside them. */
export function refuse(filter: Uint8Array, refusals: readonly Refusal[]): Uint8Array {
  const own = refusals.flatMap<Instruction>(({ field, value }) => [
    [LOAD_WORD, 0, 0, FIELDS[field]],
    [JUMP_IF_EQUAL, 0, 1, value],
    [RETURN, 0, 0, 0],
  ])
  const program = new Uint8Array(own.length * INSTRUCTION_BYTES + filter.length)
  const view = new DataView(program.buffer)
  own.forEach((instruction, index) => {
    writeInstruction(view, index, instruction)
  })
  program.set(filter, own.length * INSTRUCTION_BYTES)
  return program
}

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number]

function writeInstruction(view: DataView, index: number, [code, yes, no, k]: Instruction): void {
  const at = index * INSTRUCTION_BYTES
  view.setUint16(at, code, true)
  view.setUint8(at + 2, yes)
  view.setUint8(at + 3, no)
  view.setUint32(at + 4, k, true)
}
