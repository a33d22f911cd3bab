/**
 * Gives back the memory of code that only starting up needed. Nearly half of a small Node process is
 * the program file itself, most of it compilers, parsers and TLS that run once; the kernel keeps
 * every page that was ever touched as long as nobody asks for memory.
 */
import { readFileSync } from 'node:fs'
import { koffi } from './ffi.ts'

const MADV_DONTNEED = 4

/** When starting up is over: V8 has compiled what the warm-up of the engine ran. */
const FIRST_MS = 5000

/** Then traffic has V8 compile again. Letting go and mapping again what is used takes about 1 ms: 0.01 % of a CPU. */
const INTERVAL_MS = 10_000

/** Calls releaseCode() after starting up and from then on, without keeping the process alive. */
export function releaseCodeRegularly(): void {
  setTimeout(() => {
    releaseCode()
    setInterval(releaseCode, INTERVAL_MS).unref()
  }, FIRST_MS).unref()
}

type Advise = (address: number, length: number, advice: number) => number

let advise: Advise | undefined

/** A range of addresses. */
export interface CodeRange {
  readonly start: number
  readonly length: number
}

/**
 * Lets go of the program's code; what runs next is mapped again from the page cache, without reading
 * a file. Safe, because nothing writes to pages that are executable and backed by a file. Returns how
 * many bytes of code it has offered, 0 where the system does not allow that.
 */
export function releaseCode(): number {
  advise ??= bindAdvise()
  const offer = advise
  return codeRanges(readFileSync('/proc/self/maps', 'utf8'))
    .filter(({ start, length }) => offer(start, length, MADV_DONTNEED) === 0)
    .reduce((sum, { length }) => sum + length, 0)
}

/**
 * The ranges of /proc/self/maps (proc_pid_maps(5)) that hold code from a file and cannot be written:
 *
 *   55d0a000-58f1b000 r-xp 00a2f000 fe:00 131  /usr/bin/node
 */
export function codeRanges(maps: string): CodeRange[] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ +\/.*$/gm)].map(
    ([, start = '', end = '']) => {
      const first = parseInt(start, 16)
      return { start: first, length: parseInt(end, 16) - first }
    },
  )
}

/** madvise(2), returning -1 on failure. */
function bindAdvise(): Advise {
  return koffi
    .load(null)
    .func('int madvise(uintptr_t address, size_t length, int advice)') as Advise
}
