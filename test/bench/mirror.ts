/**
 * Measures what mirroring costs: CPU time per frame, loss-free rate and behaviour under overload
 * inside the sidecar's CPU quota, memory, idle CPU. Engines are measured in turn within every round,
 * so that what disturbs the machine disturbs all of them. Needs root and a compiled sidecar.
 *
 *   npm run bench -- [--quick] [--conntrack] [--json] [--profile | --tune]
 *
 * --conntrack lets the node track connections, as it does where kube-proxy forwards.
 * --profile shows instead where the ring engine spends its time; it needs perf(1).
 * --tune shows instead what other sizes of the ring and other numbers of source ports cost.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { CpuGroup } from './mirror/cgroup.ts'
import { checkGoals } from './mirror/goals.ts'
import { climbTcp, findGeneratorLimit, findLimits } from './mirror/limits.ts'
import { Load, type LoadResult } from './mirror/load.ts'
import { PacedSender, type Place } from './mirror/paced-sender.ts'
import { planOf, QUOTA_US, STEADY_RATES, type Plan, type Traffic } from './mirror/plan.ts'
import { profileRing } from './mirror/profile.ts'
import { Results, rounded } from './mirror/results.ts'
import { ADDRESSES, Rig } from './mirror/rig.ts'
import {
  SIDECAR,
  SIDECAR_CPU,
  startSubject,
  type Subject,
  type SubjectName,
} from './mirror/subject.ts'
import type { Mix } from './mirror/traffic.ts'
import { measureChoices, tableOfChoices } from './mirror/tuning.ts'

const SEND_ONLY = join(import.meta.dirname, 'mirror/send-only.ts')

/** Load before every measurement of CPU time: what is compiled when it is first used counts for nothing. */
const WARM_UP_SECONDS = 0.6

/** How long a profile takes: enough samples at every rate. */
const PROFILE_SECONDS = 4

const SMALL_QUOTA_US = QUOTA_US / 5

/** Until starting up and what a load set off (compilation, collection, memory given back) are over. */
const SETTLE_MS = 6000

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    conntrack: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    tune: { type: 'boolean', default: false },
  },
})
if (process.getuid?.() !== 0) throw new Error('the bench makes network namespaces: run it as root')
if (!existsSync(SIDECAR)) throw new Error('no compiled sidecar: run npm run build first')

const rig = new Rig(values)
const load = new Load(rig)
try {
  await load.ready()
  const plan = planOf(values)
  if (values.tune) process.stdout.write(`${tableOfChoices(await measureChoices(rig, load))}\n`)
  else await (values.profile ? showProfiles(plan) : measureAll(plan))
} finally {
  await load.close()
  rig.close()
}

async function measureAll(plan: Plan): Promise<void> {
  const results = new Results()
  await measureCpu(plan, results)
  await measureIdle(plan, results)
  await measureLimits(plan, results)
  await measureTcpLimits(plan, results)
  const goals = checkGoals(results)
  process.stdout.write(`${values.json ? results.toJson(goals) : results.toTable(goals)}\n`)
}

async function showProfiles(plan: Plan): Promise<void> {
  for (const traffic of plan.traffics) {
    await withSubject('ring', async (subject) => {
      await send(traffic, subject, plan)
      const shares = await profileRing(() =>
        send(traffic, subject, { ...plan, seconds: PROFILE_SECONDS }),
      )
      const lines = shares.map(
        ({ part, percent }) => `${percent.toFixed(1).padStart(5)} %  ${part}`,
      )
      process.stdout.write(`${traffic}\n${lines.join('\n')}\n`)
    })
  }
}

async function measureCpu(plan: Plan, results: Results): Promise<void> {
  for (let round = 0; round < plan.rounds; round++) {
    const inTurn = round % 2 === 0 ? plan.subjects : plan.subjects.toReversed()
    for (const name of inTurn) {
      progress(`CPU per frame, round ${round + 1} of ${plan.rounds}: ${name}`)
      if (name === 'kernel') await measureKernel(plan, results)
      else await measureMirror(name, plan, results)
    }
    await measureSendOnly(plan, results)
  }
}

async function measureMirror(name: SubjectName, plan: Plan, results: Results): Promise<void> {
  await withSubject(name, async (subject) => {
    for (const traffic of plan.traffics) {
      await send(traffic, subject, { ...plan, seconds: WARM_UP_SECONDS })
      results.addCpu(name, traffic, mirrorCost(traffic, await send(traffic, subject, plan)))
    }
    const rss = subject.rssMb()
    if (rss !== undefined) {
      results.setForAll(name, plan.traffics, { rss_mb: rounded(rss, 1) })
    }
  })
}

/** What was lost has cost next to nothing, and must not make the others look cheap. */
function mirrorCost(traffic: Traffic, { mirrorUs = NaN, frames, delivered }: LoadResult): number {
  return mirrorUs / (traffic === 'tcp' ? frames : Math.min(frames, delivered))
}

/**
 * The kernel mirrors on the CPU time of whoever sends: what it costs is the difference that it makes
 * to the same load, taken pair by pair, one right after the other and in changing order.
 */
