/** Follows which pods of a node have a sidecar: what it mirrors, the node need not mirror again. */
import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../lib/kube/client.ts'
import type { KubeObject } from '../lib/kube/objects.ts'
import { watchObjects } from '../lib/kube/watch.ts'
import type { Logger } from '../lib/logger.ts'
import { SIDECAR_NAME } from './contract.ts'

/** The parts of a pod that say whether, and at which addresses, it is mirrored. */
export interface MirroredPod extends KubeObject {
  readonly spec?: { readonly hostNetwork?: boolean }
  readonly status?: {
    readonly phase?: string
    readonly podIPs?: readonly { readonly ip?: string }[]
    readonly containerStatuses?: readonly ContainerStatus[]
    readonly initContainerStatuses?: readonly ContainerStatus[]
  }
}

interface ContainerStatus {
  readonly name?: string
  readonly state?: { readonly running?: object }
}

/** What is watched, and who asks. */
export interface MirroredPodsOptions {
  readonly client: KubeClient
  readonly nodeName: string
  readonly log: Logger
  /** Called with the addresses of all such pods whenever they are others than before. */
  readonly onAddresses: (addresses: readonly string[]) => void
}

/**
 * Watches until the signal aborts. Whatever fails, the addresses that were known last stay; that is a
 * line in the log when it begins and when it ends.
 */
export function watchMirroredPods(
  { client, nodeName, log, onAddresses }: MirroredPodsOptions,
  signal: AbortSignal,
): Promise<void> {
  let known: readonly string[] = []
  const target = {
    path: '/api/v1/pods',
    fieldSelector: `spec.nodeName=${nodeName}`,
    select: mirroredAddresses,
  }
  return watchObjects(client, target, {
    signal,
    listener: {
      onChange: (pods) => {
        const addresses = [...pods.values()].flat().sort()
        if (isDeepStrictEqual(addresses, known)) return
        known = addresses
        onAddresses(addresses)
      },
      onError: (error, failures) => {
        const fields = { code: error.code, reason: error.message }
        if (failures === 1) log.warn(fields, 'cannot see which pods of this node have a sidecar')
      },
      onRecovered: () => {
        log.info('it is seen again which pods of this node have a sidecar')
      },
    },
  })
}

/**
 * The addresses of a pod whose sidecar runs; undefined when it has none. A pod in the network of the
 * node has the node's address, which is nobody's alone.
 */
export function mirroredAddresses({ spec, status }: MirroredPod): readonly string[] | undefined {
  if (spec?.hostNetwork === true || !hasSidecar(status)) return undefined
  const addresses = (status?.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]))
  return addresses.length === 0 ? undefined : addresses
}

/** A native sidecar is an init container. */
function hasSidecar(status: MirroredPod['status']): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {}
  return [...containerStatuses, ...initContainerStatuses].some(({ name, state }) => {
    return name === SIDECAR_NAME && state?.running !== undefined
  })
}
