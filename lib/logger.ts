import { pino, stdTimeFunctions, type Logger } from 'pino'

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
  return pino({
    level,
    base: { component },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: ['*.token', '*.authorization', '*.key'], censor: '[secret]' },
  })
}
