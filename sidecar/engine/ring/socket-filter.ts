/** The kernel's filter of the capture socket, made of parts that change one by one. */
import { AppError } from '../../../lib/errors.ts'
import { INSTRUCTION_BYTES, MAX_INSTRUCTIONS, prepend, type Instruction } from './instructions.ts'
import * as native from './native.ts'

/** The parts, in the order in which they judge a packet; each refuses it or leaves it to the next. */
export interface FilterParts {
  /** Packets of podtap's own, and copies. */
  readonly own: readonly Instruction[]
  /** Interfaces. */
  readonly interfaces: readonly Instruction[]
  /** Addresses that others mirror. */
  readonly addresses: readonly Instruction[]
  /** What a pcap-filter expression was compiled to; it decides. */
  readonly expression: Uint8Array
}

/** A filter that the kernel swaps in one step: every packet is judged by the old or by the new one. */
export class SocketFilter {
  readonly #fd: number
  #parts: FilterParts

  /**
   * Attaches `parts` to socket `fd`.
   * @throws AppError ERR_CAPTURE.
   */
  constructor(fd: number, parts: FilterParts) {
    this.#fd = fd
    this.#parts = parts
    this.change({})
  }

  /**
   * Replaces some parts. Source of the swap: sk_attach_filter() replaces the pointer under RCU, and
   * unlike libpcap podtap does not attach a filter in between that refuses everything.
   * @throws AppError ERR_CAPTURE; the filter stays as it was.
   */
  change(parts: Partial<FilterParts>): void {
    const next = { ...this.#parts, ...parts }
    const instructions = [...next.own, ...next.interfaces, ...next.addresses]
    this.#attach(prepend(instructions, next.expression))
    this.#parts = next
  }

  #attach(program: Uint8Array): void {
    const count = program.length / INSTRUCTION_BYTES
    if (count > MAX_INSTRUCTIONS) {
      throw failure(`expected at most ${MAX_INSTRUCTIONS} instructions, received ${count}`)
    }
    if (native.attachFilter(this.#fd, program)) return
    throw failure(native.errnoName(native.lastErrno()))
  }
}

function failure(reason: string): AppError {
  return new AppError('ERR_CAPTURE', `cannot capture: attaching the filter: ${reason}`)
}
