/**
 * Somebody else's mutating webhook, at work on this host: it puts a container `proxy` into every template
 * and sorts all containers, so that nothing stays where others put it.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { generate } from 'selfsigned'
import { valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import { kubectl } from './cluster.ts'
import { submit } from './cluster-laws.ts'

const ADDRESS = '127.0.0.1'

/** A webhook that the API server calls. */
export interface OtherWebhook {
  /** How often it was called. */
  readonly calls: number
  stop(): Promise<void>
}

/**
 * Starts it for the Deployments of `namespace`. The API server calls webhooks in the order of the names of
 * their configurations. It must run on this host.
 */
export async function startOtherWebhook(name: string, namespace: string): Promise<OtherWebhook> {
  const altNames = [{ type: 7 as const, ip: ADDRESS }]
  const certificate = await generate([{ name: 'commonName', value: 'other' }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  let calls = 0
  const server = createServer({ key: certificate.private, cert: certificate.cert })
  server.on('request', (request, response) => {
    calls += 1
    void json(request).then((review) => response.end(JSON.stringify(answerTo(review))))
  })
  server.listen(0, ADDRESS)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `https://${ADDRESS}:${port}/`
  const caBundle = Buffer.from(certificate.cert).toString('base64')
  await submit(configuration(name, namespace, { url, caBundle }), 'apply', '-f', '-')
  return {
    get calls() {
      return calls
    },
    stop: () => stop(name, server),
  }
}

async function stop(name: string, server: Server): Promise<void> {
  await kubectl('delete', 'mutatingwebhookconfiguration', name)
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

function configuration(name: string, namespace: string, clientConfig: JsonObject): JsonObject {
  const values = [namespace]
  const key = 'kubernetes.io/metadata.name'
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'other.example.com',
        admissionReviewVersions: ['v1'],
        clientConfig,
        sideEffects: 'None',
        failurePolicy: 'Fail',
        reinvocationPolicy: 'IfNeeded',
        rules: [
          {
            apiGroups: ['apps'],
            apiVersions: ['v1'],
            resources: ['deployments'],
            operations: ['CREATE', 'UPDATE'],
          },
        ],
        namespaceSelector: { matchExpressions: [{ key, operator: 'In', values }] },
      },
    ],
  }
}

function answerTo(review: unknown): JsonObject {
  const value = sorted(valueAt(review, 'request', 'object', 'spec', 'template', 'spec'))
  const path = '/spec/template/spec/containers'
  const patch = Buffer.from(JSON.stringify([{ op: 'replace', path, value }])).toString('base64')
  const uid = valueAt(review, 'request', 'uid')
  const response = { uid, allowed: true, patchType: 'JSONPatch', patch }
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }
}

/** From Z to A, so that podtap stands before what was there first. */
function sorted(spec: unknown): readonly Container[] {
  const containers = valueAt(spec, 'containers') as readonly Container[]
  const proxy = { name: 'proxy', image: 'podtap/example:0.1.0' }
  const all = containers.some(({ name }) => name === 'proxy') ? containers : [...containers, proxy]
  return all.toSorted((a, b) => (a.name < b.name ? 1 : -1))
}

interface Container {
  readonly name: string
}
