import { Argument, type Command } from 'commander'
import type { NamespaceOptions } from '../cluster/cluster-options.ts'
import { clusterNames } from '../completion/cluster-names.ts'
import { complete } from '../completion/candidates.ts'
import { COMPLETE_COMMAND, completionScript, SHELLS, type Shell } from '../completion/scripts.ts'
import type { CliContext } from '../context.ts'

/** Adds `podtap completion`, and the hidden command that its scripts ask. */
export function addCompletionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS))
    .addHelpText('after', '\nExample: source <(podtap completion bash)')
    .action((shell: Shell) => {
      context.write(completionScript(shell))
    })
  program
    .command(COMPLETE_COMMAND, { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action((words: readonly string[]) => answer(program, words, context))
}

async function answer(
  program: Command,
  words: readonly string[],
  context: CliContext,
): Promise<void> {
  const { words: found, asks, files } = complete(program, words)
  for (const word of found) context.print(word)
  if (files === true) context.print(':files')
  if (asks === undefined) return
  const names = await clusterNames(asks, optionsIn(words), context)
  for (const name of names.filter((each) => each.startsWith(words.at(-1) ?? '')))
    context.print(name)
}

/** The options by which the cluster is found, where they have been typed already. */
function optionsIn(words: readonly string[]): NamespaceOptions {
  const after = (...names: readonly string[]): string | undefined => {
    const index = words.findIndex((word) => names.includes(word))
    return index === -1 || index >= words.length - 2 ? undefined : words[index + 1]
  }
  const namespace = after('-n', '--namespace')
  const context = after('--context')
  const kubeconfig = after('--kubeconfig')
  return {
    ...(namespace !== undefined && { namespace }),
    ...(context !== undefined && { context }),
    ...(kubeconfig !== undefined && { kubeconfig }),
  }
}
