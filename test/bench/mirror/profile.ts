/** Where the ring engine's time goes: perf(1) samples its thread while a load passes. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { SIDECAR_CPU } from './subject.ts'

const SAMPLES_PER_SECOND = '10000'

/** The engine's thread, by the name that it gives itself. */
const THREAD = 'podtap-ring'

/** Until perf has opened its counters: it does not say when. */
const PERF_START_MS = 500

/** Functions of Linux, with what is done in them and below them. */
const PARTS = [
  ['system calls that send', '__sys_sendmmsg'],
  ['  of that, copying frames out of the ring', 'ip_generic_getfrag'],
  ['  of that, splitting runs into datagrams', '__skb_gso_segment'],
  ['  of that, making outer fragments', 'ip_do_fragment'],
  ['waiting for frames', 'do_sys_poll'],
] as const

/** A part of the engine's time, in percent. */
export interface Share {
  readonly part: string
  readonly percent: number
}

/**
 * Samples the CPU of the sidecar while `work` runs.
 * @throws Error when perf is missing or may not sample.
 */
export async function profileRing(work: () => Promise<unknown>): Promise<Share[]> {
  const folder = mkdtempSync(join(tmpdir(), 'podtap-profile-'))
  try {
    const file = join(folder, 'perf.data')
    await record(file, work)
    return sharesOf(report(file))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function record(file: string, work: () => Promise<unknown>): Promise<void> {
  const what = ['-e', 'cpu-clock', '-F', SAMPLES_PER_SECOND, '-g', '-C', `${SIDECAR_CPU}`]
  const perf = spawn('perf', ['record', ...what, '-o', file], { stdio: 'ignore' })
  const ended = once(perf, 'exit').catch(() => {
    throw new Error('profiles need perf: apt-get install linux-perf')
  })
  await Promise.race([ended, delay(PERF_START_MS)])
  if (perf.exitCode !== null) throw new Error('perf may not sample here: see perf_event_paranoid')
  await work()
  perf.kill('SIGINT')
  await ended
}

function report(file: string): string {
  const only = ['--comm', THREAD, '--percentage', 'relative', '--children', '--sort', 'sym']
  return execFileSync('perf', ['report', '-i', file, ...only, '-g', 'none', '--stdio'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

/** Lines of perf: percent with what is called, percent of its own, `[k]`, name of the function. */
function sharesOf(text: string): Share[] {
  const percentOf = (name: string): number =>
    Number(
      new RegExp(`^ *([\\d.]+)% .*\\] ${name}$`, 'm').exec(text.replace(/ +$/gm, ''))?.[1] ?? 0,
    )
  const shares = PARTS.map(([part, name]) => ({ part, percent: percentOf(name) }))
  const system = percentOf('__sys_sendmmsg') + percentOf('do_sys_poll')
  return [...shares, { part: 'all else: the engine itself', percent: Math.max(0, 100 - system) }]
}
