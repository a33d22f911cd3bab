/** Load on the rig, and what it costs: generated frames, or real TCP. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
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
  /** CPU time of the mirror and of the load (both ends of TCP), in microseconds. */
  readonly mirrorUs: number | undefined
  readonly loadUs: number
}

/** What puts load on a rig; close() ends it. All of it runs on one CPU, and is accounted together. */
export class Load {
  readonly #rig: Rig
  readonly #group = new CpuGroup()
  readonly #generator: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: Interface

  constructor(rig: Rig) {
    this.#rig = rig
    this.#generator = this.#spawn('client', [process.execPath, GENERATOR])
    this.#answers = createInterface({ input: this.#generator.stdout })
  }

  /** Resolves when the first load can be sent. */
  async ready(): Promise<void> {
    await once(this.#answers, 'line')
  }

  /** Sends a mix past the pod; `seconds` of the result are those that it took. */
  async sendMix(
    subject: Subject | undefined,
    load: { readonly mix: Mix; readonly rate: number; readonly seconds: number },
  ): Promise<LoadResult> {
    const { mix, rate, seconds } = load
    const before = this.#rig.delivered()
    const measured = await this.#measure(subject, async () => {
      this.#generator.stdin.write(`${mix} ${rate} ${seconds}\n`)
      const [answer] = (await once(this.#answers, 'line')) as [string]
      const [frames = 0, took = seconds] = answer.split(' ').map(Number)
      return { frames, seconds: took }
    })
    const delivered = (this.#rig.delivered() - before) / datagramsPerFrame(mix)
    return { ...measured, delivered }
  }

  /** TCP between client and pod in both directions, `megabits` each. Frames are full-size segments. */
  async sendTcp(
    subject: Subject | undefined,
    load: { readonly megabits: number; readonly seconds: number },
  ): Promise<LoadResult> {
    const server = this.#spawn('client', ['iperf3', '-s', '-1', '--forceflush'])
    const ended = once(server, 'exit')
    await once(server.stdout, 'data')
    server.stdout.resume()
    const options = ['-c', ADDRESSES.client.ip, '--bidir', '-b', `${load.megabits}M`, '-J']
    const before = this.#rig.delivered()
    const measured = await this.#measure(subject, async () => {
      const client = this.#spawn('pod', ['iperf3', ...options, '-t', `${Math.ceil(load.seconds)}`])
      const report = JSON.parse(await text(client.stdout)) as IperfReport
      await ended
      const { sum_received: there, sum_received_bidir_reverse: back } = report.end
      return { frames: (there.bytes + back.bytes) / SEGMENT_BYTES, seconds: there.seconds }
    })
    return { ...measured, delivered: this.#rig.delivered() - before }
  }

  async close(): Promise<void> {
    const exited = once(this.#generator, 'exit')
    this.#generator.stdin.end()
    await exited
    this.#group.close()
  }

  async #measure(
    subject: Subject | undefined,
    work: () => Promise<Pick<LoadResult, 'frames' | 'seconds'>>,
  ): Promise<Omit<LoadResult, 'delivered'>> {
    const [mirrorBefore, loadBefore] = [subject?.usedUs(), this.#group.usedUs()]
    const done = await work()
    const loadUs = this.#group.usedUs() - loadBefore
    await delay(SETTLE_MS)
    const mirrorAfter = subject?.usedUs()
    const isKnown = mirrorBefore !== undefined && mirrorAfter !== undefined
    return { ...done, loadUs, mirrorUs: isKnown ? mirrorAfter - mirrorBefore : undefined }
  }

  #spawn(
    host: BenchHost,
    program: readonly string[],
  ): ChildProcessByStdio<Writable, Readable, null> {
    // The group first: `ip netns exec` mounts a /sys of its own.
    const command = ['ip', ...this.#rig.command(host, ...program)]
    const [shell = '', ...args] = this.#group.wrap(LOAD_CPU, command)
    return spawn(shell, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  }
}

interface IperfReport {
  readonly end: {
    readonly sum_received: { readonly bytes: number; readonly seconds: number }
    readonly sum_received_bidir_reverse: { readonly bytes: number }
  }
}
