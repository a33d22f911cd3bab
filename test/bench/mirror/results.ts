/** The figures of a run, as a table and as JSON. */
import { cpus, release } from 'node:os'
import type { Traffic } from './plan.ts'
import type { SubjectName } from './subject.ts'

/** Figures of one engine with one kind of traffic; undefined: not measured. */
export interface Result {
  readonly engine: SubjectName
  readonly traffic: Traffic
  us_per_frame?: number
  lossfree_fps?: number
  overload_delivered?: number
  rss_mb?: number
}

/** Collects figures and computes medians. */
export class Results {
  readonly #results: Result[] = []
  readonly #samples = new Map<Result, number[]>()

  /** The figures of that pair, made at first use. */
  of(engine: SubjectName, traffic: Traffic): Result {
    const known = this.#results.find((each) => each.engine === engine && each.traffic === traffic)
    if (known !== undefined) return known
    const result: Result = { engine, traffic }
    this.#results.push(result)
    return result
  }

  /** Adds a measurement of the CPU time per frame; the median of all counts. */
  addCpu(engine: SubjectName, traffic: Traffic, usPerFrame: number): void {
    const result = this.of(engine, traffic)
    const samples = this.#samples.get(result) ?? []
    samples.push(usPerFrame)
    samples.sort((a, b) => a - b)
    this.#samples.set(result, samples)
    result.us_per_frame = rounded(samples[samples.length >> 1] ?? 0, 3)
  }

  /** One object for programs. */
  toJson(): string {
    return JSON.stringify({ machine: machine(), results: this.#results })
  }

  /** The same for people. */
  toTable(): string {
    const columns = ['traffic', 'engine', 'us/frame', 'loss-free/s', 'at twice that', 'RSS MB']
    const rows = this.#results
      .toSorted((a, b) => (a.traffic < b.traffic ? -1 : a.traffic > b.traffic ? 1 : 0))
      .map((each) => [
        each.traffic,
        each.engine,
        each.us_per_frame?.toFixed(2) ?? '',
        each.lossfree_fps?.toLocaleString('en') ?? '',
        each.overload_delivered?.toLocaleString('en') ?? '',
        each.rss_mb?.toFixed(0) ?? '',
      ])
    const lines = [columns, ...rows].map((row) =>
      row.map((cell, at) => (at < 2 ? cell.padEnd(14) : cell.padStart(14))).join(''),
    )
    return [machine(), '', ...lines].join('\n')
  }
}

/** `value` with so many decimal places. */
export function rounded(value: number, places: number): number {
  return Math.round(value * 10 ** places) / 10 ** places
}

function machine(): string {
  const [first] = cpus()
  return `${cpus().length} × ${first?.model ?? 'unknown'}, Linux ${release()}, Node ${process.versions.node}`
}
