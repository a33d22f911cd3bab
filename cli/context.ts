/** What commands get from the process they run in; main.ts provides it. */
export interface CliContext {
  /** Writes one line to standard output. */
  print(line: string): void
  /** Writes text to standard output as it is. */
  write(text: string): void
  /** Writes one line to standard error. */
  report(line: string): void
  /** Everything on standard input. */
  readInput(): Promise<string>
  /** A signal that aborts at the first SIGINT or SIGTERM from now on; the second ends the process. */
  interrupted(): AbortSignal
}
