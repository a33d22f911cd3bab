/** What commands get from the process they run in; main.ts provides it. */
import type { Environment } from '../lib/config.ts'
import type { Terminal } from './terminal.ts'

/** The process as commands see it. */
export interface CliContext {
  /** The path by which the program was started. */
  readonly programPath: string
  /** The variables of the process. */
  readonly environment: Environment
  /** What standard output can show now: a terminal can be resized. */
  terminal(): Terminal
  /** Writes one line to standard output. */
  print(line: string): void
  /** Writes text to standard output as it is. */
  write(text: string): void
  /** Writes bytes to standard output; resolves when it can take more. */
  writeBytes(bytes: Uint8Array): Promise<void>
  /** Writes one line to standard error. */
  report(line: string): void
  /** Writes text to standard error as it is. */
  writeError(text: string): void
  /** Everything on standard input. */
  readInput(): Promise<string>
  /** A signal that aborts at the first SIGINT or SIGTERM from now on; the second ends the process. */
  interrupted(): AbortSignal
}
