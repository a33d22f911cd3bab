/** Load on the rig, and what it costs: generated frames, or real TCP. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { CpuGroup } from './cgroup.ts'
import { ADDRESSES, type BenchHost, type Rig } from './rig.ts'
import type { Subject } from './subject.ts'
import { datagramsPerFrame, type Mix } from './traffic.ts'

const GENERATOR = join(import.meta.dirname, 'generator.ts')
const LOAD_CPU = 0

/** Until the last frames are through: a retire time of 50 ms, and one quota period. */
const SETTLE_MS = 300

/** What a full-size TCP segment carries on a path of 1500 with timestamps: the frame of `tcp` figures. */
const SEGMENT_BYTES = 1448

/** The outcome of one load. */
export interface LoadResult {
  /** Frames that passed the pod, and how many of them reached the sensor. */
  readonly frames: number
  readonly delivered: number
  readonly seconds: number
  /** CPU time of the mirror and of the load, in microseconds. */
  readonly mirrorUs: number | undefined
  readonly loadUs: number
}

/** Sends a mix past the pod. */
export async function sendMix(
  rig: Rig,
  subject: Subject | undefined,
  load: { readonly mix: Mix; readonly rate: number; readonly seconds: number },
): Promise<LoadResult> {
  const { mix, rate, seconds } = load
  const deliveredBefore = rig.delivered()
  const measured = await measure(subject, async (group) => {
    const program = [process.execPath, GENERATOR, mix, `${rate}`, `${seconds}`]
    return Number(await runIn(rig, group, 'client', program))
  })
  const delivered = (rig.delivered() - deliveredBefore) / datagramsPerFrame(mix)
  return { ...measured, frames: measured.result, delivered, seconds }
}

/** TCP between client and pod in both directions, `megabits` each. Frames are full-size segments. */
export async function sendTcp(
  rig: Rig,
  subject: Subject | undefined,
  load: { readonly megabits: number; readonly seconds: number },
): Promise<LoadResult> {
  const listen = ['taskset', '-c', `${LOAD_CPU}`, 'iperf3', '-s', '-1', '--forceflush']
  const server = spawn('ip', rig.command('client', ...listen))
  await once(server.stdout, 'data')
  const options = ['-c', ADDRESSES.client.ip, '--bidir', '-b', `${load.megabits}M`, '-J']
  const before = rig.delivered()
  const measured = await measure(subject, async (loadGroup) => {
    const program = ['iperf3', ...options, '-t', `${Math.ceil(load.seconds)}`]
    const report = JSON.parse(await runIn(rig, loadGroup, 'pod', program)) as IperfReport
    const { sum_received: there, sum_received_bidir_reverse: back } = report.end
    return (there.bytes + back.bytes) / SEGMENT_BYTES
  })
  server.kill()
  return {
    ...measured,
    frames: measured.result,
    delivered: rig.delivered() - before,
    seconds: load.seconds,
  }
}

interface IperfReport {
  readonly end: {
    readonly sum_received: { readonly bytes: number }
    readonly sum_received_bidir_reverse: { readonly bytes: number }
  }
}

async function measure(
  subject: Subject | undefined,
  work: (group: CpuGroup) => Promise<number>,
): Promise<{ result: number; mirrorUs: number | undefined; loadUs: number }> {
  const group = new CpuGroup()
  const before = subject?.usedUs()
  const result = await work(group)
  const loadUs = group.usedUs()
  group.close()
  await delay(SETTLE_MS)
  const after = subject?.usedUs()
  const mirrorUs = before === undefined || after === undefined ? undefined : after - before
  return { result, mirrorUs, loadUs }
}

async function runIn(
  rig: Rig,
  group: CpuGroup,
  host: BenchHost,
  program: readonly string[],
): Promise<string> {
  // The group first: `ip netns exec` mounts a /sys of its own.
  const [shell = '', ...args] = group.wrap(LOAD_CPU, ['ip', ...rig.command(host, ...program)])
  const child = spawn(shell, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return output
}
