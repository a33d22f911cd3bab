/** What the manifests say is what the code expects. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { arrayAt, textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import { WORKLOAD_KINDS } from '../../webhook/admission/workload.ts'
import { loadWebhookConfig, WEBHOOK_SCHEMA } from '../../webhook/config.ts'
import { CONFIGURATIONS_PATH } from '../../webhook/certificates/ca-bundle.ts'

const ROOT = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string
}
const BASE = read('manifests/base/*.yaml')
const EXAMPLES = read('manifests/examples/*.yaml')

test('the base lists every file of its folder', () => {
  const files = globSync('manifests/base/*.yaml', { cwd: ROOT }).map((file) =>
    file.split('/').at(-1)!,
  )
  const listed = arrayAt(find(BASE, 'Kustomization'), 'resources')

  assert.deepEqual([...listed].sort(), files.filter((file) => file !== 'kustomization.yaml').sort())
})

test('the webhook’s environment is accepted, and every variable is one that it reads', () => {
  const entries = arrayAt(webhookContainer(), 'env').map((entry) => [
    textAt(entry, 'name'),
    textAt(entry, 'value') || 'podtap',
  ])
  const env = Object.fromEntries(entries) as Record<string, string>

  const unread = Object.keys(env).filter((name) => !(name in WEBHOOK_SCHEMA))
  const { installation } = loadWebhookConfig(env)

  assert.deepEqual(unread, [])
  assert.deepEqual(installation, loadWebhookConfig({}).installation)
})

test('names and ports are the defaults of the code', () => {
  const { own, port } = loadWebhookConfig({})
  const configuration = find(BASE, 'MutatingWebhookConfiguration')
  const service = find(BASE, 'Service')

  assert.deepEqual(
    {
      namespace: textAt(service, 'metadata', 'namespace'),
      service: textAt(service, 'metadata', 'name'),
      webhookConfiguration: textAt(configuration, 'metadata', 'name'),
      tlsSecret: resourceName('secrets'),
      sensorRoleBinding: resourceName('rolebindings'),
      lease: resourceName('leases'),
    },
    own,
  )
  const ports = arrayAt(webhookContainer(), 'ports')
  assert.deepEqual(ports, [{ name: 'https', containerPort: port }])
  assert.equal(valueAt(arrayAt(service, 'spec', 'ports')[0], 'targetPort'), 'https')
})

suite('the webhook configuration', () => {
  const [webhook] = arrayAt(find(BASE, 'MutatingWebhookConfiguration'), 'webhooks')

  test('never blocks and never waits long', () => {
    assert.deepEqual(
      [valueAt(webhook, 'failurePolicy'), valueAt(webhook, 'timeoutSeconds')],
      ['Ignore', 2],
    )
  })

  test('leaves out what podtap refuses anyway, and what a controller writes', () => {
    const [condition] = arrayAt(webhook, 'matchConditions')
    assert.deepEqual(condition, {
      name: 'not-system',
      expression: "!(request.namespace in ['kube-system', 'podtap'])",
    })
    assert.equal(valueAt(webhook, 'namespaceSelector'), undefined)
    assert.equal(valueAt(webhook, 'clientConfig', 'caBundle'), undefined)
  })

  test('calls for kinds that podtap knows, and for operations that it handles', () => {
    for (const rule of arrayAt(webhook, 'rules')) {
      const groups = arrayAt(rule, 'apiGroups')
      for (const resource of arrayAt(rule, 'resources')) {
        const kind = WORKLOAD_KINDS.find((row) => `${row.kind.toLowerCase()}s` === resource)
        assert.equal(kind?.apiVersion, groups[0] === '' ? 'v1' : `${String(groups[0])}/v1`)
        assert.deepEqual(valueAt(rule, 'operations'), kind.operations)
      }
    }
  })

  test('calls for every kind that podtap knows', () => {
    const resources = arrayAt(webhook, 'rules').flatMap((rule) => arrayAt(rule, 'resources'))

    assert.deepEqual(
      [...resources].sort(),
      WORKLOAD_KINDS.map(({ kind }) => `${kind.toLowerCase()}s`).sort(),
    )
  })
})

test('the webhook may read what it decides by, and write events and its own configuration only', () => {
  const rules = arrayAt(find(BASE, 'ClusterRole'), 'rules')

  assert.deepEqual(rules, [
    { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] },
    {
      apiGroups: [''],
      resources: ['nodes', 'limitranges', 'resourcequotas'],
      verbs: ['list', 'watch'],
    },
    {
      apiGroups: ['apps'],
      resources: ['replicasets', 'controllerrevisions'],
      verbs: ['get', 'list', 'watch'],
    },
    {
      apiGroups: ['apps'],
      resources: ['deployments', 'statefulsets', 'daemonsets'],
      verbs: ['get'],
    },
    { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['get'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['mutatingwebhookconfigurations'],
      resourceNames: ['podtap'],
      verbs: ['get', 'list', 'watch', 'patch'],
    },
  ])
  assert.match(
    CONFIGURATIONS_PATH,
    /\/admissionregistration\.k8s\.io\/v1\/mutatingwebhookconfigurations$/,
  )
})

test('sidecars may read pods of the sensor’s namespace and nothing else', () => {
  const role = BASE.find(
    (object) =>
      object['kind'] === 'Role' && textAt(object, 'metadata', 'name') === 'podtap-sensor-reader',
  )
  const { sensorNamespace } = loadWebhookConfig({}).installation.sidecar

  assert.equal(textAt(role, 'metadata', 'namespace'), sensorNamespace)
  assert.deepEqual(arrayAt(role, 'rules'), [
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
  ])
})

test('the webhook may live under Pod Security "restricted", which its namespace enforces', () => {
  const deployment = find(BASE, 'Deployment')
  const pod = valueAt(deployment, 'spec', 'template', 'spec', 'securityContext')
  const namespace = BASE.find((object) => textAt(object, 'metadata', 'name') === 'podtap')

  assert.equal(
    textAt(namespace, 'metadata', 'labels', 'pod-security.kubernetes.io/enforce'),
    'restricted',
  )
  assert.equal(valueAt(pod, 'runAsNonRoot'), true)
  assert.deepEqual(valueAt(pod, 'seccompProfile'), { type: 'RuntimeDefault' })
  assert.deepEqual(valueAt(webhookContainer(), 'securityContext'), {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
})

test('it is given the time that it takes to end', () => {
  const grace = valueAt(
    find(BASE, 'Deployment'),
    'spec',
    'template',
    'spec',
    'terminationGracePeriodSeconds',
  )
  const closingMs = 15_000

  assert.ok(Number(grace) * 1000 > loadWebhookConfig({}).drainMs + closingMs)
})

test('all images are of this version of podtap', () => {
  const texts = globSync('manifests/**/*.yaml', { cwd: ROOT }).map((file) => readText(file))
  const images = texts.flatMap(
    (text) => text.match(/podtap\/(?:webhook|sidecar|sensor|example):\S+/g) ?? [],
  )

  assert.ok(images.length >= 5)
  assert.deepEqual(
    images.filter((image) => !image.endsWith(`:${version}`)),
    [],
  )
})

