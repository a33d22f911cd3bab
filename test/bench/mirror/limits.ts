/** What a subject does inside its CPU quota: how much without loss, how much of twice that. */
import type { Load } from './load.ts'
import { LOSS_FREE, TCP_STEPS_MBITS } from './plan.ts'
import type { Subject } from './subject.ts'
import type { Mix } from './traffic.ts'

/** The search ends when the bracket is this narrow. */
const BRACKET = 1.15

/** Nothing is looked for below this rate. */
const LEAST_RATE = 500

/** What a subject can do inside its quota, in frames per second. */
export interface Limits {
  readonly lossFreeFps: number
  readonly overloadDelivered: number
  /** Whether the generator sends no faster than that: then the subject can do this or more. */
  readonly isGeneratorLimit: boolean
}

/** A search for the loss-free rate. */
export interface Search {
  readonly mix: Mix
  /** Where it begins, in frames per second. */
  readonly from: number
  /** How fast the generator can send this mix. */
  readonly generatorFps: number
  /** Duration of a step. */
  readonly seconds: number
}

/** How fast the generator sends when nobody slows it down, in frames per second. */
export async function findGeneratorLimit(
  load: Load,
  subject: Subject,
  { mix, seconds }: { readonly mix: Mix; readonly seconds: number },
): Promise<number> {
  const sent = await load.sendMix(subject, { mix, rate: 1e9, seconds })
  return Math.floor(sent.frames / sent.seconds)
}

/** Searches by doubling, then by halving the bracket. */
export async function findLimits(load: Load, subject: Subject, search: Search): Promise<Limits> {
  const { mix, generatorFps, seconds } = search
  let good = 0
  let bad = Infinity
  let rate = Math.min(search.from, generatorFps)
  while (bad / good > BRACKET && rate > LEAST_RATE) {
    const sent = await load.sendMix(subject, { mix, rate, seconds })
    const isLossFree = sent.frames - sent.delivered <= sent.frames * LOSS_FREE
    if (isLossFree) good = Math.max(good, sent.frames / sent.seconds)
    else bad = rate
    if (isLossFree && rate >= generatorFps) break
    rate = Math.min(nextRate(good, bad), generatorFps)
  }
  const twice = Math.min(generatorFps, 2 * good)
  const overload = await load.sendMix(subject, { mix, rate: twice, seconds })
  return {
    lossFreeFps: Math.round(good),
    overloadDelivered: Math.round(overload.delivered / overload.seconds),
    isGeneratorLimit: bad === Infinity,
  }
}

/** One load of real TCP inside the quota. */
export interface TcpStep {
  /** Both directions together. */
  readonly mbits: number
  readonly captured: number
  readonly lost: number
}

/** Raises the rate of real TCP until frames are lost; the last step is the one that lost some. */
export async function climbTcp(load: Load, subject: Subject, seconds: number): Promise<TcpStep[]> {
  const steps: TcpStep[] = []
  for (const mbits of TCP_STEPS_MBITS) {
    const before = subject.ownCount()
    await load.sendTcp(subject, { megabits: mbits / 2, seconds })
    const after = subject.ownCount()
    const lost = after.lost - before.lost
    steps.push({ mbits, captured: after.captured - before.captured, lost })
    if (lost > 0) break
  }
  return steps
}

function nextRate(good: number, bad: number): number {
  if (good === 0) return bad / 2
  return bad === Infinity ? good * 2 : Math.sqrt(good * bad)
}
