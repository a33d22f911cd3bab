import { AppError, errnoCodeOf, messageOf } from '../errors.ts'

/** What the API said about a failure, beyond its message. */
export interface KubeFailure {
  /** HTTP status, or the code of a Status object inside a watch; undefined: there was no answer. */
  readonly status?: number | undefined
  /** How long the server asks to wait (Retry-After), in milliseconds. */
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/**
 * A request to the Kubernetes API that failed. Its code is ERR_KUBE_AUTH for 401 and ERR_KUBE_REQUEST
 * otherwise; the message names verb, path and what the API said, and never a credential.
 */
export class KubeError extends AppError {
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined

  constructor(message: string, failure: KubeFailure = {}) {
    const code = failure.status === 401 ? 'ERR_KUBE_AUTH' : 'ERR_KUBE_REQUEST'
    super(code, message, { cause: failure.cause })
    this.name = 'KubeError'
    this.status = failure.status
    this.retryAfterMs = failure.retryAfterMs
  }
}

/** The parts of a meta/v1 Status that we read; any of them can be missing. */
export interface KubeStatus {
  readonly code?: number
  readonly message?: string
  readonly details?: { readonly retryAfterSeconds?: number }
}

/** The error for an answer other than 2xx. `subject` is verb and path; `body` the answer as received. */
export function answerError(subject: string, answer: KubeAnswer): KubeError {
  const said = parseStatus(answer.body)?.message ?? answer.body.slice(0, 200).trim()
  const retryAfterMs = parseRetryAfter(answer.retryAfter)
  const message = `${subject}: the Kubernetes API answered ${answer.status}: ${said || 'no message'}`
  return new KubeError(message, { status: answer.status, retryAfterMs })
}

/** An HTTP answer that is not a success. */
export interface KubeAnswer {
  readonly status: number
  readonly body: string
  /** The Retry-After header. */
  readonly retryAfter?: string | undefined
}

/** The error for a request that got no complete answer: refused, reset, timed out, not trusted. */
export function noAnswerError(subject: string, server: string, thrown: unknown): KubeError {
  const message = `${subject}: no answer from the Kubernetes API at ${server}: ${messageOf(thrown)}`
  return new KubeError(message, { cause: thrown })
}

/** The error for an ERROR event inside a watch, whose object is a Status. */
export function statusError(subject: string, status: KubeStatus): KubeError {
  const seconds = status.details?.retryAfterSeconds
  const said = `${status.code ?? 'an error'}: ${status.message ?? 'no message'}`
  return new KubeError(`${subject}: the watch ended with ${said}`, {
    status: status.code ?? 500,
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
  })
}

/**
 * Whether nothing listened at the server's address: its host, or the network, said so by itself, and
 * no server had any work with the request.
 */
export function isUnheard(error: Error): boolean {
  const { cause } = error
  // Node tries all addresses of a name, and has an error for each.
  const causes: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause]
  return causes.every((each) => UNHEARD_CODES.has(errnoCodeOf(each) ?? ''))
}

const UNHEARD_CODES: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'])

function parseStatus(body: string): KubeStatus | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    // Proxies and load balancers in front of the API answer with text or HTML: that is shown instead.
    return undefined
  }
}

/** The API server sends seconds; the date form of RFC 9110 §10.2.3 is not used there. */
function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d+$/.test(header) ? Number(header) * 1000 : undefined
}
