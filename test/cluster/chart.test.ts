/** The Helm chart in a real cluster: install, the story, upgrade, uninstall. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import {
  applyExample,
  containerNames,
  decodedBy,
  enableAndRestart,
  fetchFromShop,
  get,
  kubectl,
  kubectlAnyStatus,
  podOf,
  removeShop,
  rollout,
  sidecarStatus,
  SHOP,
  until,
  withInput,
  type Pod,
} from '../helpers/cluster.ts'
import { runTool } from '../helpers/run-tool.ts'

const ROOT = join(import.meta.dirname, '../..')
const CHART = join(ROOT, 'manifests/chart')
const SELECTOR = ['-l', 'app.kubernetes.io/part-of=podtap', '-o', 'name', '--ignore-not-found']
const OWN_KINDS =
  'deployments,services,serviceaccounts,roles,rolebindings,poddisruptionbudgets,networkpolicies'
const CLUSTER_KINDS = 'clusterroles,clusterrolebindings,mutatingwebhookconfigurations'

interface Configuration {
  readonly webhooks: readonly {
    readonly clientConfig: { readonly caBundle?: string }
    readonly namespaceSelector: { readonly matchExpressions?: readonly object[] }
  }[]
}

suite('podtap installed by helm', { timeout: 600_000 }, () => {
  before(async () => {
    await removePodtap()
    await removeShop()
    await kubectl('create', 'namespace', 'podtap')
    await kubectl('label', 'namespace', 'podtap', 'pod-security.kubernetes.io/enforce=restricted')
  })
  after(async () => {
    await removeShop()
    await removePodtap()
    // As other tests expect it.
    await kubectl('apply', '-k', join(ROOT, 'manifests'))
    await rollout('podtap', 'podtap-webhook')
  })

  test('it becomes ready, in a namespace that enforces Pod Security "restricted"', async () => {
    helm('install', 'podtap', CHART, '--wait', '--timeout=120s')

    const { status } = await get<{ status: { readyReplicas: number; replicas: number } }>(
      ...['-n', 'podtap', 'deployment', 'podtap-webhook'],
    )
    assert.ok(status.replicas >= 1)
    assert.equal(status.readyReplicas, status.replicas)
    assert.match((await configuration()).webhooks[0]?.clientConfig.caBundle ?? '', /^LS0tLS1/)
  })

  test('an annotated namespace is mirrored from its next rollout on', async () => {
    await kubectl('create', 'namespace', SHOP)
    for (const example of ['sensor', 'application', 'opted-out']) await applyExample(example)
    await rollout('podtap-sensor', 'sensor')
    await rollout(SHOP, 'web')
    await rollout(SHOP, 'batch')

    await enableAndRestart()

    await sensorSees('/by-helm', 1)
  })

  test('an upgrade keeps what the webhook wrote, and touches no pod of others', async () => {
    const [before, web, subjects] = [
      await configuration(),
      await podOf(SHOP, 'web'),
      await granted(),
    ]

    await upgrade('--set', 'sidecar.vni=42,webhook.logLevel=debug')

    const now = await configuration()
    assert.equal(now.webhooks[0]?.clientConfig.caBundle, before.webhooks[0]?.clientConfig.caBundle)
    assert.deepEqual(await granted(), subjects)
    assert.equal((await podOf(SHOP, 'web')).metadata.uid, web.metadata.uid)
  })

  test('its settings reach sidecars at the next rollout', async () => {
    await enableAndRestart()

    await sensorSees('/upgraded', 42)
  })

  test('a namespaceSelector that the webhook writes survives upgrades', async () => {
    await upgrade('--set', 'webhook.scope=enabled')
    await until('the selector', async () => (await selector()).includes(SHOP))

    await upgrade('--set', 'webhook.scope=enabled,webhook.logLevel=info')

    assert.ok((await selector()).includes(SHOP))
    await upgrade()
    await until('the selector to be given up', async () => !(await selector()).includes(SHOP))
  })

  test('a value of the wrong type changes nothing', async () => {
    const before = await revision()

    const { status, stderr } = runTool('helm', [
      ...['upgrade', 'podtap', CHART, '-n', 'podtap', '--set', 'webhook.replicas=two'],
    ])

    assert.notEqual(status, 0)
    assert.match(stderr, /at '\/webhook\/replicas': got string, want integer/)
    assert.equal(await revision(), before)
  })

  test('uninstalling takes the webhook configuration away first', () => {
    const { stdout, stderr } = helm('uninstall', 'podtap', '--wait', '--timeout=120s', '--debug')

    const kinds = [...(stdout + stderr).matchAll(/starting delete resource.* kind=(\w+)/g)]
    assert.equal(kinds[0]?.[1], 'MutatingWebhookConfiguration', stdout + stderr)
    assert.ok(kinds.some(([, kind]) => kind === 'Deployment'))
  })

  test('it leaves nothing of podtap’s but the sensor’s namespace', async () => {
    const own = await kubectl('-n', 'podtap', 'get', OWN_KINDS, ...SELECTOR)
    const sensors = await kubectl('-n', 'podtap-sensor', 'get', OWN_KINDS, ...SELECTOR)
    const wide = await kubectl('get', CLUSTER_KINDS, ...SELECTOR)

    assert.deepEqual([own, sensors, wide], ['', '', ''])
    assert.equal((await podOf('podtap-sensor', 'sensor')).spec.containers.length, 1)
  })

  test('sidecars that run go on mirroring', async () => {
    const web = await podOf(SHOP, 'web')

    await sensorSees('/after-uninstall', 42)

    assert.equal(sidecarStatus(web)?.restartCount, 0)
    assert.equal((await podOf(SHOP, 'web')).metadata.uid, web.metadata.uid)
  })

  test('podtap uninject takes the sidecar out of what is stored', async () => {
    const stored = await kubectl('-n', SHOP, 'get', 'deployment', 'web', '-o', 'yaml')
    const command = [join(ROOT, 'cli/main.ts'), 'uninject', '-f', '-']
    const { status, stdout, stderr } = runTool(process.execPath, command, { input: stored })
    assert.equal(status, 0, stderr)

    await withInput(stdout, 'replace', '-f', '-')
    await rollout(SHOP, 'web')

    assert.deepEqual(containerNames(await podOf(SHOP, 'web')), ['web'])
  })
})

/** Both ways to install it; what kustomize made is not Helm's to take over. */
async function removePodtap(): Promise<void> {
  runTool('helm', ['uninstall', 'podtap', '-n', 'podtap', '--ignore-not-found', '--wait'])
  await kubectl('delete', 'mutatingwebhookconfiguration', 'podtap', '--ignore-not-found')
  await kubectlAnyStatus('delete', '-k', join(ROOT, 'manifests'), '--ignore-not-found')
  const names = ['podtap', 'podtap-sensor']
  await kubectl('delete', 'namespace', ...names, '--ignore-not-found', '--wait')
}

