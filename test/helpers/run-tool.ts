import { spawnSync } from 'node:child_process'

/** How a program ended. */
export interface ToolEnd {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What to run where a program is missing. */
const PROVIDED_BY: Readonly<Record<string, string>> = {
  helm: 'scripts/operator-programs',
  promtool: 'scripts/operator-programs',
  kubectl: 'scripts/kubernetes-programs',
}

/** How a program is run. */
export interface ToolOptions {
  /** Its standard input. */
  readonly input?: string
  /** After so long it is ended, and its status is null. */
  readonly timeoutMs?: number
}

/**
 * Runs a program of PATH to its end.
 * @throws Error with the command that provides the program, when it is not there.
 */
export function runTool(
  program: string,
  args: readonly string[],
  { input = '', timeoutMs = 60_000 }: ToolOptions = {},
): ToolEnd {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: timeoutMs,
    maxBuffer: 64 * 2 ** 20,
    input,
  })
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT')
    return { status, stdout, stderr }
  const provider = PROVIDED_BY[program] ?? 'your package manager'
  throw new Error(`${program} is missing: PATH="$(${provider}):$PATH"`, { cause: error })
}
