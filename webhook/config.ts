/** The webhook's environment. */
import { integer, loadConfig, oneOf, optional, text, type Environment } from '../lib/config.ts'
import { LOG_LEVELS, type LogLevel } from '../lib/logger.ts'
import { parseNamespace } from '../sidecar/contract.ts'
import { SIDECAR_SCHEMA, sidecarSettings, type NativeSetting } from './admission/installation.ts'
import type { Installation } from './admission/settings.ts'
import {
  CERTIFICATE_SCHEMA,
  certificateSettings,
  type CertificateSettings,
} from './certificates/settings.ts'
import { SCOPES, type Scope } from './scopes.ts'

/** Where the webhook's own objects are in the cluster. */
export interface OwnObjects {
  readonly namespace: string
  /** The Service that the API server calls. */
  readonly service: string
  /** The MutatingWebhookConfiguration whose caBundle is kept. */
  readonly webhookConfiguration: string
  /** The Secret that holds certificate and key. */
  readonly tlsSecret: string
  /** The RoleBinding, in the sensor's namespace, that lets sidecars see sensors. */
  readonly sensorRoleBinding: string
  /** The Lease that decides which replica writes. */
  readonly lease: string
}

/** Everything that the webhook is told at its start. */
export interface WebhookConfig {
  /** With NATIVE_SIDECAR=auto its sidecar is classic: see Cluster.installation(). */
  readonly installation: Installation
  readonly nativeSidecar: NativeSetting
  /** Which namespaces the API server is told to ask about. */
  readonly scope: Scope
  /** Whether the leader looks for pods that are not as they should be. */
  readonly coverage: boolean
  readonly own: OwnObjects
  readonly certificates: CertificateSettings
  /** How this process is called in the Lease, in logs and in events: its pod's name. */
  readonly podName: string
  /** The uid of that pod, without which `kubectl describe pod` shows no events; empty: not known. */
  readonly podUid: string
  readonly port: number
  /** How long it goes on answering after it was told to end, in milliseconds. */
  readonly drainMs: number
  readonly logLevel: LogLevel
  /** Path of a kubeconfig for running outside a cluster; undefined: as a pod. */
  readonly kubeconfig: string | undefined
}

const objectName = text(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'the name of an object')

/** Every variable that the webhook reads. */
export const WEBHOOK_SCHEMA = {
  ...SIDECAR_SCHEMA,
  // 10250 is open from the control plane to the nodes wherever the kubelet is reached, also in
  // private clusters whose firewall would have to be changed for any other port.
  LISTEN_PORT: { parse: integer(0, 65535), fallback: 10250 },
  POD_NAMESPACE: { parse: parseNamespace, fallback: 'podtap' },
  POD_NAME: { parse: objectName, fallback: 'podtap-webhook' },
  POD_UID: { parse: text(/^[\w-]{1,64}$/, 'the uid of a pod'), fallback: '' },
  SERVICE_NAME: { parse: objectName, fallback: 'podtap-webhook' },
  WEBHOOK_CONFIGURATION: { parse: objectName, fallback: 'podtap' },
  TLS_SECRET: { parse: objectName, fallback: 'podtap-webhook-tls' },
  ...CERTIFICATE_SCHEMA,
  SCOPE: { parse: oneOf(...SCOPES), fallback: 'all' as Scope },
  COVERAGE: { parse: oneOf('on', 'off'), fallback: 'on' as 'on' | 'off' },
  SENSOR_ROLE_BINDING: { parse: objectName, fallback: 'podtap-sensor-reader' },
  LEASE: { parse: objectName, fallback: 'podtap-webhook' },
  DRAIN_SECONDS: { parse: integer(0, 300), fallback: 5 },
  LOG_LEVEL: { parse: oneOf(...LOG_LEVELS), fallback: 'info' as LogLevel },
  KUBECONFIG: optional(text(/^[^\0]+$/, 'a path')),
}

/**
 * Reads the webhook's configuration.
 * @throws AppError ERR_CONFIG naming every bad variable.
 */
export function loadWebhookConfig(env: Environment): WebhookConfig {
  const values = loadConfig(WEBHOOK_SCHEMA, env)
  return {
    installation: { ownNamespace: values.POD_NAMESPACE, sidecar: sidecarSettings(values) },
    nativeSidecar: values.NATIVE_SIDECAR,
    scope: values.SCOPE,
    coverage: values.COVERAGE === 'on',
    own: {
      namespace: values.POD_NAMESPACE,
      service: values.SERVICE_NAME,
      webhookConfiguration: values.WEBHOOK_CONFIGURATION,
      tlsSecret: values.TLS_SECRET,
      sensorRoleBinding: values.SENSOR_ROLE_BINDING,
      lease: values.LEASE,
    },
    certificates: certificateSettings(values),
    podName: values.POD_NAME,
    podUid: values.POD_UID,
    port: values.LISTEN_PORT,
    drainMs: values.DRAIN_SECONDS * 1000,
    logLevel: values.LOG_LEVEL,
    kubeconfig: values.KUBECONFIG,
  }
}