test('the example sensor is found by the default settings', () => {
  const { sensor, sensorLabel, sensorNamespace, sensorPort } = loadWebhookConfig({}).installation
    .sidecar
  const example = EXAMPLES.find((object) => textAt(object, 'metadata', 'name') === 'sensor')
  const template = valueAt(example, 'spec', 'template')

  assert.equal(textAt(example, 'metadata', 'namespace'), sensorNamespace)
  assert.equal(textAt(template, 'metadata', 'labels', sensorLabel), sensor)
  assert.ok(JSON.stringify(template).includes(`udp port ${sensorPort}`))
})

function read(pattern: string): readonly JsonObject[] {
  const files = globSync(pattern, { cwd: ROOT }).sort()
  return files.flatMap((file) => parseAllDocuments(readText(file)).map(toObject))
}

function toObject(document: {
  readonly errors: readonly Error[]
  toJS: () => unknown
}): JsonObject {
  assert.deepEqual(document.errors, [])
  return document.toJS() as JsonObject
}

function readText(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function find(objects: readonly JsonObject[], kind: string): JsonObject {
  const found = objects.find((object) => object['kind'] === kind)
  assert.ok(found, kind)
  return found
}

function webhookContainer(): unknown {
  return arrayAt(find(BASE, 'Deployment'), 'spec', 'template', 'spec', 'containers')[0]
}

/** The one name to which the roles hold the webhook for a resource. */
function resourceName(resource: string): unknown {
  const rules = BASE.flatMap((object) => arrayAt(object, 'rules'))
  const named = rules.filter((rule) => arrayAt(rule, 'resources').includes(resource))
  return named.flatMap((rule) => arrayAt(rule, 'resourceNames'))[0]
}
