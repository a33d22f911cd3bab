/** What follows the set of enabled namespaces in the cluster. */
import type { KubeClient } from '../lib/kube/client.ts'
import type { Logger } from '../lib/logger.ts'
import type { WebhookConfig } from './config.ts'
import type { NamespaceCache } from './namespaces.ts'
import { ReconcileLoop } from './reconcile-loop.ts'
import { putScope } from './scope.ts'
import { putSensorAccess } from './sensor-access.ts'

/** What the loops work with. */
export interface EnabledLoopDeps {
  readonly config: WebhookConfig
  readonly client: KubeClient
  readonly logger: Logger
  readonly namespaces: Pick<NamespaceCache, 'synced' | 'enabled'>
  /** Called when what somebody else had changed was put back; a sentence. */
  readonly onRestored: (what: string) => void
}

/** One loop for the rights of sidecars, one for the scope of the webhook: one may fail without the other. */
export function createEnabledLoops(deps: EnabledLoopDeps): readonly ReconcileLoop[] {
  const { config, client } = deps
  const { sensorNamespace: namespace } = config.installation.sidecar
  const binding = { namespace, name: config.own.sensorRoleBinding }
  return [
    createLoop(deps, `RoleBinding ${namespace}/${binding.name}`, (enabled) =>
      putSensorAccess(client, binding, enabled),
    ),
    createLoop(deps, `namespaceSelector of ${config.own.webhookConfiguration}`, (enabled) =>
      putScope(client, config.own, config.scope === 'enabled' ? enabled : undefined),
    ),
  ]
}

/** `put` returns whether anything had to be written; `what` is how logs name it. */
function createLoop(
  { namespaces, logger, onRestored }: EnabledLoopDeps,
  what: string,
  put: (enabled: readonly string[]) => Promise<boolean>,
): ReconcileLoop {
  let kept: string | undefined
  return new ReconcileLoop({
    reconcile: async () => {
      if (!namespaces.synced) return
      const { enabled } = namespaces
      const wanted = enabled.join()
      const isWritten = await put(enabled)
      if (isWritten) logger.info({ enabled: enabled.length }, `${what} written`)
      // Right the last time, for the same namespaces: somebody else changed it since.
      if (isWritten && kept === wanted) onRestored(`${what}: changed by somebody else, put back`)
      kept = wanted
    },
    onError: (err, failures) => {
      if (failures === 1) logger.error({ err }, `keeping ${what} fails`)
    },
    onRecovered: () => {
      logger.info(`keeping ${what} works again`)
    },
  })
}
