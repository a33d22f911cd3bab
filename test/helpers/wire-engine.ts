/** An engine that runs on the pod of a Wire, as a test sees it. */
import type { ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { EngineName, Receiver } from '../../sidecar/contract.ts'
import { droppedFrames } from '../../sidecar/engine/engine-counters.ts'
import type {
  EngineCounters,
  EngineOptions,
  InterfaceChange,
  EngineDebug,
} from '../../sidecar/engine/engine.ts'
import type { RingOptions } from '../../sidecar/engine/ring/ring-options.ts'
import type { HostCommand, HostEvent } from './engine-host.ts'
import { until } from './until.ts'
import { HOSTS, type Place, type Wire } from './wire.ts'

const HOST_PROGRAM = join(import.meta.dirname, 'engine-host.ts')

/** What tests use unless they say otherwise. */
const DEFAULTS: EngineOptions = {
  interfaceName: 'eth0',
  vni: 0xabcdef,
  filter: '',
  sensorPort: 4789,
}

/**
 * Each engine with the settings by which it puts the same frames on the wire as the other: `cap`
 * cannot split frames, it lets the datagrams around them be fragmented.
 */
export const LIKE_EACH_OTHER = {
  cap: { engine: 'cap' },
  ring: { engine: 'ring', fit: 'fragment' },
} as const satisfies Record<EngineName, WireEngineOptions>

/** How to start an engine. */
export interface WireEngineOptions extends Partial<EngineOptions> {
  readonly engine?: EngineName
  /** For the engine `ring`: what only tests change. */
  readonly ring?: Partial<RingOptions>
  /** Put before the program, for example setpriv with its options. */
  readonly wrapper?: readonly string[]
  /** Where it runs; on the pod unless said otherwise. */
  readonly place?: Place
}

/** A running engine. */
export class WireEngine {
  /** Every change of state so far. */
  readonly states: { readonly state: string; readonly reason: string }[] = []
  /** Every change of interfaces so far. */
  readonly interfaces: InterfaceChange[] = []
  /** Every line about its work so far. */
  readonly debugLines: EngineDebug[] = []
  readonly #host: ChildProcess
  readonly #events = new EventEmitter()

  private constructor(host: ChildProcess) {
    this.#host = host
    host.stderr!.pipe(process.stderr)
    createInterface({ input: host.stdout! }).on('line', (line) => {
      const event = JSON.parse(line) as HostEvent
      if (event.event === 'state') this.states.push(event)
      if (event.event === 'debug') this.debugLines.push(event.line)
      if (event.event === 'interfaces') this.interfaces.push(event.change)
      this.#events.emit(event.event, event)
    })
  }

  /** Starts an engine; resolves with how that ended. */
  static async start(
    wire: Wire,
    options: WireEngineOptions = {},
  ): Promise<{ engine: WireEngine; failure?: Extract<HostEvent, { event: 'failed' }> }> {
    const { engine = 'cap', wrapper = [], place = 'pod', ring = {}, ...overrides } = options
    const settings = JSON.stringify({ ...DEFAULTS, ...overrides })
    const args = [engine, settings, JSON.stringify(ring)]
    const host = [...wrapper, process.execPath, HOST_PROGRAM, ...args]
    const running = new WireEngine(wire.start(place, 'env', ...host))
    const answer = await Promise.race([
      once(running.#events, 'started'),
      once(running.#events, 'failed'),
    ])
    const [event] = answer as [HostEvent]
    return event.event === 'failed' ? { engine: running, failure: event } : { engine: running }
  }

  /** Starts an engine that mirrors to the sensor's address of one family. */
  static async mirroring(
    wire: Wire,
    options: WireEngineOptions = {},
    family: 4 | 6 = 4,
  ): Promise<WireEngine> {
    const { engine, failure } = await WireEngine.start(wire, options)
    if (failure !== undefined) throw new Error(failure.message)
    await engine.setDestination(family === 4 ? HOSTS.sensor.ipv4 : HOSTS.sensor.ipv6)
    return engine
  }

  /** The process id of the engine's owner. */
  get pid(): number {
    return this.#host.pid!
  }

  /** What the kernel says of the owner's process (proc_pid_status(5)). */
  status(): string {
    return readFileSync(`/proc/${this.pid}/status`, 'utf8')
  }

  /** The process id of the capture process, the owner's only child; undefined while there is none. */
  capturePid(): number | undefined {
    const [first] = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').split(' ')
    return first ? Number(first) : undefined
  }

  /** Sends to port 4789 of `address`; undefined: nowhere. Resolves when that is so. */
  async setDestination(address: string | undefined, receiver?: Receiver): Promise<void> {
    await this.setDestinations(address === undefined ? [] : [address], receiver)
  }

  /** Sends to port 4789 of all these addresses, each flow to one. Resolves when that is so. */
  async setDestinations(addresses: readonly string[], receiver?: Receiver): Promise<void> {
    const known = receiver === undefined ? {} : { receiver }
    const destinations = addresses.map((address) => {
      const family = address.includes(':') ? (6 as const) : (4 as const)
      return { address, family, port: 4789, ...known }
    })
    this.#tell({ command: 'destinations', destinations })
    const reached = [...addresses].sort().join()
    await this.countersWhen(`destinations ${reached}`, (now) => {
      return (
        now.destinations
          .map(({ address }) => address)
          .sort()
          .join() === reached
      )
    })
  }

  /** Mirrors what `expression` matches instead; resolves when that is so, with what is wrong with it. */
  async setFilter(expression: string): Promise<string | undefined> {
    const answered = once(this.#events, 'filtered')
    this.#tell({ command: 'filter', expression })
    const [event] = (await answered) as [Extract<HostEvent, { event: 'filtered' }>]
    return event.problem
  }

  /** Says something to an engine of a node that it does not answer; what is asked later comes after it. */
  tell(command: Extract<HostCommand, { command: 'interfaces' | 'exclude' | 'debug' }>): void {
    this.#tell(command)
  }

  /** Ends the engine's thread as a crash does, at any point and without cleaning up. */
  crashThread(): void {
    this.#tell({ command: 'crash' })
  }

  async counters(): Promise<EngineCounters> {
    const answered = once(this.#events, 'counters')
    this.#tell({ command: 'counters' })
    const [event] = (await answered) as [Extract<HostEvent, { event: 'counters' }>]
    return event.counters
  }

  /** See Engine.takeBufferPeak(). */
  async takeBufferPeak(): Promise<number | undefined> {
    const answered = once(this.#events, 'peak')
    this.#tell({ command: 'peak' })
    const [event] = (await answered) as [Extract<HostEvent, { event: 'peak' }>]
    return event.share
  }

  /** Resolves with the counters once they satisfy `condition`. */
  countersWhen(
    what: string,
    condition: (counters: EngineCounters) => boolean,
  ): Promise<EngineCounters> {
    let last: EngineCounters | undefined
    return until(
      () => `${what}: ${JSON.stringify(last)}`,
      async () => {
        last = await this.counters()
        return condition(last) && last
      },
    )
  }

  /** Resolves when the engine has entered `state`, after the first `from` changes. */
  async enters(state: string, from: number): Promise<void> {
    const entered = (): boolean => this.states.slice(from).some((change) => change.state === state)
    await until(() => `state ${state} after ${JSON.stringify(this.states)}`, entered)
  }

  /** Stops the engine; resolves with its last counters. */
  async stop(): Promise<EngineCounters> {
    const stopped = once(this.#events, 'stopped')
    this.#tell({ command: 'stop' })
    const [event] = (await stopped) as [Extract<HostEvent, { event: 'stopped' }>]
    this.#host.stdin!.end()
    return event.counters
  }

  #tell(command: HostCommand): void {
    this.#host.stdin!.write(`${JSON.stringify(command)}\n`)
  }
}

/** How many captured frames are neither sent nor dropped; 0 unless some are under way. */
export function unaccounted(counters: EngineCounters): number {
  return counters.capturedFrames - counters.sentFrames - droppedFrames(counters)
}