function helm(...args: string[]): ReturnType<typeof runTool> {
  const end = runTool('helm', [...args, '--namespace', 'podtap'], { timeoutMs: 180_000 })
  assert.equal(end.status, 0, end.stdout + end.stderr)
  return end
}

/** Waits for the old replicas to be gone too: while they drain, they answer by the old settings. */
async function upgrade(...options: string[]): Promise<void> {
  helm('upgrade', 'podtap', CHART, '--reset-values', '--wait', '--timeout=120s', ...options)
  await rollout('podtap', 'podtap-webhook')
}

async function configuration(): Promise<Configuration> {
  return get('mutatingwebhookconfiguration', 'podtap')
}

async function selector(): Promise<string> {
  return JSON.stringify((await configuration()).webhooks[0]?.namespaceSelector)
}

/** Who may look for sensors. */
async function granted(): Promise<unknown> {
  const binding = await get<{ subjects?: unknown }>(
    ...['-n', 'podtap-sensor', 'rolebinding', 'podtap-sensor-reader'],
  )
  return binding.subjects
}

async function revision(): Promise<unknown> {
  const { stdout } = helm('status', 'podtap', '-o', 'json')
  return Promise.resolve((JSON.parse(stdout) as { version: unknown }).version)
}

/** Fetches `path` until the sensor shows that request, in frames with this VNI. */
async function sensorSees(path: string, vni: number): Promise<void> {
  const sensor: Pod = await podOf('podtap-sensor', 'sensor')
  await until(`${path} at the sensor`, async () => {
    await fetchFromShop(path)
    const frames = await decodedBy(sensor.metadata.name)
    return frames.some((frame) => frame.vni === vni && frame.line.includes(`GET ${path}`))
  })
}
