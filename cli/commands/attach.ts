import { Option, type Command } from 'commander'
import type { KubeClient } from '../../lib/kube/client.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { readSidecarOptions, type SidecarOptions } from '../attach/attach-options.ts'
import { awaitRunning } from '../attach/await-running.ts'
import { attachedName, durationText, ephemeralContainer } from '../attach/ephemeral-container.ts'
import { planAttachment, type AttachmentPlan } from '../attach/plan-attachment.ts'
import { addNamespaceOption, type NamespaceOptions } from '../cluster/cluster-options.ts'
import { withCluster } from '../cluster/open-cluster.ts'
import { readPod } from '../cluster/read-pod.ts'
import type { CliContext } from '../context.ts'
import { parseDuration } from '../duration.ts'

/** The options as commander reads them; times in seconds. */
interface AttachOptions extends NamespaceOptions, SidecarOptions {
  readonly duration: number
  readonly timeout: number
  readonly force?: boolean
}

/** A container that was added to a pod. */
interface Added {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

/** Adds `podtap attach`: the sidecar in a pod that runs, for a while. */
export function addAttachCommand(program: Command, context: CliContext): void {
  const command = program
    .command('attach')
    .description('mirror a running pod for a while, without restarting it')
    .argument('<pod>', 'a pod without the sidecar')
  addNamespaceOption(command)
    .addOption(
      timeOption('--duration', 'end after this time, such as 90s or 2h').default(600, '10m'),
    )
    .option('--sensor <sensor>', "address, host, or [NAMESPACE/]LABEL (default: the webhook's)")
    .option('--vni <number>', 'VXLAN network identifier, decimal or 0x-hex')
    .option('--filter <expression>', 'mirror only what this pcap-filter expression matches')
    .option('--interface <name>', 'interface to sniff')
    .option('--image <reference>', "image of the sidecar (default: the webhook's)")
    .option('--force', 'also a pod that is opted out, or has one that does not start')
    .addOption(timeOption('--timeout', 'how long to wait for its start').default(60, '60s'))
    .addHelpText('after', HELP)
    .action((pod: string, options: AttachOptions) => attach(pod, options, context))
}

const HELP = `
What is not given is as annotations and the webhook have it. The sidecar becomes an ephemeral container:
Kubernetes gives it no token, so it stays with the sensor that is found now, and no limits of CPU and
memory; its name stays in the pod after its end.
Rights: get pods, patch pods/ephemeralcontainers, and where sensors are pods list pods in their namespace;
what else is worth knowing (get namespaces, the webhook's Deployment) has defaults.

Example: podtap attach web-5d9c -n shop --duration 10m`

function timeOption(name: string, description: string): Option {
  return new Option(`${name} <time>`, description).argParser(parseDuration)
}

async function attach(pod: string, options: AttachOptions, context: CliContext): Promise<void> {
  const override = readSidecarOptions(options)
  const { duration, timeout, force = false } = options
  const interrupted = context.interrupted()
  await withCluster(options, context, async ({ client, namespace = '' }) => {
    const plan = await planAttachment(client, { namespace, name: pod, override, force })
    for (const line of plan.unseen) context.report(`not looked at: ${line}`)
    const container = attachedName(Math.random)
    const added = { namespace, pod, container }
    await add(client, added, ephemeralContainer(plan.settings, { name: container, duration }))
    context.report(
      `added the container ${container} (${plan.settings.image}) to ${namespace}/${pod}`,
    )
    await awaitRunning({
      name: container,
      readPod: () => readPod(client, namespace, pod),
      timeoutMs: timeout * 1000,
      report: (line) => {
        context.report(line)
      },
      signal: interrupted,
    })
    for (const line of doneLines(added, plan, duration)) context.print(line)
  })
}

async function add(client: KubeClient, added: Added, container: JsonObject): Promise<void> {
  const { namespace, pod } = added
  await client.request(`/api/v1/namespaces/${namespace}/pods/${pod}/ephemeralcontainers`, {
    method: 'PATCH',
    // It merges by the names of containers, so that those of others stay.
    contentType: 'application/strategic-merge-patch+json',
    body: { spec: { ephemeralContainers: [container] } },
  })
}

function doneLines(added: Added, plan: AttachmentPlan, duration: number): readonly string[] {
  const { namespace, pod, container } = added
  return [
    `${namespace}/${pod} is mirrored for ${durationText(duration)} to ${plan.sensor.description}`,
    `  see its frames:  podtap tap ${pod} -n ${namespace}`,
    `  see its log:     kubectl logs ${pod} -n ${namespace} -c ${container}`,
  ]
}
