import { destination, pino, stdTimeFunctions, type Logger } from 'pino'

export type { Logger }

/** The levels that LOG_LEVEL accepts, from most to least verbose. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** One of LOG_LEVELS. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * A JSON logger on standard output with ISO timestamps. `component` is in every line. Whoever logs
 * passes identifiers and counts only: no pod specs, tokens, keys or frame bytes.
 */
export function createLogger(component: string, level: LogLevel): Logger {
  const options = {
    level,
    base: { component },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: ['*.token', '*.authorization', '*.key'], censor: '[secret]' },
  }
  // pino writes in the background by default; a process that exits then writes its last lines in the
  // wrong order. There is a line per state change or review, so waiting for each costs nothing.
  return pino(options, destination({ dest: 1, sync: true }))
}
