import assert from 'node:assert/strict'
import test from 'node:test'
import { parseAllDocuments } from 'yaml'
import { textAt, type JsonObject } from '../../../../webhook/admission/json.ts'
import { podtap } from '../../../helpers/cli.ts'

async function installed(...args: readonly string[]): Promise<readonly JsonObject[]> {
  const { code, stdout, stderr } = await podtap(['install', ...args])
  assert.equal(code, 0, stderr)
  return parseAllDocuments(stdout).map((document) => document.toJS() as JsonObject)
}

interface WebhookDeployment extends JsonObject {
  readonly spec: {
    readonly replicas: number
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly image: string
          readonly env: readonly { readonly name: string; readonly value?: string }[]
        }[]
      }
    }
  }
}

function webhookOf(objects: readonly JsonObject[]) {
  const found = objects.find(({ kind }) => kind === 'Deployment') as WebhookDeployment
  const { image, env } = found.spec.template.spec.containers[0]!
  const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]))
  return { replicas: found.spec.replicas, image, variables }
}

test('without options the manifests are those of the base', async () => {
  const objects = await installed()

  const { image, variables } = webhookOf(objects)
  assert.equal(image, 'podtap/webhook:0.1.0')
  assert.equal(variables['SIDECAR_IMAGE'], 'podtap/sidecar:0.1.0')
  for (const object of objects)
    assert.equal(textAt(object, 'metadata', 'labels', 'app.kubernetes.io/part-of'), 'podtap')
})

test('images, replicas and settings can be chosen', async () => {
  const images = ['--registry', 'registry.example.org:5000/taps', '--tag', 'v2', '--replicas', '3']
  const settings = ['--sensor', 'zeek', '--scope', 'enabled', '--set', 'VNI=0x2a']

  const { replicas, image, variables } = webhookOf(await installed(...images, ...settings))

  assert.equal(replicas, 3)
  assert.equal(image, 'registry.example.org:5000/taps/webhook:v2')
  assert.equal(variables['SIDECAR_IMAGE'], 'registry.example.org:5000/taps/sidecar:v2')
  assert.equal(variables['SENSOR'], 'zeek')
  assert.equal(variables['SCOPE'], 'enabled')
  assert.equal(variables['VNI'], '0x2a')
})

test('another namespace for sensors takes its rights along', async () => {
  const objects = await installed('--sensor-namespace', 'security')

  assert.equal(JSON.stringify(objects).includes('"podtap-sensor"'), false)
  const there = objects.filter((object) => textAt(object, 'metadata', 'namespace') === 'security')
  assert.deepEqual(
    there.map((object) => `${textAt(object, 'kind')} ${textAt(object, 'metadata', 'name')}`),
    [
      'Role podtap-sensor-reader',
      'RoleBinding podtap-sensor-reader',
      'Role podtap-webhook',
      'RoleBinding podtap-webhook',
    ],
  )
})

test('ignore rules are printed instead of manifests', async () => {
  const { stdout } = await podtap(['install', '--ignore-rules', 'argocd'])

  assert.match(stdout, /ignoreDifferences:/)
  assert.doesNotMatch(stdout, /kind: Deployment/)
})

test('bad values are named, and nothing is printed', async () => {
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await podtap(['install', ...args])
    assert.equal(code, 2)
    assert.equal(stdout, '')
    return stderr
  }

  assert.match(await refused('--set', 'VNY=7'), /^podtap: --set VNY: expected one of .*VNI/)
  assert.match(await refused('--set', 'VNI=x'), /VNI: expected an integer .*, received "x"/)
  assert.match(
    await refused('--sensor-namespace', 'No'),
    /SENSOR_NAMESPACE: expected a namespace name, received "No"/,
  )
  assert.match(await refused('--registry', 'https://x'), /--registry: expected a prefix such as/)
  assert.match(await refused('--replicas', '0'), /expected 1…99/)
  assert.match(await refused('--ignore-rules', 'jenkins'), /Allowed choices are argocd, flux/)
})
