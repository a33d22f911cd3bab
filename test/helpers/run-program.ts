import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { until } from './until.ts'

const ROOT = join(import.meta.dirname, '../..')

/** How a program is run. */
export interface ProgramOptions {
  readonly args?: readonly string[]
  /** The whole environment beside PATH. */
  readonly env?: Readonly<Record<string, string>>
}

/** How a program ended. */
export interface ProgramEnd {
  /** Exit code; null after a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A program that runs. */
export interface RunningProgram {
  readonly process: ChildProcess
  readonly end: Promise<ProgramEnd>
  /** Waits until `wanted` stands in what it writes to standard output after all that was waited for before. */
  says(wanted: string): Promise<void>
}

/** Starts one of our programs, such as `sidecar/main.ts`; it ends with the test at the latest. */
export function startProgram(
  t: TestContext,
  program: string,
  { args = [], env = {} }: ProgramOptions = {},
): RunningProgram {
  const child = spawn(process.execPath, [join(ROOT, program), ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let stdout = ''
  let seen = 0
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  const stderr = text(child.stderr)
  const end = new Promise<number | null>((resolve) => child.on('close', resolve)).then(
    async (code) => ({ code, stdout, stderr: await stderr }),
  )
  const says = async (wanted: string): Promise<void> => {
    const at = await until(
      () => `${JSON.stringify(wanted)} in ${stdout.slice(seen)}`,
      () => stdout.includes(wanted, seen) && stdout.indexOf(wanted, seen) + wanted.length,
    )
    seen = at
  }
  return { process: child, end, says }
}

/**
 * Runs one of our programs to its end or to that of the test; it is sent SIGTERM as soon as standard
 * output has `terminateAt` in it.
 */
export async function runProgram(
  t: TestContext,
  program: string,
  { terminateAt, ...options }: ProgramOptions & { readonly terminateAt?: string },
): Promise<ProgramEnd> {
  const running = startProgram(t, program, options)
  if (terminateAt !== undefined) {
    await running.says(terminateAt)
    running.process.kill()
  }
  return running.end
}
