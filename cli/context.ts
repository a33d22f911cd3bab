/** What commands get from the process they run in; main.ts provides it. */
export interface CliContext {
  /** Writes one line to standard output. */
  print(line: string): void
  /** A signal that aborts at the first SIGINT or SIGTERM from now on; the second ends the process. */
  interrupted(): AbortSignal
}
