import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')

/** How a program is run. */
export interface ProgramOptions {
  readonly args?: readonly string[]
  /** The whole environment beside PATH. */
  readonly env?: Readonly<Record<string, string>>
  /** Sent SIGTERM as soon as standard output has this in it. */
  readonly terminateAt?: string
}

/** How a program ended. */
export interface ProgramEnd {
  /** Exit code; null after a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs one of our programs, such as `sidecar/main.ts`, to its end or to that of the test. */
export async function runProgram(
  t: TestContext,
  program: string,
  { args = [], env = {}, terminateAt }: ProgramOptions,
): Promise<ProgramEnd> {
  const child = spawn(process.execPath, [join(ROOT, program), ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
    // Once: the second signal of that kind ends a program without further ado.
    if (terminateAt !== undefined && !child.killed && stdout.includes(terminateAt)) child.kill()
  })
  const stderr = text(child.stderr)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, stdout, stderr: await stderr }
}
