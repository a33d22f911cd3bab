/** Asking Prometheus: https://prometheus.io/docs/prometheus/latest/querying/api/ */

/** One line of a chart. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>
  /** Seconds since 1970, value; in order. */
  readonly points: readonly (readonly [number, number])[]
}

/** What is asked for: from `start` to `end`, in seconds since 1970, a value each `step` seconds. */
export interface TimeRange {
  readonly start: number
  readonly end: number
  readonly step: number
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>
      readonly values: readonly (readonly [number, string])[]
    }[]
  }
}

/**
 * The series of an expression over a range.
 * @throws Error with what Prometheus said, where it does not answer as expected.
 */
export async function queryRange(
  server: string,
  expression: string,
  range: TimeRange,
): Promise<readonly Series[]> {
  const { start, end, step } = range
  const parameters = { query: expression, start: `${start}`, end: `${end}`, step: `${step}` }
  const url = `${server}/api/v1/query_range?${new URLSearchParams(parameters).toString()}`
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) })
  const answer = (await response.json()) as Answer
  if (answer.data === undefined) throw new Error(`${expression}: ${answer.error ?? answer.status}`)
  return answer.data.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([time, value]) => [time, Number(value)] as const),
  }))
}