async function measureKernel(plan: Plan, results: Results): Promise<void> {
  for (const traffic of plan.traffics) {
    await send(traffic, undefined, { ...plan, seconds: WARM_UP_SECONDS })
    for (let pair = 0; pair < plan.kernelPairs; pair++) {
      const isFirst = pair % 2 === 0
      const before = isFirst ? await send(traffic, undefined, plan) : undefined
      const mirrored = await sendMirrored(traffic, plan)
      const bare = before ?? (await send(traffic, undefined, plan))
      results.addCpu('kernel', traffic, loadCost(mirrored) - loadCost(bare))
    }
  }
}

/** What the kernel takes for sending what the ring sends: the floor of every engine that sends datagrams. */
async function measureSendOnly(plan: Plan, results: Results): Promise<void> {
  const group = new CpuGroup()
  const place: Place = { host: 'pod', cpu: SIDECAR_CPU, group }
  const sender = new PacedSender(rig, place, [SEND_ONLY, ADDRESSES.sensor.ip])
  await sender.ready()
  for (const mix of plan.traffics.filter((each) => each !== 'tcp')) {
    const steady = { mix, rate: STEADY_RATES[mix] }
    await sender.send({ ...steady, seconds: WARM_UP_SECONDS })
    const before = group.usedUs()
    const { frames } = await sender.send({ ...steady, seconds: plan.seconds })
    results.addCpu('send-only', mix, (group.usedUs() - before) / frames)
  }
  await sender.close()
  group.close()
}

async function sendMirrored(traffic: Traffic, plan: Plan): Promise<LoadResult> {
  return withSubject('kernel', (subject) => send(traffic, subject, plan))
}

function loadCost({ loadUs, frames }: LoadResult): number {
  return loadUs / frames
}

async function withSubject<Value>(
  name: SubjectName,
  work: (subject: Subject) => Promise<Value>,
): Promise<Value> {
  const subject = await startSubject(name, rig)
  try {
    return await work(subject)
  } finally {
    await subject.close()
  }
}

function send(traffic: Traffic, subject: Subject | undefined, plan: Plan): Promise<LoadResult> {
  const { seconds, megabits } = plan
  if (traffic === 'tcp') return load.sendTcp(subject, { megabits, seconds })
  return load.sendMix(subject, { mix: traffic, rate: STEADY_RATES[traffic], seconds })
}

async function measureIdle(plan: Plan, results: Results): Promise<void> {
  for (const name of plan.idle) {
    progress(`CPU while nothing happens: ${name}`)
    await withSubject(name, async (subject) => {
      await send('60', subject, plan)
      await delay(SETTLE_MS)
      const before = subject.usedUs() ?? 0
      await delay(plan.idleSeconds * 1000)
      const used = (subject.usedUs() ?? 0) - before
      const percent = rounded(used / (plan.idleSeconds * 10_000), 3)
      results.setForAll(name, plan.traffics, { idle_cpu_percent: percent })
    })
  }
}

async function measureLimits(plan: Plan, results: Results): Promise<void> {
  for (const { subject: name, traffic: mix, from } of plan.limits) {
    progress(`loss-free rate inside the quota: ${name}, ${mix}`)
    await withSubject(name, async (subject) => {
      const generatorFps = await generatorLimit(subject, mix, results)
      await send(mix, subject, plan)
      subject.setQuota(QUOTA_US)
      const search = { mix, from, generatorFps, seconds: plan.limitSeconds }
      const limits = await findLimits(load, subject, search)
      const result = results.of(name, mix)
      result.lossfree_fps = limits.lossFreeFps
      result.lossfree_is_generator_limit = limits.isGeneratorLimit
      result.overload_delivered = limits.overloadDelivered
      result.overload_share = limits.overloadDelivered / limits.lossFreeFps
      if (!limits.isGeneratorLimit) return
      // What the generator cannot overload with that quota, it can with a fifth of it.
      subject.setQuota(SMALL_QUOTA_US)
      const small = await findLimits(load, subject, { ...search, from: from / 5 })
      result.overload_share = small.overloadDelivered / small.lossFreeFps
    })
  }
}

/** Once per mix, past the first subject: its socket takes the generator's time, as in the search. */
async function generatorLimit(subject: Subject, mix: Mix, results: Results): Promise<number> {
  const known = results.generatorFps.get(mix)
  if (known !== undefined) return known
  const limit = await findGeneratorLimit(load, subject, { mix, seconds: 1 })
  results.generatorFps.set(mix, limit)
  return limit
}

async function measureTcpLimits(plan: Plan, results: Results): Promise<void> {
  for (const name of plan.tcpLimits) {
    progress(`real TCP inside the quota: ${name}`)
    await withSubject(name, async (subject) => {
      await send('tcp', subject, plan)
      subject.setQuota(QUOTA_US)
      const steps = await climbTcp(load, subject, plan.limitSeconds)
      const lossFree = steps.filter(({ lost }) => lost === 0)
      const result = results.of(name, 'tcp')
      result.lossfree_mbits = lossFree.at(-1)?.mbits ?? 0
      result.tcp_steps = steps
    })
  }
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}
