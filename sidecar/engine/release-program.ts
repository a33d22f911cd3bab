/**
 * Gives back the memory of what only starting up needed of the program. More than half of a small Node
 * process is the program file itself: compilers, parsers and TLS that run once, the snapshot that the
 * heap was made from, tables of ICU. The kernel keeps every page that was ever touched as long as nobody
 * asks for memory.
 */
import { readFileSync } from 'node:fs'
import { koffi } from './ffi.ts'

const MADV_DONTNEED = 4

/** When starting up is over: V8 has compiled what the warm-up of the engine ran. */
const FIRST_MS = 5000

/** Then traffic has V8 compile again. Letting go and mapping again what is used takes about 1 ms: 0.01 % of a CPU. */
const INTERVAL_MS = 10_000

/** Calls releaseProgram() after starting up and from then on, without keeping the process alive. */
export function releaseProgramRegularly(): void {
  setTimeout(() => {
    releaseProgram()
    setInterval(releaseProgram, INTERVAL_MS).unref()
  }, FIRST_MS).unref()
}

type Advise = (address: number, length: number, advice: number) => number

let advise: Advise | undefined
let ranges: readonly ProgramRange[] | undefined

/** A range of addresses. */
export interface ProgramRange {
  readonly start: number
  readonly length: number
}

/**
 * Lets go of the program's code and constants, as they were laid out at the first call; what is used next
 * is mapped again from the page cache, without reading a file. Returns how many bytes it has offered, 0
 * where the system does not allow that.
 */
export function releaseProgram(): number {
  advise ??= bindAdvise()
  ranges ??= programRanges(readFileSync('/proc/self/smaps', 'utf8'))
  const offer = advise
  return ranges
    .filter(({ start, length }) => offer(start, length, MADV_DONTNEED) === 0)
    .reduce((sum, { length }) => sum + length, 0)
}

/**
 * The ranges of /proc/self/smaps (proc_pid_smaps(5)) that hold just what is in a file: those that cannot
 * be written, and of which no page is the process's own. What the loader has relocated and then protected
 * is its own (RELRO, elf(5)); letting go of that would undo it.
 *
 *   03489000-072a7000 r--p 03089000 fe:00 131        /usr/bin/node
 *   Size:              63608 kB
 *   …
 *   Anonymous:             0 kB
 */
export function programRanges(smaps: string): ProgramRange[] {
  const mappings = smaps.matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ \d+ +\/.*\n((?:\w+:.*\n)*)/gm,
  )
  return [...mappings]
    .filter(([, , , figures = '']) => /^Anonymous: +0 kB$/m.test(figures))
    .map(([, start = '', end = '']) => {
      const first = parseInt(start, 16)
      return { start: first, length: parseInt(end, 16) - first }
    })
}

/** madvise(2), returning -1 on failure. */
function bindAdvise(): Advise {
  return koffi
    .load(null)
    .func('int madvise(uintptr_t address, size_t length, int advice)') as Advise
}
