/**
 * Measures what mirroring costs: CPU time per frame, loss-free rate and behaviour under overload
 * inside the sidecar's CPU quota, memory. Engines are measured in turn within every round, so that
 * what disturbs the machine disturbs all of them. Needs root and a compiled sidecar.
 *
 *   npm run bench -- [--quick] [--json]
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { findLimits } from './mirror/limits.ts'
import { sendMix, sendTcp, type LoadResult } from './mirror/load.ts'
import { planOf, QUOTA_US, STEADY_RATES, type Plan, type Traffic } from './mirror/plan.ts'
import { Results, rounded } from './mirror/results.ts'
import { Rig } from './mirror/rig.ts'
import { SIDECAR, startSubject, type Subject, type SubjectName } from './mirror/subject.ts'

/** Load before every measurement of CPU time. */
const WARM_UP_SECONDS = 0.3

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
if (process.getuid?.() !== 0) throw new Error('the bench makes network namespaces: run it as root')
if (!existsSync(SIDECAR)) throw new Error('no compiled sidecar: run npm run build first')

const rig = new Rig()
try {
  const results = new Results()
  const plan = planOf(values)
  await measureCpu(plan, results)
  await measureLimits(plan, results)
  process.stdout.write(`${values.json ? results.toJson() : results.toTable()}\n`)
} finally {
  rig.close()
}

async function measureCpu(plan: Plan, results: Results): Promise<void> {
  for (let round = 0; round < plan.rounds; round++) {
    const bare = await measureBareLoad(plan)
    const inTurn = round % 2 === 0 ? plan.subjects : plan.subjects.toReversed()
    for (const name of inTurn) {
      progress(`CPU per frame, round ${round + 1} of ${plan.rounds}: ${name}`)
      await withSubject(name, async (subject) => {
        for (const traffic of plan.traffics) {
          // What is compiled when it is first used would be charged to one kind of traffic.
          await load(traffic, subject, { ...plan, seconds: WARM_UP_SECONDS })
          const result = await load(traffic, subject, plan)
          results.addCpu(name, traffic, cost(result, bare.get(traffic)))
        }
        noteMemory(name, subject, plan, results)
      })
    }
  }
}

async function withSubject(
  name: SubjectName,
  work: (subject: Subject) => Promise<void>,
): Promise<void> {
  const subject = await startSubject(name, rig)
  try {
    await work(subject)
  } finally {
    await subject.close()
  }
}

/** What the load costs when nothing is mirrored: the kernel mirrors on the load's own CPU time. */
async function measureBareLoad(plan: Plan): Promise<Map<Traffic, LoadResult>> {
  const bare = new Map<Traffic, LoadResult>()
  if (!plan.subjects.includes('kernel')) return bare
  for (const traffic of plan.traffics) bare.set(traffic, await load(traffic, undefined, plan))
  return bare
}

function load(traffic: Traffic, subject: Subject | undefined, plan: Plan): Promise<LoadResult> {
  const { seconds, megabits } = plan
  if (traffic === 'tcp') return sendTcp(rig, subject, { megabits, seconds })
  return sendMix(rig, subject, { mix: traffic, rate: STEADY_RATES[traffic], seconds })
}

/** Microseconds per frame that passed the pod. */
function cost(result: LoadResult, bare: LoadResult | undefined): number {
  if (result.mirrorUs !== undefined) return result.mirrorUs / result.frames
  const extra = result.loadUs / result.frames - (bare ? bare.loadUs / bare.frames : 0)
  return extra
}

function noteMemory(name: SubjectName, subject: Subject, plan: Plan, results: Results): void {
  const rss = subject.rssMb()
  if (rss === undefined) return
  for (const traffic of plan.traffics) results.of(name, traffic).rss_mb = rounded(rss, 1)
}

async function measureLimits(plan: Plan, results: Results): Promise<void> {
  for (const { subject: name, traffic, from } of plan.limits) {
    progress(`loss-free rate inside the quota: ${name}, ${traffic}`)
    await withSubject(name, async (subject) => {
      await load(traffic, subject, plan)
      subject.setQuota(QUOTA_US)
      const search = { mix: traffic, from, seconds: plan.limitSeconds }
      const limits = await findLimits(rig, subject, search)
      const result = results.of(name, traffic)
      result.lossfree_fps = limits.lossFreeFps
      result.overload_delivered = limits.overloadDelivered
    })
  }
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}
