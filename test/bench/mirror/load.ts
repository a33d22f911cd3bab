/** Load on the rig, and what it costs: generated frames, or real TCP. */
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { CpuGroup } from './cgroup.ts'
import { PacedSender, spawnAt, type MixLoad, type Place } from './paced-sender.ts'
import { ADDRESSES, type BenchHost, type Rig } from './rig.ts'
import type { Subject } from './subject.ts'
import { datagramsPerFrame } from './traffic.ts'

const GENERATOR = join(import.meta.dirname, 'generator.ts')
const IPERF_SERVER = ['iperf3', '-s', '-1', '--forceflush']
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
  readonly #generator: PacedSender

  constructor(rig: Rig) {
    this.#rig = rig
    this.#generator = new PacedSender(rig, this.#placeAt('client'), [GENERATOR])
  }

  /** Resolves when the first load can be sent. */
  async ready(): Promise<void> {
    await this.#generator.ready()
  }

  /** Sends a mix past the pod; `seconds` of the result are those that it took. */
  async sendMix(subject: Subject | undefined, load: MixLoad): Promise<LoadResult> {
    const before = this.#rig.delivered()
    const measured = await this.#measure(subject, () => this.#generator.send(load))
    const delivered = (this.#rig.delivered() - before) / datagramsPerFrame(load.mix)
    return { ...measured, delivered }
  }

  /** TCP between client and pod in both directions, `megabits` each. Frames are full-size segments. */
  async sendTcp(
    subject: Subject | undefined,
    load: { readonly megabits: number; readonly seconds: number },
  ): Promise<LoadResult> {
    const server = spawnAt(this.#rig, this.#placeAt('client'), IPERF_SERVER)
    const ended = once(server, 'exit')
    await once(server.stdout, 'data')
    server.stdout.resume()
    const options = ['-c', ADDRESSES.client.ip, '--bidir', '-b', `${load.megabits}M`, '-J']
    const before = this.#rig.delivered()
    const measured = await this.#measure(subject, async () => {
      const program = ['iperf3', ...options, '-t', `${Math.ceil(load.seconds)}`]
      const client = spawnAt(this.#rig, this.#placeAt('pod'), program)
      const report = JSON.parse(await text(client.stdout)) as IperfReport
      await ended
      const { sum_received: there, sum_received_bidir_reverse: back } = report.end
      return { frames: (there.bytes + back.bytes) / SEGMENT_BYTES, seconds: there.seconds }
    })
    return { ...measured, delivered: this.#rig.delivered() - before }
  }

  async close(): Promise<void> {
    await this.#generator.close()
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

  #placeAt(host: BenchHost): Place {
    return { host, cpu: LOAD_CPU, group: this.#group }
  }
}

interface IperfReport {
  readonly end: {
    readonly sum_received: { readonly bytes: number; readonly seconds: number }
    readonly sum_received_bidir_reverse: { readonly bytes: number }
  }
}
