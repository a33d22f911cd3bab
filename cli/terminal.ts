/** What standard output can show. */
import type { Environment } from '../lib/config.ts'

/** Where output goes. */
export interface Terminal {
  /** Whether a person is looking: a table may be redrawn. */
  readonly isTerminal: boolean
  /** Characters per line; undefined: as many as it takes, nothing is cut. */
  readonly columns: number | undefined
  /** Lines; undefined: as many as it takes. */
  readonly rows: number | undefined
  readonly colour: boolean
}

/** The stream that output goes to, as node:tty has it. */
export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/**
 * What `stream` can show. COLUMNS beats the terminal's own width, also where there is no terminal.
 * Colour is for terminals only, and for none where NO_COLOR has a value (https://no-color.org) or TERM
 * is `dumb`.
 */
export function terminalOf(stream: OutputStream, env: Environment): Terminal {
  const isTerminal = stream.isTTY === true
  const asked = Number(env['COLUMNS'])
  const own = isTerminal ? stream.columns : undefined
  return {
    isTerminal,
    columns: Number.isInteger(asked) && asked > 0 ? asked : own,
    rows: isTerminal ? stream.rows : undefined,
    colour: isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  }
}
