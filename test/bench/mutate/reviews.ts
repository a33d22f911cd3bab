/** Reviews as an API server sends them for `kubectl rollout restart`, of Deployments of several sizes. */
import type { JsonObject } from '../../../webhook/admission/json.ts'

/** The namespace of the reviewed Deployments. */
export const REVIEWED_NAMESPACE = 'namespace-500'

/** A review's body, and the size of the Deployment in it, of which it holds two versions. */
export interface ReviewFixture {
  readonly deploymentBytes: number
  readonly body: string
}

/** The review of restarting a Deployment whose JSON has at least `bytes` bytes. */
export function reviewOfSize(bytes: number): ReviewFixture {
  let variables = 0
  while (sizeOf(deploymentWith(variables)) < bytes) variables += 1
  const oldObject = deploymentWith(variables)
  const object = deploymentWith(variables, {
    'kubectl.kubernetes.io/restartedAt': '2026-11-22T06:00:00Z',
  })
  return { deploymentBytes: sizeOf(oldObject), body: JSON.stringify(reviewOf(object, oldObject)) }
}

/** A Deployment as it is stored: with defaults, last-applied-configuration and managed fields. */
export function deploymentWith(variables: number, annotations: JsonObject = {}): JsonObject {
  const containers = containersWith(variables)
  const spec = {
    replicas: 3,
    selector: { matchLabels: { 'app.kubernetes.io/name': 'checkout' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    template: {
      metadata: { labels: { 'app.kubernetes.io/name': 'checkout' }, annotations },
      spec: {
        containers,
        volumes: [{ name: 'config', configMap: { name: 'checkout', defaultMode: 420 } }],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        serviceAccountName: 'checkout',
        serviceAccount: 'checkout',
        securityContext: {},
        schedulerName: 'default-scheduler',
      },
    },
  }
  return {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: {
      name: 'checkout',
      namespace: REVIEWED_NAMESPACE,
      uid: '8f0b4a4e-4c61-4a43-9d5d-9c2f6d2a7a10',
      resourceVersion: '4711',
      generation: 7,
      creationTimestamp: '2026-11-01T06:00:00Z',
      annotations: {
        'deployment.kubernetes.io/revision': '7',
        'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ containers }),
      },
      managedFields: [managedFieldsOf(containers)],
    },
    spec,
    status: { observedGeneration: 7, replicas: 3, updatedReplicas: 3, readyReplicas: 3 },
  }
}

function reviewOf(object: JsonObject, oldObject: JsonObject): JsonObject {
  const kind = { group: 'apps', version: 'v1', kind: 'Deployment' }
  const resource = { group: 'apps', version: 'v1', resource: 'deployments' }
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: 'checkout',
      namespace: REVIEWED_NAMESPACE,
      operation: 'UPDATE',
      userInfo: { username: 'alice', groups: ['developers', 'system:authenticated'] },
      object,
      oldObject,
      dryRun: false,
      options: {
        kind: 'PatchOptions',
        apiVersion: 'meta.k8s.io/v1',
        fieldManager: 'kubectl-rollout',
      },
    },
  }
}

/** One container for each thirty variables. */
function containersWith(variables: number): readonly ContainerJson[] {
  const count = Math.max(1, Math.ceil(variables / 30))
  return Array.from({ length: count }, (_, index) =>
    containerWith(`checkout-${index}`, Math.ceil((variables - index) / count)),
  )
}

interface ContainerJson {
  readonly name: string
  readonly env: readonly { readonly name: string; readonly value: string }[]
}

function containerWith(name: string, variables: number): ContainerJson & JsonObject {
  const probe = {
    httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  }
  return {
    name,
    image: `registry.example.com/shop/${name}:4.2.1`,
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    env: Array.from({ length: variables }, (_, index) => ({
      name: `CHECKOUT_SETTING_${index}`,
      value: `https://service-${index}.shop.svc.cluster.local:8443/v1`,
    })),
    resources: { limits: { memory: '512Mi' }, requests: { cpu: '250m', memory: '512Mi' } },
    volumeMounts: [{ name: 'config', readOnly: true, mountPath: '/etc/checkout' }],
    livenessProbe: probe,
    readinessProbe: probe,
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
  }
}

/** What the API server keeps of who wrote which field; often a third of an object. */
function managedFieldsOf(containers: readonly ContainerJson[]): JsonObject {
  const owned = containers.map(({ name, env }) => {
    const variables = env.map((variable) => [
      `k:{"name":"${variable.name}"}`,
      { '.': {}, 'f:name': {}, 'f:value': {} },
    ])
    const fields = { '.': {}, 'f:name': {}, 'f:image': {}, 'f:ports': {}, 'f:resources': {} }
    return [
      `k:{"name":"${name}"}`,
      { ...fields, 'f:env': Object.fromEntries(variables) as JsonObject },
    ]
  })
  const spec = { 'f:containers': Object.fromEntries(owned) as JsonObject }
  return {
    manager: 'kubectl-client-side-apply',
    operation: 'Update',
    apiVersion: 'apps/v1',
    time: '2026-11-01T06:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': { 'f:template': { 'f:spec': spec } } },
  }
}

function sizeOf(object: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(object))
}
