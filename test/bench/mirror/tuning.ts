/** The choices behind the ring's settings: what each costs instead of the default. */
import { setTimeout as delay } from 'node:timers/promises'
import { DEFAULT_RING, DEFAULT_SOURCE_PORTS } from '../../../sidecar/engine/ring/ring-options.ts'
import type { Load } from './load.ts'
import { STEADY_RATES } from './plan.ts'
import type { Rig } from './rig.ts'
import { alignColumns } from './results.ts'
import { startTuned, type Settings, type Subject } from './subject.ts'
import type { Mix } from './traffic.ts'

const MIXES = ['60', '1400', 'imix'] as const
const ROUNDS = 3
const SECONDS = 0.8
const WARM_UP_SECONDS = 0.5
const KIB = 1024

/** The freezing that a quota of 0.25 CPU amounts to at worst, at a rate that design asks the ring to survive. */
const FREEZE = { mix: '60', rate: 100_000, seconds: 1, frozenMs: 75, runningMs: 25 } as const

/** A choice, and what it showed. */
export interface Choice {
  readonly name: string
  readonly settings: Settings
  /** CPU time of a frame in microseconds, the median of the rounds. */
  readonly cost: ReadonlyMap<Mix, number>
  /** Frames of 100,000 a second that were lost while it was frozen for 75 ms of every 100; the worst round. */
  readonly lostFrozen: number
}

/** Measures all choices, in turn within every round. */
export async function measureChoices(rig: Rig, load: Load): Promise<Choice[]> {
  const choices = allSettings().map(([name, settings]) => ({ name, settings, runs: [] as Run[] }))
  for (let round = 0; round < ROUNDS; round++) {
    for (const { settings, runs } of round % 2 === 0 ? choices : choices.toReversed()) {
      runs.push(await measure(rig, load, settings))
    }
  }
  return choices.map(({ name, settings, runs }) => ({
    name,
    settings,
    cost: new Map(MIXES.map((mix) => [mix, median(runs.map(({ cost }) => cost.get(mix) ?? 0))])),
    lostFrozen: Math.max(...runs.map(({ lost }) => lost)),
  }))
}

interface Run {
  readonly cost: ReadonlyMap<Mix, number>
  readonly lost: number
}

/** All of them are rings of 16 MiB; what is not named is as by default. */
function allSettings(): [string, Settings][] {
  const total = DEFAULT_RING.blockBytes * DEFAULT_RING.blocks
  const ofBlock = (blockBytes: number): Settings => ({
    ring: { ...DEFAULT_RING, blockBytes, blocks: total / blockBytes },
  })
  const { blockBytes, retireMs } = DEFAULT_RING
  return [
    [`default: ${DEFAULT_SOURCE_PORTS} ports, ${blockBytes / KIB} KiB, ${retireMs} ms`, {}],
    ...[1, 2, 4, 16].map((sourcePorts): [string, Settings] => [
      `${sourcePorts} source ports`,
      { sourcePorts },
    ]),
    ...[128, 256, 1024, 2048].map((size): [string, Settings] => [
      `blocks of ${size} KiB`,
      ofBlock(size * KIB),
    ]),
    ...[10, 20, 100].map((ms): [string, Settings] => [
      `${ms} ms until a block is handed over`,
      { ring: { ...DEFAULT_RING, retireMs: ms } },
    ]),
  ]
}

async function measure(rig: Rig, load: Load, settings: Settings): Promise<Run> {
  const subject = await startTuned(rig, settings)
  try {
    const cost = new Map<Mix, number>()
    for (const mix of MIXES) {
      const steady = { mix, rate: STEADY_RATES[mix] }
      await load.sendMix(subject, { ...steady, seconds: WARM_UP_SECONDS })
      const { mirrorUs = NaN, frames } = await load.sendMix(subject, {
        ...steady,
        seconds: SECONDS,
      })
      cost.set(mix, mirrorUs / frames)
    }
    return { cost, lost: await loseFrozen(load, subject) }
  } finally {
    await subject.close()
  }
}

async function loseFrozen(load: Load, subject: Subject): Promise<number> {
  const ended = new AbortController()
  const freezing = freezeUntil(subject, ended.signal)
  const { frames, delivered } = await load.sendMix(undefined, FREEZE)
  ended.abort()
  await freezing
  return frames - delivered
}

async function freezeUntil(subject: Subject, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    subject.signal('SIGSTOP')
    await delay(FREEZE.frozenMs)
    subject.signal('SIGCONT')
    await delay(FREEZE.runningMs)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
}

/** The choices for people. */
export function tableOfChoices(choices: readonly Choice[]): string {
  const head = ['ring', ...MIXES.map((mix) => `${mix}: us/frame`), 'lost frozen']
  return alignColumns([
    head,
    ...choices.map(({ name, cost, lostFrozen }) => [
      name,
      ...MIXES.map((mix) => (cost.get(mix) ?? NaN).toFixed(2)),
      `${lostFrozen}`,
    ]),
  ]).join('\n')
}
