import { pino } from 'pino'
import type { Logger } from '../lib/logger.ts'

/**
 * A logger for people: one line per entry, `06:19:19 sensor found: address=192.0.2.30 port=4789`, with
 * the level in front unless it is info.
 */
export function createReadableLog(print: (line: string) => void): Logger {
  const options = { base: null, formatters: { level: (label: string) => ({ level: label }) } }
  return pino(options, {
    write: (json: string) => {
      print(readableLine(JSON.parse(json) as LogEntry))
    },
  })
}

/** One entry as pino writes it. */
export interface LogEntry {
  readonly level: string
  /** Milliseconds since 1970. */
  readonly time: number
  readonly msg: string
  readonly [field: string]: unknown
}

/** An entry as one line; the time is that of day, in UTC. */
export function readableLine({ level, time, msg, ...fields }: LogEntry): string {
  const clock = new Date(time).toISOString().slice(11, 19)
  const grade = level === 'info' ? '' : `${level}: `
  const details = Object.entries(fields).map(([name, value]) => `${name}=${show(value)}`)
  return [`${clock} ${grade}${msg}`, ...(details.length > 0 ? [details.join(' ')] : [])].join(': ')
}

function show(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value)
}
