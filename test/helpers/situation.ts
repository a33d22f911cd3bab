/** Workloads and what surrounds them, for tests of decisions. */
import type { NamespaceFacts, Situation } from '../../webhook/admission/rules.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import type { Installation } from '../../webhook/admission/settings.ts'
import { findKind, nameOf, templateOf, type Workload } from '../../webhook/admission/workload.ts'

/** An installation as the manifests make it. */
export const INSTALLATION: Installation = {
  ownNamespace: 'podtap',
  sidecar: {
    image: 'podtap/sidecar:0.1.0',
    sensor: 'sensor',
    sensorNamespace: 'podtap-sensor',
    sensorLabel: 'run',
    sensorPort: 4789,
    vni: 1,
    interfaceName: 'eth0',
    filter: '',
    cpu: '250m',
    memory: '256Mi',
    metricsPort: 14789,
    metricsAddress: undefined,
    engine: undefined,
    receiver: undefined,
    fit: undefined,
    spread: undefined,
    logLevel: 'info',
    native: false,
  },
}

/** A namespace with podtap.dev/inject: enabled and what is added here. */
export function enabledNamespace(
  annotations: Readonly<Record<string, string>> = {},
  labels: Readonly<Record<string, string>> = {},
): NamespaceFacts {
  return {
    name: 'shop',
    annotations: { 'podtap.dev/inject': 'enabled', ...annotations },
    labels,
  }
}

/** A pod template with one container and these annotations; `spec` is merged into its spec. */
export function podTemplate(annotations: JsonObject = {}, spec: JsonObject = {}): JsonObject {
  return {
    metadata: { labels: { app: 'web' }, annotations },
    spec: { containers: [{ name: 'web', image: 'podtap/example:0.1.0' }], ...spec },
  }
}

/** A Deployment `web` in the namespace `shop`; `overrides` replace its parts. */
export function deployment(template: unknown, overrides: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template },
    ...overrides,
  }
}

/** `object` as it arrives at CREATE, or, with `old`, at UPDATE. */
export function workload(object: JsonObject, old?: JsonObject): Workload {
  const kind = findKind(String(object['apiVersion']), String(object['kind']))!
  return {
    kind,
    namespace: 'shop',
    name: nameOf(object),
    operation: old === undefined ? 'CREATE' : 'UPDATE',
    object,
    template: templateOf(kind, object),
    oldTemplate: old && templateOf(kind, old),
  }
}

/** The situation of a workload in an enabled namespace, with parts replaced. */
export function situation(parts: Partial<Situation> & Pick<Situation, 'workload'>): Situation {
  return { namespace: enabledNamespace(), installation: INSTALLATION, ...parts }
}

/** A LimitRange with these limits. */
export function limitRangeOf(...limits: readonly JsonObject[]): JsonObject {
  return { metadata: { name: 'bounds', namespace: 'shop' }, spec: { limits } }
}

/** A ResourceQuota of which `used` is taken, and `spec` says to which pods it applies. */
export function quotaOf(
  hard: JsonObject,
  used: JsonObject = {},
  spec: JsonObject = {},
): JsonObject {
  return { metadata: { name: 'share', namespace: 'shop' }, spec, status: { hard, used } }
}
