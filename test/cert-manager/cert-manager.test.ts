/** cert-manager itself keeps the webhook's certificate in a real cluster: taking over, renewing. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { closeNamespaces, openNamespace } from '../helpers/cluster-laws.ts'
import {
  apply,
  applyExample,
  get,
  installPodtap,
  kubectl,
  rollout,
  until,
} from '../helpers/cluster.ts'
import { losesNothing } from '../helpers/loses-nothing.ts'
import {
  isInjected,
  putTrusted,
  readiness,
  readSecret,
  readTrusted,
  served,
} from '../helpers/webhook-certificate.ts'

const NS = 'podtap-cert-manager'
const ROOT = join(import.meta.dirname, '../..')
const WEBHOOK = 'deployment/podtap-webhook'
const READY = { ready: true, missing: [] }

suite('cert-manager', { timeout: 400_000 }, () => {
  const programs: ChildProcess[] = []

  before(async () => {
    await installPodtap()
    await openNamespace(NS)
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, 'TRUST_DELAY=2s')
    await rollout('podtap', 'podtap-webhook')
    await apply(definitions())
    programs.push(start('controller', '--metrics-listen-address=127.0.0.1:0'), start('cainjector'))
  })
  after(async () => {
    const example = join(ROOT, 'manifests/examples/cert-manager.yaml')
    await kubectl('delete', '-f', example, '--ignore-not-found')
    for (const program of programs) {
      program.kill()
      if (program.exitCode === null) await once(program, 'exit')
    }
    const key = 'cert-manager.io/inject-ca-from'
    await kubectl('annotate', 'mutatingwebhookconfiguration', 'podtap', `${key}-`)
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, 'CERTIFICATE-', 'TRUST_DELAY-')
    await rollout('podtap', 'podtap-webhook')
    const secrets = ['podtap-webhook-tls', 'podtap-ca']
    await kubectl('-n', 'podtap', 'delete', 'secret', ...secrets, '--ignore-not-found')
    await kubectl('delete', 'crd', '-l', 'podtap.dev/test=cert-manager')
    await closeNamespaces(NS)
  })

  test('takes over from podtap without a lost review', async (t) => {
    const old = (await readSecret())?.['tls.crt']

    await losesNothing(t, NS, async () => {
      await applyExample('cert-manager')
      await served(await another(old))
    })

    assert.match((await issuerOf('podtap-webhook'))!, /^podtap-ca$/)
  })

  test('with CERTIFICATE=secret writes the caBundle, and the webhook is ready', async () => {
    const annotation = 'cert-manager.io/inject-ca-from=podtap/podtap-webhook'
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, 'CERTIFICATE=secret')
    await kubectl('annotate', 'mutatingwebhookconfiguration', 'podtap', annotation, '--overwrite')
    await rollout('podtap', 'podtap-webhook')
    const authority = (await readSecret())?.['ca.crt']

    await putTrusted('garbage')
    await until('the authority', async () => (await readTrusted()) === authority)

    await until('ready replicas', async () => {
      return JSON.stringify(await readiness()) === JSON.stringify([READY, READY])
    })
    await until('an injected Deployment', () => isInjected(NS))
  })

  test('renews a certificate, as `cmctl renew` asks for it, without a lost review', async (t) => {
    const old = (await readSecret())?.['tls.crt']

    await losesNothing(t, NS, async () => {
      await renew('podtap-webhook')
      await served(await another(old))
    })
  })

  test('makes a Secret again that was deleted, without a lost review', async (t) => {
    const old = (await readSecret())?.['tls.crt']

    await losesNothing(t, NS, async () => {
      await kubectl('-n', 'podtap', 'delete', 'secret', 'podtap-webhook-tls')
      await served(await another(old))
    })

    assert.equal((await readSecret())?.['ca.key'], undefined)
  })

  test('that gets another authority is followed: what is deployed then is injected', async (t) => {
    const old = (await readSecret())?.['ca.crt']
    const began = Date.now()
    await kubectl('-n', 'podtap', 'delete', 'secret', 'podtap-ca')
    await until('another authority', async () => {
      const [made] = await pems('podtap-ca', 'tls.crt')
      return made !== undefined && made !== old
    })
    await renew('podtap-webhook')
    await until('its certificate', async () => {
      const authority = (await readSecret())?.['ca.crt']
      return authority !== old && (await readTrusted()) === authority
    })

    await served((await readSecret())!['tls.crt']!)
    await until('an injected Deployment', () => isInjected(NS))
    t.diagnostic(`${((Date.now() - began) / 1000).toFixed(1)} s`)
  })
})

/** Its custom resources as the module brings them, without the labels that Helm would fill in. */
function definitions(): string {
  const module = 'github.com/cert-manager/cert-manager'
  const directory = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', module], {
    cwd: join(ROOT, 'scripts/cert-manager'),
    encoding: 'utf8',
  }).trim()
  const kinds = ['certificaterequests', 'certificates', 'issuers', 'clusterissuers']
  return [...kinds, 'orders', 'challenges']
    .map((kind) => readFileSync(join(directory, `deploy/crds/crd-${kind}.yaml`), 'utf8'))
    .map((text) => text.replace(/^.*\{\{.*\n/gm, '').replace(/^ {2}labels:\n/m, LABELS))
    .join('---\n')
}

const LABELS = '  labels:\n    podtap.dev/test: cert-manager\n'

/** Runs one of its programs beside the cluster, with the rights of whoever runs the test. */
function start(program: string, ...options: string[]): ChildProcess {
  const log = openSync(join(ROOT, 'build', `cert-manager-${program}.log`), 'w')
  const args = [`--kubeconfig=${process.env['KUBECONFIG'] ?? ''}`, '--leader-elect=false']
  return spawn(program, [...args, ...options], { stdio: ['ignore', log, log] })
}

/** Waits until the Secret holds another certificate than `old`, and returns it. */
async function another(old: string | undefined): Promise<string> {
  return until('another certificate', async () => {
    const now = (await readSecret())?.['tls.crt']
    return now !== undefined && now !== old && now
  })
}

/** Values of a Secret of podtap's namespace, PEM; none: there is no Secret. */
async function pems(secret: string, key: string): Promise<readonly string[]> {
  const path = `jsonpath={.data.${key.replace('.', '\\.')}}`
  const found = await kubectl(
    ...['-n', 'podtap', 'get', 'secret', secret, '--ignore-not-found', '-o', path],
  )
  return found === '' ? [] : [Buffer.from(found, 'base64').toString()]
}

async function issuerOf(certificate: string): Promise<string | undefined> {
  const found = await get<{ spec: { issuerRef: { name: string } } }>(
    ...['-n', 'podtap', 'certificate', certificate],
  )
  return found.spec.issuerRef.name
}

/** Sets the condition that `cmctl renew` sets. */
async function renew(certificate: string): Promise<void> {
  const { status } = await get<{ status: { conditions: readonly { type: string }[] } }>(
    ...['-n', 'podtap', 'certificate', certificate],
  )
  const issuing = {
    type: 'Issuing',
    status: 'True',
    reason: 'ManuallyTriggered',
    message: 'renewed by a test',
    lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  }
  const others = status.conditions.filter(({ type }) => type !== 'Issuing')
  const patch = JSON.stringify({ status: { conditions: [...others, issuing] } })
  const options = ['--subresource=status', '--type=merge', '-p', patch]
  await kubectl('-n', 'podtap', 'patch', 'certificate', certificate, ...options)
}
