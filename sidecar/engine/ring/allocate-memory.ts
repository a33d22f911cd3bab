import { AppError } from '../../../lib/errors.ts'
import { sumWidely } from '../internet-sum.ts'
import { createWideSum } from '../wide-sum.ts'
import { isAddressable, memoryOver, type Memory } from './memory.ts'
import * as native from './native.ts'

const PAGE_BYTES = 65536

/** Memory, and who gives it back. */
export interface Allocated {
  readonly memory: Memory
  /** Whether native.unmap() must; otherwise V8 does, all of it, when the thread ends. */
  readonly isMapped: boolean
}

/**
 * Zeroed memory of at least `length` bytes that the kernel may lay its ring over. Where there is
 * WebAssembly with SIMD it is of that kind, so that checksums cost a quarter.
 * @throws AppError ERR_CAPTURE.
 */
export function allocateMemory(length: number): Allocated {
  // See isAddressable() for what it must not cross; a second try cannot cross it, too.
  const memory = allocateWide(length) ?? allocateWide(length)
  if (memory !== undefined) return { memory, isMapped: false }
  return { memory: mapMemory(length), isMapped: true }
}

/** Undefined where there is no such memory, or where it must not lie. */
function allocateWide(length: number): Memory | undefined {
  const wide = wideMemory(Math.ceil(length / PAGE_BYTES))
  if (wide === undefined) return undefined
  const sum = createWideSum(wide)
  const address = Number(native.addressOf(new Uint8Array(wide.buffer)))
  if (sum === undefined || !isAddressable(address, length)) return undefined
  sumWidely(wide.buffer, sum)
  return memoryOver(wide.buffer, address)
}

/** It never grows, which would move it. V8 reserves 8 GB of addresses for it, which a limit may forbid. */
function wideMemory(pages: number): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages })
  } catch {
    return undefined
  }
}

function mapMemory(length: number): Memory {
  const first = map(length)
  if (isAddressable(first, length)) return memoryOver(native.viewMemory(first, length), first)
  const second = map(length)
  native.unmap(first, length)
  return memoryOver(native.viewMemory(second, length), second)
}

function map(length: number): number {
  const address = native.mapAnonymous(length)
  if (address !== -1) return address
  const reason = native.errnoName(native.lastErrno())
  throw new AppError('ERR_CAPTURE', `cannot capture: mapping ${length} bytes: ${reason}`)
}
