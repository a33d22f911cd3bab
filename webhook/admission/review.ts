/** The envelope of admission: AdmissionReview of admission.k8s.io/v1, read and answered. */
import { AppError } from '../../lib/errors.ts'
import { isObject, objectAt, textAt, type JsonObject } from './json.ts'
import type { PatchOperation } from './patch.ts'
import {
  findKind,
  nameOf,
  templateOf,
  type Change,
  type Operation,
  type Workload,
} from './workload.ts'

const API_VERSION = 'admission.k8s.io/v1'

/** A request for admission: the fields of AdmissionRequest that podtap reads. */
export interface Review {
  /** To be repeated in the answer. */
  readonly uid: string
  /** CREATE, UPDATE, DELETE or CONNECT. */
  readonly operation: string
  readonly apiVersion: string
  readonly kind: string
  /** `status`, `scale` …; empty for the object itself. */
  readonly subResource: string
  /** Empty for objects of the cluster. */
  readonly namespace: string
  readonly name: string
  /** Nothing will be stored (`kubectl diff`, `--dry-run=server`): no side effects are allowed. */
  readonly dryRun: boolean
  readonly object: unknown
  readonly oldObject: unknown
  /** The field manager that the client named; empty: none. */
  readonly fieldManager: string
}

/** What is answered; everything is optional, and an empty answer admits the object as it is. */
export interface Answer {
  readonly patch?: readonly PatchOperation[]
  /** Lines that kubectl prints to the person who sent the request. */
  readonly warnings?: readonly string[]
  /** Stored in the audit log as `<webhook name>/<key>`. */
  readonly auditAnnotations?: Readonly<Record<string, string>>
}

/**
 * Reads the body of a request.
 * @throws AppError ERR_REVIEW where no answer could be matched to it: the uid, the kind or the
 *   operation is missing, or it is another version of the envelope.
 */
export function parseReview(body: unknown): Review {
  if (!isObject(body)) throw malformed('body', 'a JSON object', body)
  if (body['kind'] !== 'AdmissionReview') throw malformed('kind', 'AdmissionReview', body['kind'])
  if (body['apiVersion'] !== API_VERSION) {
    throw malformed('apiVersion', API_VERSION, body['apiVersion'])
  }
  const request = body['request']
  if (!isObject(request)) throw malformed('request', 'an object', request)
  return readRequest(request)
}

/** The workload that `review` is about, or undefined: not a change of a workload's template. */
export function workloadOf(review: Review): Workload | undefined {
  const kind = findKind(review.apiVersion, review.kind)
  const operation = kind?.operations.find((known) => known === review.operation)
  if (kind === undefined || operation === undefined || review.subResource !== '') return undefined
  const object = isObject(review.object) ? review.object : {}
  return {
    kind,
    namespace: review.namespace,
    name: review.name || nameOf(object),
    operation,
    object,
    template: templateOf(kind, object),
    oldTemplate: oldTemplateOf(review, operation),
    change: operation === 'UPDATE' ? changeOf(review) : undefined,
  }
}

/** The body that admits the object of the review with this uid. */
export function admitted(uid: string, answer: Answer = {}): JsonObject {
  const { patch = [], warnings = [], auditAnnotations = {} } = answer
  return {
    apiVersion: API_VERSION,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: true,
      // patch and patchType go together or not at all (VerifyAdmissionResponse in kubernetes/apiserver).
      ...(patch.length > 0 && { patchType: 'JSONPatch', patch: encode(patch) }),
      ...(warnings.length > 0 && { warnings }),
      ...(Object.keys(auditAnnotations).length > 0 && { auditAnnotations }),
    },
  }
}

function readRequest(request: JsonObject): Review {
  const gvk = objectAt(request, 'kind')
  const group = textAt(gvk, 'group')
  const version = required(textAt(gvk, 'version'), 'request.kind.version')
  return {
    uid: required(textAt(request, 'uid'), 'request.uid'),
    operation: required(textAt(request, 'operation'), 'request.operation'),
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind: required(textAt(gvk, 'kind'), 'request.kind.kind'),
    subResource: textAt(request, 'subResource'),
    namespace: textAt(request, 'namespace'),
    name: textAt(request, 'name'),
    dryRun: request['dryRun'] === true,
    object: request['object'],
    oldObject: request['oldObject'],
    fieldManager: textAt(request, 'options', 'fieldManager'),
  }
}

function oldTemplateOf(review: Review, operation: Operation): JsonObject | undefined {
  const kind = findKind(review.apiVersion, review.kind)
  return kind && operation === 'UPDATE' ? templateOf(kind, review.oldObject) : undefined
}

function changeOf({ object, oldObject, fieldManager }: Review): Change {
  const uid = textAt(oldObject, 'metadata', 'uid')
  return { uid, fieldManager, isManifest: textAt(object, 'metadata', 'uid') === '' }
}

function required(text: string, name: string): string {
  if (text === '') throw malformed(name, 'a non-empty text', undefined)
  return text
}

function malformed(name: string, expected: string, received: unknown): AppError {
  const shown = received === undefined ? 'nothing' : JSON.stringify(received).slice(0, 60)
  return new AppError('ERR_REVIEW', `${name}: expected ${expected}, received ${shown}`)
}

function encode(patch: readonly PatchOperation[]): string {
  return Buffer.from(JSON.stringify(patch)).toString('base64')
}
