/** The highest rate without loss under the CPU quota, and what is delivered at twice that rate. */
import { sendMix } from './load.ts'
import { LOSS_FREE } from './plan.ts'
import type { Rig } from './rig.ts'
import type { Subject } from './subject.ts'
import type { Mix } from './traffic.ts'

/** Beyond this the generator itself no longer keeps up. */
const GENERATOR_LIMIT = 320_000

/** The search ends when the bracket is this narrow. */
const BRACKET = 1.15

/** What a subject can do inside its quota. */
export interface Limits {
  readonly lossFreeFps: number
  readonly overloadDelivered: number
}

/** Searches by doubling, then by halving the bracket; each step takes `seconds`. */
export async function findLimits(
  rig: Rig,
  subject: Subject,
  search: { readonly mix: Mix; readonly from: number; readonly seconds: number },
): Promise<Limits> {
  const { mix, seconds } = search
  let good = 0
  let bad = Infinity
  let rate = search.from
  while (bad / good > BRACKET && rate < GENERATOR_LIMIT) {
    const { frames, delivered } = await sendMix(rig, subject, { mix, rate, seconds })
    if (frames - delivered <= frames * LOSS_FREE) good = Math.max(good, frames / seconds)
    else bad = rate
    rate = nextRate(good, bad)
    if (bad < 500) break
  }
  const twice = Math.min(GENERATOR_LIMIT, 2 * good)
  const overload = await sendMix(rig, subject, { mix, rate: twice, seconds })
  return {
    lossFreeFps: Math.round(good),
    overloadDelivered: Math.round(overload.delivered / seconds),
  }
}

function nextRate(good: number, bad: number): number {
  if (good === 0) return bad / 2
  return bad === Infinity ? good * 2 : Math.sqrt(good * bad)
}
