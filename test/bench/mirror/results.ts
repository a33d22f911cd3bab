/** The figures of a run, as a table and as JSON. */
import { cpus, release } from 'node:os'
import type { GoalOutcome } from './goals.ts'
import type { TcpStep } from './limits.ts'
import type { Mix } from './traffic.ts'
import type { Traffic } from './plan.ts'
import type { SubjectName } from './subject.ts'

/** Whom a figure is of; `send-only` sends what the ring would send, and captures nothing. */
export type Measured = SubjectName | 'send-only'

/** Figures of one engine with one kind of traffic; undefined: not measured. */
export interface Result {
  readonly engine: Measured
  readonly traffic: Traffic
  /** Median over the rounds, and the least and the most of them. */
  us_per_frame?: number
  us_per_frame_range?: readonly [number, number]
  lossfree_fps?: number
  /** Whether that is all that the generator can send. */
  lossfree_is_generator_limit?: boolean
  overload_delivered?: number
  /** What is delivered at twice the loss-free rate, as a share of that at that rate. */
  overload_share?: number
  rss_mb?: number
  /** TCP inside the quota: the highest rate without loss, and every step. */
  lossfree_mbits?: number
  tcp_steps?: readonly TcpStep[]
  /** Percent of one CPU while nothing happens. */
  idle_cpu_percent?: number
}

/** Collects figures and computes medians. */
export class Results {
  /** How fast the generator is, in frames per second. */
  readonly generatorFps = new Map<Mix, number>()
  readonly #results: Result[] = []
  readonly #samples = new Map<Result, number[]>()

  /** The figures of that pair, made at first use. */
  of(engine: Measured, traffic: Traffic): Result {
    const known = this.find(engine, traffic)
    if (known !== undefined) return known
    const result: Result = { engine, traffic }
    this.#results.push(result)
    return result
  }

  find(engine: Measured, traffic: Traffic): Result | undefined {
    return this.#results.find((each) => each.engine === engine && each.traffic === traffic)
  }

  /** Adds a measurement of the CPU time per frame; the median of all counts. */
  addCpu(engine: Measured, traffic: Traffic, usPerFrame: number): void {
    const result = this.of(engine, traffic)
    const samples = this.#samples.get(result) ?? []
    samples.push(rounded(usPerFrame, 3))
    samples.sort((a, b) => a - b)
    this.#samples.set(result, samples)
    result.us_per_frame = samples[samples.length >> 1] ?? 0
    result.us_per_frame_range = [samples[0] ?? 0, samples.at(-1) ?? 0]
  }

  /** Sets a figure of the engine that does not depend on traffic. */
  setForAll(
    engine: Measured,
    traffics: readonly Traffic[],
    figure: Pick<Result, 'rss_mb' | 'idle_cpu_percent'>,
  ): void {
    for (const traffic of traffics) Object.assign(this.of(engine, traffic), figure)
  }

  /** One object for programs. */
  toJson(goals: readonly GoalOutcome[]): string {
    return JSON.stringify({
      machine: machine(),
      generator_fps: Object.fromEntries(this.generatorFps),
      results: this.#results,
      goals,
    })
  }

  /** The same for people. */
  toTable(goals: readonly GoalOutcome[]): string {
    const limits = [...this.generatorFps].map(([mix, fps]) => `${mix}: ${grouped(fps)}`)
    return [
      machine(),
      `The generator's own limit, frames/s: ${limits.join(', ') || 'not measured'}`,
      '',
      ...alignColumns(this.#rows()),
      '',
      ...this.#tcpLines(),
      ...alignColumns(goalRows(goals)),
    ].join('\n')
  }

  #rows(): string[][] {
    const head = ['traffic', 'engine', 'us/frame', 'least–most', 'loss-free/s', 'at twice that']
    const rows = this.#results
      .toSorted((a, b) => (a.traffic < b.traffic ? -1 : a.traffic > b.traffic ? 1 : 0))
      .map(rowOf)
    return [[...head, 'RSS MB', 'idle CPU %'], ...rows]
  }

  #tcpLines(): string[] {
    return this.#results
      .filter(({ tcp_steps: steps }) => steps !== undefined)
      .map(({ engine, tcp_steps: steps = [] }) => {
        const texts = steps.map(({ mbits, lost, captured }) => `${mbits}: ${lost} of ${captured}`)
        return `TCP inside the quota, ${engine}, Mbit/s: frames lost: ${texts.join('; ')}`
      })
  }
}

/** `value` with so many decimal places. */
export function rounded(value: number, places: number): number {
  return Math.round(value * 10 ** places) / 10 ** places
}

function rowOf(result: Result): string[] {
  const [least, most] = result.us_per_frame_range ?? []
  const isAtLimit = result.lossfree_is_generator_limit === true
  return [
    result.traffic,
    result.engine,
    fixed(result.us_per_frame, 2),
    least === undefined ? '' : `${fixed(least, 2)}–${fixed(most, 2)}`,
    `${isAtLimit ? '≥ ' : ''}${grouped(result.lossfree_fps)}`,
    grouped(result.overload_delivered),
    fixed(result.rss_mb, 0),
    fixed(result.idle_cpu_percent, 2),
  ]
}

function goalRows(goals: readonly GoalOutcome[]): string[][] {
  const rows = goals.map(({ goal, value, wanted, reached, why }) => [
    goal,
    value ?? 'not measured',
    wanted,
    reached === undefined ? '' : reached ? 'reached' : 'NOT reached',
    why ?? '',
  ])
  return [['goal', 'measured', 'wanted', '', ''], ...rows]
}

/** Rows of text whose columns are aligned; the first is text. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, at) => (at < 1 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

function fixed(value: number | undefined, places: number): string {
  return value?.toFixed(places) ?? ''
}

function grouped(value: number | undefined): string {
  return value?.toLocaleString('en') ?? ''
}

function machine(): string {
  const [first] = cpus()
  return `${cpus().length} × ${first?.model ?? 'unknown'}, Linux ${release()}, Node ${process.versions.node}`
}
