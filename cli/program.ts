/** The `podtap` command line: its commands, and how it ends. */
import { Command, CommanderError } from 'commander'
import { AppError } from '../lib/errors.ts'
import { explainFailure } from './cluster/explain-failure.ts'
import { addAttachCommand } from './commands/attach.ts'
import { addCheckCommand } from './commands/check.ts'
import { addCompletionCommand } from './commands/completion.ts'
import { addExplainCommand } from './commands/explain.ts'
import { addInjectCommand } from './commands/inject.ts'
import { addInstallCommand } from './commands/install.ts'
import { addMirrorCommand } from './commands/mirror.ts'
import { addRefreshCommand } from './commands/refresh.ts'
import { addStatusCommand } from './commands/status.ts'
import { addTapCommand } from './commands/tap.ts'
import { addTopCommand } from './commands/top.ts'
import { addUninjectCommand } from './commands/uninject.ts'
import { addVersionCommand } from './commands/version.ts'
import type { CliContext } from './context.ts'
import { CLI_EXIT_CODES } from './exit-codes.ts'

/** One of CLI_EXIT_CODES. */
export type CliExitCode = (typeof CLI_EXIT_CODES)[keyof typeof CLI_EXIT_CODES]

/** Adds one command to the program. */
type AddCommand = (program: Command, context: CliContext) => void

/** In the order in which --help shows them. */
const COMMANDS: readonly AddCommand[] = [
  addInstallCommand,
  addCheckCommand,
  addStatusCommand,
  addRefreshCommand,
  addTopCommand,
  addTapCommand,
  addAttachCommand,
  addInjectCommand,
  addUninjectCommand,
  addExplainCommand,
  addMirrorCommand,
  addCompletionCommand,
  addVersionCommand,
]

/** Characters per line of --help where there is no terminal. */
const HELP_COLUMNS = 100

/** The program with all its commands; it throws CommanderError instead of ending the process. */
export function createProgram(context: CliContext): Command {
  const program = new Command(programName(context))
    .description('Gives network sensors sight of Kubernetes pods')
    .exitOverride()
    .configureOutput({
      getOutHelpWidth: () => context.terminal().columns ?? HELP_COLUMNS,
      writeOut: (text) => {
        context.write(text)
      },
      writeErr: (text) => {
        context.writeError(text)
      },
    })
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 it found something wrong or failed, 2 wrong use, 70 an error of podtap.',
    )
  for (const add of COMMANDS) add(program, context)
  return program
}

/** Runs the program with `args` (without program names) and returns how the process is to end. */
export async function runCli(args: readonly string[], context: CliContext): Promise<CliExitCode> {
  try {
    await createProgram(context).parseAsync(args, { from: 'user' })
    return CLI_EXIT_CODES.ok
  } catch (error) {
    return exitCodeOf(error, context)
  }
}

/** As it is called: kubectl finds its plugins by their names, and a script can hand its own on. */
function programName({ programPath, environment }: CliContext): string {
  if (environment['PODTAP_PROGRAM'] === 'kubectl-podtap') return 'kubectl podtap'
  return /(^|\/)kubectl-podtap[^/]*$/.test(programPath) ? 'kubectl podtap' : 'podtap'
}

/** Says what went wrong, unless commander has. */
function exitCodeOf(error: unknown, context: CliContext): CliExitCode {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? CLI_EXIT_CODES.ok : CLI_EXIT_CODES.usage
  if (!(error instanceof AppError)) {
    context.report(error instanceof Error ? (error.stack ?? error.message) : String(error))
    return CLI_EXIT_CODES.software
  }
  context.report(`podtap: ${explainFailure(error)}`)
  return error.code === 'ERR_CONFIG' ? CLI_EXIT_CODES.usage : CLI_EXIT_CODES.failed
}
