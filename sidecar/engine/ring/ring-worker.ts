/** One life of the engine's thread, as its parent sees it. */
import { writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { AppError, messageOf } from '../../../lib/errors.ts'
import type { PortRange } from '../source-port-ranges.ts'
import { ringFilter } from './ring-filter.ts'
import type { InterfaceRules } from '../../interfaces/choose-interfaces.ts'
import type { EngineDebug, EngineState, InterfaceChange } from '../engine.ts'
import {
  RESOURCE,
  type Command,
  type Report,
  type RingOptions,
  type Target,
} from './ring-options.ts'

/**
 * The thread's heap. It allocates next to nothing per frame, so a small one never fills, and without
 * a limit V8 would let it grow by tens of megabytes before it cleans up.
 */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 2 }

/** How long a thread may take to send what it has captured. */
const STOP_MS = 2000

/** The same folder holds worker.ts in development and worker.js once compiled. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url,
)

/** Told what the thread reports. */
export interface WorkerEvents {
  onState(state: EngineState, reason: string): void
  onInterfaces(change: InterfaceChange): void
  onDebug(line: EngineDebug): void
}

/** A running thread. */
export class RingWorker {
  /** Resolves at its first report of a state; rejects when it ends before. */
  readonly ready: Promise<void>
  /** Resolves when it has ended, with why. */
  readonly ended: Promise<AppError>
  readonly #worker: Worker
  readonly #resources: Float64Array
  readonly #options: RingOptions
  readonly #filtered: (() => void)[] = []
  #ports: PortRange | undefined
  #failure: AppError | undefined

  constructor(options: RingOptions, events: WorkerEvents) {
    this.#options = options
    this.#resources = new Float64Array(options.resources)
    this.#worker = new Worker(ENTRY, {
      name: 'podtap-ring',
      workerData: options,
      resourceLimits: HEAP_LIMITS,
    })
    const ready = Promise.withResolvers<undefined>()
    const ended = Promise.withResolvers<AppError>()
    this.ready = ready.promise
    this.ended = ended.promise
    this.ready.catch(() => undefined)
    this.#worker.on('message', (report: Report) => {
      if (report.kind === 'failed') {
        this.#failure = new AppError(report.code, report.message)
        return
      }
      if (report.kind === 'ports') this.#ports = report.ports
      else if (report.kind === 'filtered') this.#filtered.shift()?.()
      else if (report.kind === 'interfaces') events.onInterfaces(report.change)
      else if (report.kind === 'debug') events.onDebug(report.line)
      else {
        events.onState(report.state, report.reason)
        ready.resolve(undefined)
      }
    })
    this.#worker.on('error', (error) => {
      this.#failure ??= new AppError('ERR_CAPTURE', `the capture thread: ${messageOf(error)}`)
    })
    this.#worker.on('exit', (code) => {
      const failure =
        this.#failure ?? new AppError('ERR_CAPTURE', `the capture thread ended with code ${code}`)
      ready.reject(failure)
      ended.resolve(failure)
    })
  }

  /** Sends to `targets` from the next frame on. */
  setTargets(targets: readonly Target[]): void {
    this.#tell({ kind: 'targets', targets })
  }

  /**
   * Captures what `expression`, which must have passed checkFilter(), matches. Resolves when that is so,
   * or when the thread has ended: the next one begins with it.
   */
  async setFilter(expression: string): Promise<void> {
    await this.ready.catch(() => undefined)
    if (this.#ports === undefined) return
    const instructions = await ringFilter({ ...this.#options, filter: expression }, this.#ports)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#filtered.push(() => {
      resolve(undefined)
    })
    this.#tell({ kind: 'filter', instructions })
    await Promise.race([promise, this.ended])
  }

  /** Chooses interfaces by `rules`. */
  setRules(rules: InterfaceRules): void {
    this.#tell({ kind: 'rules', rules })
  }

  /** Leaves out packets from and to `addresses`. */
  exclude(addresses: readonly string[]): void {
    this.#tell({ kind: 'excluded', addresses })
  }

  /** Lets it send what it has and end; it is ended by force if that takes too long. */
  async stop(): Promise<void> {
    this.#tell({ kind: 'stop' })
    const timer = setTimeout(() => void this.#worker.terminate(), STOP_MS)
    await this.ended
    clearTimeout(timer)
  }

  #tell(command: Command): void {
    this.#worker.postMessage(command)
    const wakeFd = this.#resources[RESOURCE.wakeFd] ?? -1
    // Before the thread waits for the first time it has no descriptor, and reads its commands anyway.
    if (wakeFd >= 0) writeSync(wakeFd, new BigUint64Array([1n]))
  }
}
