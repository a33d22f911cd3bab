/** Load on one server by kept-alive connections that are never idle, and figures of it. */
import { Connection } from './connection.ts'
import type { ServerProcess } from './server-process.ts'

/** As many as an API server opens when a few people deploy at once. */
const CONNECTIONS = 4

/** What one or more loads have shown. */
export interface Sample {
  /** Requests per second of each load. */
  readonly rates: readonly number[]
  /** Of every request, in milliseconds. */
  readonly latencies: readonly number[]
  /** CPU time of the server, in microseconds. */
  readonly cpuUs: number
}

/** A sample in figures. */
export interface Figures {
  /** Median over the loads. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU time of the server per request, all its threads. */
  readonly cpuMs: number
}

/**
 * Sends the same request on all connections for `ms` milliseconds.
 * @throws Error when an answer has another status than 200.
 */
export async function load(server: ServerProcess, request: Buffer, ms: number): Promise<Sample> {
  const opening = Array.from({ length: CONNECTIONS }, () => Connection.open(server.port))
  const connections = await Promise.all(opening)
  const cpuBefore = server.cpuUs()
  const began = performance.now()
  const latencies = await Promise.all(
    connections.map((connection) => repeat(connection, request, began + ms)),
  )
  const seconds = (performance.now() - began) / 1000
  const cpuUs = server.cpuUs() - cpuBefore
  for (const connection of connections) connection.close()
  const all = latencies.flat()
  return { rates: [all.length / seconds], latencies: all, cpuUs }
}

/** Several samples as one. */
export function joined(samples: readonly Sample[]): Sample {
  return {
    rates: samples.flatMap(({ rates }) => rates),
    latencies: samples.flatMap(({ latencies }) => latencies),
    cpuUs: samples.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
  }
}

/** The figures of a sample with at least one request. */
export function figuresOf({ rates, latencies, cpuUs }: Sample): Figures {
  return {
    perSecond: percentile(rates, 0.5),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuMs: cpuUs / 1000 / latencies.length,
  }
}

/** The value below which a part of the values lies (nearest rank). */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

async function repeat(connection: Connection, request: Buffer, until: number): Promise<number[]> {
  const latencies: number[] = []
  for (let now = performance.now(); now < until;) {
    const { status } = await connection.exchange(request)
    if (status !== 200) throw new Error(`expected status 200, received ${status}`)
    const answered = performance.now()
    latencies.push(answered - now)
    now = answered
  }
  return latencies
}
