/**
 * Every code with which podtap reports a failure, and what it means. Codes are stable: scripts and
 * alerts may match on them, so add codes and never rename one.
 */
export const ERROR_CODES = {
  ERR_CONFIG: 'a setting is missing, unknown or malformed',
  ERR_FILTER: 'a pcap-filter expression does not compile',
  ERR_INTERFACE: 'the interface to sniff is missing or down',
  ERR_CAPTURE: 'capturing failed: no right to (CAP_NET_RAW) or the engine ended',
  ERR_NATIVE_LIBRARY: 'a system library that the engine needs cannot be loaded',
  ERR_PORTS: 'no free range of UDP source ports for mirrored frames',
  ERR_KUBE_AUTH: 'no usable credentials for the Kubernetes API',
  ERR_KUBE_REQUEST: 'the Kubernetes API answered with an error or not at all',
  ERR_KUBE_VERSION: 'the Kubernetes API server is too old',
  ERR_SENSOR: 'the sensor cannot be found under the name that SENSOR gives',
  ERR_REVIEW: 'a request body is not an AdmissionReview of admission.k8s.io/v1',
  ERR_CERTIFICATE: 'a certificate or key is broken, expired or does not match',
  ERR_CAPTURE_FILE: 'a capture file is not what can be read',
  ERR_CHECK: 'podtap check found something that keeps pods from being mirrored',
  ERR_COVERAGE: 'pods are not mirrored as they should be',
  ERR_MANIFEST: 'a manifest cannot be read',
  ERR_POD: 'a pod is missing, or not in a state to do what is asked of it',
} as const

/** One of the codes in ERROR_CODES. */
export type ErrorCode = keyof typeof ERROR_CODES

/**
 * An expected failure. `message` names what was wrong, what was expected, what was received and,
 * where there is one, the remedy; `code` is stable (see ERROR_CODES); `cause` is the original error.
 */
export class AppError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
  }
}

/** The message of anything that was thrown, for logs and warnings; never empty. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name
  return String(thrown)
}

/** The errno-style code (`ENETDOWN`, `ECONNRESET` …) of a thrown value, or undefined. */
export function errnoCodeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}
