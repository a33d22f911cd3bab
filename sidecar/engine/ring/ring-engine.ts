import { backoffMs, sleep } from '../../../lib/backoff.ts'
import type { AppError } from '../../../lib/errors.ts'
import { byReason } from '../engine-counters.ts'
import type {
  Destination,
  Engine,
  EngineCounters,
  EngineEvents,
  EngineOptions,
  EngineState,
  NodeControls,
} from '../engine.ts'
import { DROP_REASONS } from '../../contract.ts'
import { checkFilter } from '../libpcap.ts'
import { pickDestinations } from '../pick-destinations.ts'
import { DestinationSlots } from './destination-slots.ts'
import {
  COUNTER,
  DEFAULT_RING,
  DEFAULT_SOURCE_PORTS,
  sharedCounters,
  sharedResources,
  type RingOptions,
  type Target,
} from './ring-options.ts'
import { RingWorker } from './ring-worker.ts'
import { releaseResources } from './resources.ts'

/** Pauses between threads that end at once. */
const RESTART_BACKOFF = { firstMs: 100, ceilingMs: 5000 }

/** A thread that ran for this long did not fail at once. */
const STABLE_MS = 10_000

/**
 * The fast engine: a thread that reads frames where the kernel puts them and sends many at a time.
 * It completes what a network card would have done, and splits what does not fit the path.
 */
export class RingEngine implements Engine {
  readonly name = 'ring'
  readonly #options: EngineOptions
  #ring: RingOptions
  readonly #events: EngineEvents
  readonly #counters = sharedCounters()
  readonly #resources = sharedResources()
  readonly #slots = new DestinationSlots(this.#counters)
  readonly #debug = new Int32Array(new SharedArrayBuffer(4))
  readonly #stopping = new AbortController()
  #worker: RingWorker | undefined
  #supervision: Promise<void> = Promise.resolve()
  /** Filters are set one after the other, in the order in which they were asked for. */
  #filtering: Promise<void> = Promise.resolve()
  #state: EngineState = 'stopped'
  #targets: readonly Target[] = []
  #restarts = 0

  /** `ring` replaces settings that only tests and benchmarks change. */
  constructor(options: EngineOptions, events: EngineEvents, ring: Partial<RingOptions> = {}) {
    this.#options = options
    this.#events = events
    this.#ring = {
      ...options,
      fit: options.fit ?? 'split',
      dedupLocal: options.dedupLocal ?? false,
      excluded: [],
      debug: this.#debug.buffer,
      ring: DEFAULT_RING,
      sourcePorts: DEFAULT_SOURCE_PORTS,
      counters: this.#counters.buffer,
      resources: this.#resources.buffer,
      withoutRuns: false,
      withoutVnetHeader: false,
      ...ring,
    }
  }

  readonly node: NodeControls = {
    setInterfaces: (interfaces) => {
      this.#ring = { ...this.#ring, interfaces }
      this.#worker?.setRules(interfaces)
    },
    excludeAddresses: (excluded) => {
      this.#ring = { ...this.#ring, excluded }
      this.#worker?.exclude(excluded)
    },
    setDebugLevel: (level) => {
      this.#debug[0] = level
    },
  }

  get state(): EngineState {
    return this.#state
  }

  async start(): Promise<void> {
    await checkFilter(this.#options.filter)
    const worker = this.#createWorker()
    try {
      await worker.ready
    } catch (error) {
      await this.#buryWorker(worker)
      throw error
    }
    this.#supervision = this.#supervise(worker)
  }

  setDestinations(destinations: readonly Destination[]): void {
    const picked = pickDestinations(destinations, this.#options.sensorPort)
    this.#targets = this.#slots.assign(picked)
    this.#worker?.setTargets(this.#targets)
  }

  async setFilter(expression: string): Promise<void> {
    await checkFilter(expression)
    this.#ring = { ...this.#ring, filter: expression }
    const turn = this.#filtering.then(() => this.#worker?.setFilter(expression))
    this.#filtering = turn.catch(() => undefined)
    await turn
  }

  /** Reads memory that the thread writes: it costs the thread nothing. */
  counters(): Promise<EngineCounters> {
    const count = (place: number): number => this.#counters[place] ?? 0
    return Promise.resolve({
      capturedFrames: count(COUNTER.capturedFrames),
      capturedBytes: count(COUNTER.capturedBytes),
      sentFrames: count(COUNTER.sentFrames),
      sentBytes: count(COUNTER.sentBytes),
      dropped: byReason((reason) => count(COUNTER.firstDrop + DROP_REASONS.indexOf(reason))),
      restarts: this.#restarts + count(COUNTER.interruptions),
      pathMtuErrors: count(COUNTER.pathMtuErrors),
      destinations: this.#slots.read(),
    })
  }

  takeBufferPeak(): number {
    const blocks = this.#counters[COUNTER.ringPeak] ?? 0
    this.#counters[COUNTER.ringPeak] = 0
    return blocks / this.#ring.ring.blocks
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#worker?.stop()
    await this.#supervision
    this.#enter('stopped', 'the engine was stopped')
  }

  #createWorker(): RingWorker {
    const worker = new RingWorker(this.#ring, {
      onState: (state, reason) => {
        if (!this.#stopping.signal.aborted) this.#enter(state, reason)
      },
      onInterfaces: (change) => this.#events.onInterfaces?.(change),
      onDebug: (line) => this.#events.onDebug?.(line),
    })
    this.#worker = worker
    worker.setTargets(this.#targets)
    return worker
  }

  /** Waits for the end of a thread and frees what it may have left. */
  async #buryWorker(worker: RingWorker): Promise<AppError> {
    const failure = await worker.ended
    releaseResources(this.#resources)
    this.#worker = undefined
    return failure
  }

  /** Starts another thread whenever one ends, until the engine is stopped. */
  async #supervise(first: RingWorker): Promise<void> {
    const { signal } = this.#stopping
    let began = performance.now()
    let worker = first
    for (let failures = 1; ; failures++) {
      const failure = await this.#buryWorker(worker)
      if (this.#isStopping()) return
      this.#restarts++
      this.#enter('waiting', failure.message)
      if (performance.now() - began > STABLE_MS) failures = 1
      await sleep(backoffMs(failures, RESTART_BACKOFF, Math.random), signal)
      if (this.#isStopping()) return
      began = performance.now()
      worker = this.#createWorker()
    }
  }

  /** A method, because TypeScript would take a property that was false once for false ever after. */
  #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  #enter(state: EngineState, reason: string): void {
    if (this.#state === state) return
    this.#state = state
    this.#events.onStateChange(state, reason)
  }
}
