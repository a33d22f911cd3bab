import { pino } from 'pino'
import type { Logger } from '../../lib/logger.ts'

/** A logger that keeps its lines instead of writing them. */
export interface CapturedLog {
  readonly log: Logger
  /** `level message {fields}`, without time. */
  readonly lines: readonly string[]
}

/** A logger of level `debug` whose lines can be read. */
export function captureLog(): CapturedLog {
  const lines: string[] = []
  const options = { base: null, timestamp: false, level: 'debug' }
  const formatters = { level: (level: string) => ({ level }) }
  const log = pino({ ...options, formatters }, { write: (line: string) => lines.push(flat(line)) })
  return { log, lines }
}

function flat(line: string): string {
  const { level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  return `${String(level)} ${String(msg)} ${JSON.stringify(fields)}`
}
