import { koffi } from './ffi.ts'

/** prctl(2) and signal(7). */
const PR_SET_PDEATHSIG = 1
const PR_SET_DUMPABLE = 4
const SIGKILL = 9

type Prctl = (...call: [option: number, value: number, zero: 0, zero: 0, zero: 0]) => number

/**
 * Ties this process to its parent: the kernel kills it when the parent's thread that started it ends,
 * be it by a signal, even while it is too busy to see its channel close. It leaves no core file
 * either, since one would hold frames of strangers, and npm cap aborts whenever an interface goes down.
 */
export function guardProcess(): void {
  const prctl = koffi
    .load(null)
    .func('int prctl(int option, ulong value, ulong c, ulong d, ulong e)') as Prctl
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
}
