/**
 * Mirrors mixed load for a long time, inside the sidecar's CPU quota: small and large frames, a mix of
 * sizes, real TCP in both directions. A line per minute, then the verdict; the exit code is 1 when a frame
 * is lost or not accounted for, or when memory grows. Needs root and a compiled sidecar.
 *
 *   npm run soak -- [--minutes 30]
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { Load } from './mirror/load.ts'
import { QUOTA_US } from './mirror/plan.ts'
import { Rig } from './mirror/rig.ts'
import {
  memoryOf,
  problemsOf,
  sum,
  unaccountedFrames,
  type SoakSample,
} from './mirror/soak-verdict.ts'
import { SIDECAR, startSubject, type OwnCount, type Subject } from './mirror/subject.ts'
import { datagramsPerFrame, SEQUENCE_FRAMES, type Mix } from './mirror/traffic.ts'

/** The loads of a minute, one after the other; frames per second, far from what the quota allows. */
const MIXES: readonly { readonly mix: Mix; readonly rate: number }[] = [
  { mix: '60', rate: 32 * SEQUENCE_FRAMES },
  { mix: 'imix', rate: 16 * SEQUENCE_FRAMES },
  { mix: '1514', rate: 8 * SEQUENCE_FRAMES },
]
const MEGABITS = 100

/** Of each load; with what it takes to look at the outcome, four of them fill a minute. */
const SECONDS = 14

/** On a machine that is busy with other things the last frames of a load may be a while on their way. */
const LOOK_MS = 250
const LOOKS = 20

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } })
const minutes = Number(values.minutes)
if (!Number.isInteger(minutes) || minutes < 1) {
  throw new Error(`--minutes: expected a whole number from 1 on, received "${values.minutes}"`)
}
if (process.getuid?.() !== 0) throw new Error('the soak makes network namespaces: run it as root')
if (!existsSync(SIDECAR)) throw new Error('no compiled sidecar: run npm run build first')

const rig = new Rig()
const load = new Load(rig)
try {
  await load.ready()
  const subject = await startSubject('ring', rig)
  subject.setQuota(QUOTA_US)
  try {
    const samples = await runAll(subject)
    process.exitCode = showVerdict(samples, subject.ownCount())
  } finally {
    await subject.close()
  }
} finally {
  await load.close()
  rig.close()
}

async function runAll(subject: Subject): Promise<SoakSample[]> {
  const samples: SoakSample[] = []
  for (let minute = 1; minute <= minutes; minute++) {
    const first = samples.length
    for (const { mix, rate } of MIXES) samples.push(await sendMix(subject, mix, rate))
    samples.push(await sendTcp(subject))
    showMinute(minute, samples.slice(first))
  }
  return samples
}

async function sendMix(subject: Subject, mix: Mix, rate: number): Promise<SoakSample> {
  const [before, deliveredBefore] = [subject.ownCount(), rig.delivered()]
  const done = await load.sendMix(subject, { mix, rate, seconds: SECONDS })
  const sample = (): SoakSample => ({
    ...sampleOf(subject, before, done),
    offered: done.frames,
    delivered: (rig.delivered() - deliveredBefore) / datagramsPerFrame(mix),
  })
  let seen = sample()
  for (let look = 0; look < LOOKS && unaccountedFrames(seen) > 0; look++) {
    await delay(LOOK_MS)
    seen = sample()
  }
  return seen
}

async function sendTcp(subject: Subject): Promise<SoakSample> {
  const before = subject.ownCount()
  const done = await load.sendTcp(subject, { megabits: MEGABITS, seconds: SECONDS })
  return sampleOf(subject, before, done)
}

function sampleOf(
  subject: Subject,
  before: OwnCount,
  done: Awaited<ReturnType<Load['sendTcp']>>,
): SoakSample {
  const now = subject.ownCount()
  return {
    offered: undefined,
    delivered: undefined,
    captured: now.captured - before.captured,
    sent: now.sent - before.sent,
    lost: now.lost - before.lost,
    rssMb: subject.rssMb() ?? 0,
    usedUs: done.mirrorUs ?? 0,
    tookUs: done.seconds * 1e6,
  }
}

function showMinute(minute: number, samples: readonly SoakSample[]): void {
  const frames = sum(samples, ({ captured }) => captured)
  const lost = sum(samples, (sample) => sample.lost)
  const missing = sum(samples, unaccountedFrames)
  const percent =
    (100 * sum(samples, ({ usedUs }) => usedUs)) / sum(samples, ({ tookUs }) => tookUs)
  const memory = Math.max(...samples.map(({ rssMb }) => rssMb))
  process.stdout.write(
    `minute ${minute} of ${minutes}: ${frames} frames, ${lost} lost, ${missing} unaccounted for, ` +
      `${memory.toFixed(1)} MB, ${percent.toFixed(1)} % of a CPU\n`,
  )
}

/** Returns the exit code. */
function showVerdict(samples: readonly SoakSample[], { reasons }: OwnCount): number {
  const problems = problemsOf(samples)
  const { early, late } = memoryOf(samples)
  const frames = sum(samples, ({ captured }) => captured)
  const outcome = problems.length === 0 ? 'passed' : `failed: ${problems.join('; ')}`
  if (Object.keys(reasons).length > 0) process.stdout.write(`lost: ${JSON.stringify(reasons)}\n`)
  process.stdout.write(
    `${outcome}: ${frames} frames in ${minutes} minutes, memory ${early} MB, then ${late} MB\n`,
  )
  return problems.length === 0 ? 0 : 1
}
