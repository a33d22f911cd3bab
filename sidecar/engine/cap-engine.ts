import { backoffMs, sleep } from '../../lib/backoff.ts'
import { AppError } from '../../lib/errors.ts'
import { CaptureProcess } from './capture-process.ts'
import { addCounters, zeroCounters } from './engine-counters.ts'
import { tallyOf } from './frame-tally.ts'
import type {
  Destination,
  Engine,
  EngineCounters,
  EngineEvents,
  EngineOptions,
  EngineState,
} from './engine.ts'
import { readInterfaceState, type InterfaceState } from './interface-state.ts'
import { checkFilter } from './libpcap.ts'
import { pickDestinations } from './pick-destinations.ts'

/** How often sysfs is asked for an interface that is missing or down; it cannot be watched. */
const INTERFACE_POLL_MS = 250

/** Pauses between capture processes that end at once. */
const RESTART_BACKOFF = { firstMs: 100, ceilingMs: 5000 }

/** A process that ran for this long did not fail at once: its end is no part of a row of failures. */
const STABLE_MS = 10_000

/** What no new attempt can mend. */
const FATAL = new Set(['ERR_FILTER', 'ERR_INTERFACE', 'ERR_NATIVE_LIBRARY', 'ERR_PORTS'])

/**
 * The readable engine: npm `cap` (libpcap) and one datagram per frame, in a process of its own that is
 * started again whenever it ends. Frames longer than the path takes are cut into IP fragments by the
 * kernel; frames of more than 65,499 bytes are dropped (too-long).
 */
export class CapEngine implements Engine {
  readonly name = 'cap'
  #options: EngineOptions
  readonly #events: EngineEvents
  readonly #stopping = new AbortController()
  #started = Promise.withResolvers<undefined>()
  #supervision: Promise<void> = Promise.resolve()
  /** Filters are set one after the other, in the order in which they were asked for. */
  #filtering: Promise<void> = Promise.resolve()
  #state: EngineState = 'stopped'
  #reason = ''
  #process: CaptureProcess | undefined
  #destinations: readonly Destination[] = []
  /** Of all processes that have ended. */
  #past: EngineCounters = zeroCounters()
  #failures = 0

  constructor(options: EngineOptions, events: EngineEvents) {
    this.#options = options
    this.#events = events
  }

  get state(): EngineState {
    return this.#state
  }

  async start(): Promise<void> {
    await checkFilter(this.#options.filter)
    this.#started = Promise.withResolvers()
    this.#supervision = this.#supervise()
    await this.#started.promise
  }

  setDestinations(destinations: readonly Destination[]): void {
    this.#destinations = pickDestinations(destinations, this.#options.sensorPort)
    this.#process?.setDestinations(this.#destinations)
  }

  async setFilter(expression: string): Promise<void> {
    await checkFilter(expression)
    this.#options = { ...this.#options, filter: expression }
    const turn = this.#filtering.then(() => this.#process?.setFilter(expression))
    this.#filtering = turn.catch(() => undefined)
    await turn
  }

  async counters(): Promise<EngineCounters> {
    await this.#process?.refresh()
    // The process may have ended meanwhile; its counts are then part of the past.
    const counters = this.#process?.counters
    const idle = {
      ...zeroCounters(),
      destinations: this.#destinations.map(({ address }) => tallyOf(address)),
    }
    return addCounters(this.#past, counters ?? idle)
  }

  /** libpcap does not say. */
  takeBufferPeak(): undefined {
    return undefined
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#process?.stop()
    await this.#supervision
    if (this.#state !== 'stopped') this.#enter('stopped', 'the engine was stopped')
  }

  /** Runs one capture process after another until the engine is stopped or can never run. */
  async #supervise(): Promise<void> {
    while (!this.#isStopping()) {
      const state = await readInterfaceState(this.#options.interfaceName)
      if (state.status !== 'up') await this.#waitForInterface(state)
      else if (!(await this.#runProcess(state))) return
    }
    this.#started.resolve(undefined)
  }

  async #waitForInterface({ status }: InterfaceState): Promise<void> {
    const { interfaceName } = this.#options
    this.#enter('waiting', `interface ${interfaceName} is ${status}`)
    this.#started.resolve(undefined)
    this.#failures = 0
    await sleep(INTERFACE_POLL_MS, this.#stopping.signal)
  }

  /** Runs one process to its end; whether it is worth another. */
  async #runProcess({ isLoopback }: InterfaceState): Promise<boolean> {
    if (this.#isStopping()) return true
    const began = performance.now()
    const running = new CaptureProcess({
      type: 'start',
      options: this.#options,
      direction: isLoopback ? 'any' : 'outbound',
      destinations: this.#destinations,
    })
    this.#process = running
    const failure = await this.#captureUntilEnd(running)
    this.#past = addCounters(this.#past, running.counters)
    this.#process = undefined
    if (this.#isStopping()) return true
    if (performance.now() - began > STABLE_MS) this.#failures = 0
    return this.#prepareRestart(failure)
  }

  /** Resolves when the process has ended, with why. */
  async #captureUntilEnd(running: CaptureProcess): Promise<AppError> {
    try {
      await running.ready
      this.#enter('capturing', `capturing on ${this.#options.interfaceName}`)
      this.#started.resolve(undefined)
    } catch (error) {
      await running.ended
      if (error instanceof AppError) return error
      throw error
    }
    return new AppError('ERR_CAPTURE', await running.ended)
  }

  /** Waits before the next process; false when the first could not even begin, or none ever can. */
  async #prepareRestart(failure: AppError): Promise<boolean> {
    const { status } = await readInterfaceState(this.#options.interfaceName)
    const isFirst = this.#state === 'stopped'
    if (status === 'up' && (isFirst || FATAL.has(failure.code))) {
      this.#started.reject(failure)
      if (!isFirst) this.#enter('stopped', failure.message)
      return false
    }
    this.#past = { ...this.#past, restarts: this.#past.restarts + 1 }
    // If the interface went down, that is what the next turn finds, and it waits without a pause.
    if (status !== 'up') return true
    this.#failures += 1
    this.#enter('waiting', failure.message)
    await sleep(backoffMs(this.#failures, RESTART_BACKOFF, Math.random), this.#stopping.signal)
    return true
  }

  /** A method, because TypeScript would take a property that was false once for false ever after. */
  #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Reports a change, or another reason for the same state, once. */
  #enter(state: EngineState, reason: string): void {
    if (this.#state === state && this.#reason === reason) return
    this.#state = state
    this.#reason = reason
    this.#events.onStateChange(state, reason)
  }
}
