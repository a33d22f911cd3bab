/** The settings by which the webhook of a cluster decides, for commands that decide as it would. */
import type { KubeClient } from '../../lib/kube/client.ts'
import { listObjects } from '../../lib/kube/list.ts'
import { textAt, type JsonObject } from '../../webhook/admission/json.ts'
import type { Installation } from '../../webhook/admission/settings.ts'
import type { WebhookConfig } from '../../webhook/config.ts'
import { knowsNativeSidecars } from '../../webhook/nodes.ts'
import { known, valueOf } from '../cluster/known.ts'
import { findInstallation } from './find-installation.ts'
import { webhookSettings } from './webhook-settings.ts'

/** Nodes per answer. */
const PAGE_SIZE = 500

/**
 * The installation as the webhook has it: its settings, and native sidecars where its nodes allow them.
 * What may not be read has its default.
 * @throws AppError ERR_CONFIG where the webhook's Deployment has a bad setting.
 */
export async function currentInstallation(client: KubeClient): Promise<Installation> {
  const [found, versions] = await Promise.all([
    findInstallation(client),
    known(readKubeletVersions(client)),
  ])
  const settings = webhookSettings(valueOf(found.deployment), found.namespace)
  return withKindOfSidecar(settings, valueOf(versions) ?? [])
}

/** The versions of all kubelets. */
export async function readKubeletVersions(client: KubeClient): Promise<readonly string[]> {
  const select = (node: JsonObject): string => textAt(node, 'status', 'nodeInfo', 'kubeletVersion')
  const target = { path: '/api/v1/nodes', select }
  return [...(await listObjects(client, target, { pageSize: PAGE_SIZE })).items.values()]
}

/** NATIVE_SIDECAR=auto decided by the kubelets, as the webhook does. */
export function withKindOfSidecar(
  { installation, nativeSidecar }: WebhookConfig,
  kubelets: readonly string[],
): Installation {
  const able = kubelets.length > 0 && kubelets.every(knowsNativeSidecars)
  const native = nativeSidecar === 'auto' ? able : nativeSidecar === 'on'
  return { ...installation, sidecar: { ...installation.sidecar, native } }
}
