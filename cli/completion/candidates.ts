/** What can stand where somebody presses Tab, by the commands themselves. Pure. */
import type { Command, Option } from 'commander'

/** What comes next on a command line. */
export interface Completion {
  /** Words that can stand there. */
  readonly words: readonly string[]
  /** Things of the cluster that can stand there too. */
  readonly asks?: 'namespaces' | 'workloads'
  /** Whether names of files can stand there too. */
  readonly files?: boolean
}

const NOTHING: Completion = { words: [] }

/**
 * What can stand at the place of the last of `words`, which may be empty. `words` are those after the
 * program's name.
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const before = words.slice(0, -1)
  const current = words.at(-1) ?? ''
  const [name] = before
  if (name === undefined) return startingWith(current, { words: commandNames(program) })
  const command = program.commands.find((each) => each.name() === name)
  if (command === undefined) return NOTHING
  const open = openOption(command, before.at(-1) ?? '')
  if (open !== undefined) return startingWith(current, valuesOf(open))
  if (current.startsWith('-')) return startingWith(current, { words: optionNames(command) })
  return startingWith(current, argumentsOf(command, before.length))
}

function commandNames(program: Command): readonly string[] {
  return program.commands.map((command) => command.name()).filter((name) => !name.startsWith('_'))
}

/** The option that waits for its value. */
function openOption(command: Command, previous: string): Option | undefined {
  const option = command.options.find(({ short, long }) => [short, long].includes(previous))
  return option !== undefined && (option.required || option.optional) ? option : undefined
}

function optionNames(command: Command): readonly string[] {
  return [...command.options.flatMap(({ long }) => (long ? [long] : [])), '--help']
}

function valuesOf({ long, argChoices }: Option): Completion {
  if (argChoices !== undefined) return { words: argChoices }
  if (long === '--namespace') return { words: [], asks: 'namespaces' }
  if (long === '--context') return NOTHING
  return { words: [], files: true }
}

function argumentsOf(command: Command, position: number): Completion {
  const argument = command.registeredArguments[position - 1]
  if (argument === undefined) return NOTHING
  if (argument.argChoices !== undefined) return { words: argument.argChoices }
  return ['workload', 'kind/name'].includes(argument.name())
    ? { words: [], asks: 'workloads' }
    : NOTHING
}

function startingWith(prefix: string, { words, ...rest }: Completion): Completion {
  return { words: words.filter((word) => word.startsWith(prefix)), ...rest }
}
