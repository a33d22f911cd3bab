/**
 * The `podtap` command. It ends with 0, with EXIT_CODES.config for a wrong use or setting, and with
 * 1 for a command that failed; errors are one line on standard error.
 */
import { text } from 'node:stream/consumers'
import { Command, CommanderError } from 'commander'
import { AppError } from '../lib/errors.ts'
import { EXIT_CODES } from '../sidecar/contract.ts'
import { addExplainCommand } from './commands/explain.ts'
import { addInjectCommand } from './commands/inject.ts'
import { addMirrorCommand } from './commands/mirror.ts'
import { addUninjectCommand } from './commands/uninject.ts'
import type { CliContext } from './context.ts'

const context: CliContext = {
  print: (line) => {
    process.stdout.write(`${line}\n`)
  },
  write: (text) => {
    process.stdout.write(text)
  },
  report: (line) => {
    process.stderr.write(`${line}\n`)
  },
  readInput: () => text(process.stdin),
  interrupted: () => {
    const controller = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        controller.abort()
      })
    }
    return controller.signal
  },
}

async function main(): Promise<number> {
  const program = new Command('podtap')
    .description('Gives network sensors sight of Kubernetes pods')
    .exitOverride()
  addInjectCommand(program, context)
  addUninjectCommand(program, context)
  addExplainCommand(program, context)
  addMirrorCommand(program, context)
  try {
    await program.parseAsync(process.argv)
    return EXIT_CODES.ok
  } catch (error) {
    return exitCodeOf(error)
  }
}

/** Says what went wrong, unless commander has. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.config
  if (!(error instanceof AppError)) {
    console.error(error)
    return EXIT_CODES.software
  }
  console.error(`podtap: ${error.message}`)
  return error.code === 'ERR_CONFIG' ? EXIT_CODES.config : 1
}

process.exit(await main())
