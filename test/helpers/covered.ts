/** Workloads and pods as they are stored in a cluster, for tests of coverage. */
import { inject } from '../../webhook/admission/inject.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { objectAt } from '../../webhook/admission/json.ts'
import type { SidecarSettings } from '../../webhook/admission/settings.ts'
import { INSTALLATION, podTemplate } from './situation.ts'

/** A template as the webhook makes it, with the sidecar that `settings` change. */
export function injected(
  template: JsonObject = podTemplate(),
  settings: Partial<SidecarSettings> = {},
): JsonObject {
  return inject(template, { ...INSTALLATION.sidecar, ...settings })
}

/** A workload `shop/NAME` that has this template; `spec` is put beside it. */
export function stored(
  reference: string,
  template: JsonObject,
  { spec = {}, metadata = {} }: { spec?: JsonObject; metadata?: JsonObject } = {},
): JsonObject {
  const [kind = '', name = ''] = reference.split('/')
  const batch = kind === 'Job' || kind === 'CronJob'
  const templated = kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template }
  return {
    apiVersion: batch ? 'batch/v1' : 'apps/v1',
    kind,
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, ...metadata },
    spec: { ...spec, ...templated },
  }
}

/** A pod `shop/NAME` made from `template`; `owner` as `apps/v1 StatefulSet db`. */
export function pod(
  name: string,
  template: JsonObject,
  {
    owner,
    labels = {},
    status = {},
  }: { owner?: string; labels?: JsonObject; status?: JsonObject } = {},
): JsonObject {
  const metadata = objectAt(template, 'metadata')
  const ownerReferences = owner === undefined ? undefined : [ownerReference(owner)]
  return {
    ...template,
    metadata: {
      ...metadata,
      labels: { ...objectAt(metadata, 'labels'), ...labels },
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      ...(ownerReferences && { ownerReferences }),
    },
    status: { phase: 'Running', ...status },
  }
}

/** A pod of the Deployment `web`, as its ReplicaSet makes it. */
export function podOfWeb(name: string, template: JsonObject): JsonObject {
  const owner = 'apps/v1 ReplicaSet web-5d4f8'
  return pod(name, template, { owner, labels: { 'pod-template-hash': '5d4f8' } })
}

/** A reference to the controller `apiVersion kind name`. */
export function ownerReference(owner: string): JsonObject {
  const [apiVersion, kind, name] = owner.split(' ')
  return { apiVersion, kind, name, uid: `uid-${name ?? ''}`, controller: true }
}
