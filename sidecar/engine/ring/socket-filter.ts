/** The kernel's filter of the capture socket, made of parts that change one by one. */
import { AppError } from '../../../lib/errors.ts'
import { INSTRUCTION_BYTES, MAX_INSTRUCTIONS, prepend, type Instruction } from './instructions.ts'
import * as native from './native.ts'

const SO_ATTACH_FILTER = [1, 26] as const

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

  /** struct sock_fprog: number of instructions(2) pad(6) pointer(8). */
  #attach(program: Uint8Array): void {
    const count = program.length / INSTRUCTION_BYTES
    if (count > MAX_INSTRUCTIONS) {
      throw failure(`expected at most ${MAX_INSTRUCTIONS} instructions, received ${count}`)
    }
    const request = new Uint8Array(16)
    const view = new DataView(request.buffer)
    view.setUint16(0, count, true)
    view.setBigUint64(8, native.addressOf(program), true)
    if (native.setBytesOption(this.#fd, SO_ATTACH_FILTER, request)) return
    throw failure(native.errnoName(native.lastErrno()))
  }
}

function failure(reason: string): AppError {
  return new AppError('ERR_CAPTURE', `cannot capture: attaching the filter: ${reason}`)
}
