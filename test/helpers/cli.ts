/** The `podtap` command in the process of the test. */
import type { Environment } from '../../lib/config.ts'
import type { CliContext } from '../../cli/context.ts'
import { runCli, type CliExitCode } from '../../cli/program.ts'
import type { Terminal } from '../../cli/terminal.ts'

/** What the command is run with. */
export interface CliSurroundings {
  readonly environment?: Environment
  readonly input?: string
  readonly terminal?: Partial<Terminal>
  readonly programPath?: string
  /** Aborts as an interrupt does. */
  readonly signal?: AbortSignal
}

/** How it ended, and what it said. */
export interface CliEnd {
  readonly code: CliExitCode
  readonly stdout: string
  readonly stderr: string
}

/** What a command wrote so far. */
export interface Written {
  stdout: string
  stderr: string
}

/** Runs `podtap ARGS` to its end. Output is as in a pipe unless `terminal` says otherwise. */
export async function podtap(
  args: readonly string[],
  surroundings: CliSurroundings = {},
): Promise<CliEnd> {
  const written: Written = { stdout: '', stderr: '' }
  const code = await runCli(args, contextFor(written, surroundings))
  return { code, ...written }
}

/** A context that keeps what is written to it. */
export function contextFor(written: Written, surroundings: CliSurroundings = {}): CliContext {
  const terminal = { isTerminal: false, columns: undefined, rows: undefined, colour: false }
  return {
    programPath: surroundings.programPath ?? '/usr/bin/podtap',
    environment: surroundings.environment ?? {},
    terminal: () => ({ ...terminal, ...surroundings.terminal }),
    print: (line) => void (written.stdout += `${line}\n`),
    write: (text) => void (written.stdout += text),
    writeBytes: (bytes) => {
      written.stdout += Buffer.from(bytes).toString('latin1')
      return Promise.resolve()
    },
    report: (line) => void (written.stderr += `${line}\n`),
    writeError: (text) => void (written.stderr += text),
    readInput: () => Promise.resolve(surroundings.input ?? ''),
    interrupted: () => surroundings.signal ?? new AbortController().signal,
  }
}
