/** The options by which commands find a cluster and a namespace, as kubectl's. */
import type { Command } from 'commander'

/** The options as commander reads them. */
export interface ClusterOptions {
  readonly kubeconfig?: string
  readonly context?: string
}

/** Those of commands that look into one namespace or into all. */
export interface NamespaceOptions extends ClusterOptions {
  readonly namespace?: string
  readonly allNamespaces?: boolean
}

/** Adds `--context` and `--kubeconfig`. */
export function addClusterOptions(command: Command): Command {
  return command
    .option('--context <name>', 'context of the kubeconfig (default: the current one)')
    .option('--kubeconfig <file>', 'kubeconfig to use (default: $KUBECONFIG, ~/.kube/config)')
}

/** Adds `-n`, and the options of addClusterOptions(). */
export function addNamespaceOption(command: Command): Command {
  command.option('-n, --namespace <name>', 'namespace to look into (default: that of the context)')
  return addClusterOptions(command)
}

/** Adds `-n` and `-A`, and the options of addClusterOptions(). */
export function addNamespaceOptions(command: Command): Command {
  command
    .option('-n, --namespace <name>', 'namespace to look into (default: that of the context)')
    .option('-A, --all-namespaces', 'look into all namespaces')
  return addClusterOptions(command)
}
