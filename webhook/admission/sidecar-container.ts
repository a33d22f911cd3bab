/**
 * The sidecar as the API server would store it: every field that it would fill in by default is
 * written out, so that a stored sidecar equals a freshly rendered one and injecting again changes
 * nothing.
 */
import {
  SERVICE_ACCOUNT_PATH,
  SIDECAR_NAME,
  SIDECAR_UID,
  ZONE_LABEL,
  type SIDECAR_ENVIRONMENT,
} from '../../sidecar/contract.ts'
import { arrayAt, isObject, type JsonObject } from './json.ts'
import type { SidecarSettings } from './settings.ts'

/** Name of the volume that podtap adds. */
export const VOLUME_NAME = 'podtap-token'

/** Name of the sidecar's port, for PodMonitors. At most 15 characters (RFC 6335 §5.1). */
export const METRICS_PORT_NAME = 'podtap-metrics'

/** Life of the sidecar's token, in seconds; the kubelet replaces it in time. */
const TOKEN_SECONDS = 3600

/** The sidecar for a pod whose other containers are `others`. */
export function renderContainer(settings: SidecarSettings, others: readonly unknown[]): JsonObject {
  const size = { cpu: settings.cpu, memory: settings.memory }
  const port = { name: METRICS_PORT_NAME, containerPort: settings.metricsPort, protocol: 'TCP' }
  return {
    name: SIDECAR_NAME,
    image: settings.image,
    imagePullPolicy: 'IfNotPresent',
    // No startup probe: the kubelet would let it keep the application from starting.
    ...(settings.native && { restartPolicy: 'Always' }),
    env: renderEnvironment(settings),
    ...(isReachable(settings) && !collides(settings.metricsPort, others) && { ports: [port] }),
    resources: { requests: size, limits: size },
    securityContext: renderSecurityContext(),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: VOLUME_NAME, mountPath: SERVICE_ACCOUNT_PATH, readOnly: true }],
  }
}

/**
 * The volume with the sidecar's token: the same three files that the ServiceAccount admission plugin
 * gives to containers, but also where `automountServiceAccountToken` is false, and short-lived.
 */
export function renderVolume(): JsonObject {
  return {
    name: VOLUME_NAME,
    projected: {
      // 0644: the pod's fsGroup and the application's uid may be anything, and the sidecar must read.
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: { items: [{ path: 'namespace', fieldRef: fieldRef('metadata.namespace') }] },
        },
      ],
    },
  }
}

/**
 * The sidecar's variables. What has a value is always given, default or not, so that a later version of the image does not
 * change what a pod mirrors.
 */
export function renderEnvironment(settings: SidecarSettings): readonly JsonObject[] {
  return [
    variable('SENSOR', settings.sensor),
    variable('SENSOR_NAMESPACE', settings.sensorNamespace),
    variable('SENSOR_LABEL', settings.sensorLabel),
    variable('SENSOR_PORT', settings.sensorPort),
    variable('VNI', settings.vni),
    variable('INTERFACE', settings.interfaceName),
    ...given('BPF', settings.filter),
    ...given('ENGINE', settings.engine),
    ...given('RECEIVER', settings.receiver),
    ...given('FIT', settings.fit),
    ...given('SPREAD', settings.spread),
    variable('METRICS_PORT', settings.metricsPort),
    ...given('METRICS_ADDRESS', settings.metricsAddress),
    variable('LOG_LEVEL', settings.logLevel),
    { name: 'NODE_NAME', valueFrom: { fieldRef: fieldRef('spec.nodeName') } },
    // Empty where the pod has no such label.
    { name: 'NODE_ZONE', valueFrom: { fieldRef: fieldRef(`metadata.labels['${ZONE_LABEL}']`) } },
  ]
}

/**
 * The rights of the sidecar: what Pod Security "restricted" asks for, plus NET_RAW, which the file capability of the image's node
 * binary needs in the bounding set.
 */
export function renderSecurityContext(): JsonObject {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { add: ['NET_RAW'], drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsGroup: SIDECAR_UID,
    runAsNonRoot: true,
    runAsUser: SIDECAR_UID,
    seccompProfile: { type: 'RuntimeDefault' },
  }
}

/** Whether other pods can ask for the metrics: only then is the port worth declaring. */
function isReachable({ metricsPort, metricsAddress = '' }: SidecarSettings): boolean {
  return metricsPort !== 0 && !/^(127\.|::1$)/.test(metricsAddress)
}

/** Containers of a pod share its addresses: a port that another one declares is not declared twice. */
function collides(metricsPort: number, others: readonly unknown[]): boolean {
  return others
    .flatMap((container) => arrayAt(container, 'ports'))
    .filter(isObject)
    .some((port) => port['name'] === METRICS_PORT_NAME || port['containerPort'] === metricsPort)
}

type VariableName = (typeof SIDECAR_ENVIRONMENT)[number]

/** Nothing where there is no value: the sidecar has its own default. */
function given(name: VariableName, value: string | undefined): readonly JsonObject[] {
  return value === undefined || value === '' ? [] : [variable(name, value)]
}

function variable(name: VariableName, value: string | number): JsonObject {
  return { name, value: String(value) }
}

function fieldRef(fieldPath: string): JsonObject {
  return { apiVersion: 'v1', fieldPath }
}
