/** check, status, top, version and install against a real cluster, in states made on purpose. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Finding, Section } from '../../cli/check/finding.ts'
import type { PodStatus, StatusReport } from '../../cli/status/status-report.ts'
import type { PodRates } from '../../cli/top/rates.ts'
import { issueAuthority, issueCertificate } from '../../webhook/certificates/issue.ts'
import { podtap, type CliEnd } from '../helpers/cli.ts'
import { closeNamespaces, openNamespace } from '../helpers/cluster-laws.ts'
import {
  apply,
  enableAndRestart,
  installAll,
  kubectl,
  removeShop,
  rollout,
  SHOP,
  steadyRequests,
  until,
} from '../helpers/cluster.ts'
import { kubeconfigFile } from '../helpers/kubeconfig-file.ts'
import { OWN } from '../helpers/own-objects.ts'

const SECRET = 'podtap-webhook-tls'

suite('the command line in a cluster', { timeout: 300_000 }, () => {
  before(async () => {
    await installAll()
    await enableAndRestart()
  })
  after(async () => {
    await closeNamespaces('podtap-test-locked')
    await removeShop()
  })

  test('check finds nothing wrong in an installation where nothing is', async () => {
    const { findings, end } = await check()

    assert.equal(end.code, 0, end.stdout)
    const facts = findings.map(({ fact }) => fact)
    assert.ok(facts.includes('the webhook configuration podtap is as it should be'))
    assert.ok(facts.includes('a new workload in shop gets the sidecar (seen in a dry run)'))
    assert.ok(facts.includes('shop: 1 pod mirrored, 1 left out for a reason (podtap status)'))
  })

  test('status shows what is mirrored and where it goes, and what is opted out', async () => {
    const { web, batch } = await shopStatus()

    assert.equal(web?.state, 'mirrored')
    assert.match(web.mirror?.sensors[0] ?? '', /^podtap-sensor\/sensor-/)
    assert.equal(batch?.state, 'refused')
    assert.equal(batch.reason, 'opted-out')
  })

  test('top shows the rates of now', async () => {
    const traffic = await steadyRequests('/top')
    try {
      const rates = await until('frames of web', async () => {
        const { stdout } = await run('top', '-n', SHOP, '--interval', '1', '-o', 'json')
        const [web] = JSON.parse(stdout) as readonly PodRates[]
        return (web?.framesPerSecond ?? 0) > 0 && web
      })

      assert.match(rates.pod, /^web-/)
      assert.ok(rates.bitsPerSecond > 0)
    } finally {
      traffic.stop()
    }
  })

  test('version shows the images of webhook and sidecar', async () => {
    const { stdout } = await run('version')

    assert.match(
      stdout,
      /^webhook +podtap\/webhook:[\d.]+\nsidecar +podtap\/sidecar:[\d.]+\nkubernetes +v1\./m,
    )
  })

  test('what install prints is what kustomize makes', async () => {
    const { stdout } = await run('install')

    assert.match(await kubectl('diff', '-k', 'manifests'), /^$/)
    await apply(stdout)
    assert.match(await kubectl('diff', '-k', 'manifests'), /^$/)
  })

  test('a namespace that enforces a Pod Security level is named with the fix', async () => {
    await openNamespace('podtap-test-locked', {
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
    })

    const { findings, end } = await check('-n', 'podtap-test-locked')

    assert.equal(end.code, 1)
    const found = findings.find(({ fact }) => fact.includes('enforces Pod Security "restricted"'))
    assert.equal(
      found?.fix,
      'kubectl label --overwrite namespace podtap-test-locked pod-security.kubernetes.io/enforce=privileged',
    )
    await closeNamespaces('podtap-test-locked')
  })

  test('a certificate that is expired is found, whoever put it there', async () => {
    const past = new Date(Date.now() - 4000 * 86_400_000)
    const validity = { now: past, lifeMs: 3650 * 86_400_000 }
    const { cert, key } = await issueCertificate(
      await issueAuthority('0b', validity),
      OWN,
      validity,
    )
    const encode = (text: string): string => Buffer.from(text).toString('base64')
    const labels = { 'app.kubernetes.io/managed-by': null }
    const data = { 'tls.crt': encode(cert), 'tls.key': encode(key) }
    await kubectl(
      '-n',
      'podtap',
      'patch',
      'secret',
      SECRET,
      '-p',
      JSON.stringify({ metadata: { labels }, data }),
    )
    try {
      const { findings, end } = await check()

      assert.equal(end.code, 1)
      const found = findings.find(({ fact }) => fact.includes('does not trust the certificate'))
      assert.match(found?.fact ?? '', /expired on/)
    } finally {
      await kubectl('-n', 'podtap', 'delete', 'secret', SECRET)
      await kubectl('-n', 'podtap', 'rollout', 'restart', 'deployment/podtap-webhook')
      await rollout('podtap', 'podtap-webhook')
    }
  })

  test('two sensors, and none: frames are lost, and everybody says so', async () => {
    await scaleSensors(2)
    const both = await until('two sensors', async () => {
      const { findings } = await check()
      return findings.find(({ fact }) => fact.startsWith('2 of 2 sensor pods'))
    })
    assert.equal(both.level, 'ok')

    await scaleSensors(0)
    const traffic = await steadyRequests('/lost')
    try {
      const web = await until('frames without a sensor', async () => {
        const { web: pod } = await shopStatus()
        return (pod?.mirror?.framesDropped['no-sensor'] ?? 0) > 0 && pod
      })
      const { findings, end } = await check()
      const { stdout } = await run('status', '-n', SHOP)

      assert.deepEqual(web.mirror?.sensors, [])
      assert.equal(end.code, 1)
      assert.ok(
        findings.some(({ fact }) => fact.startsWith('there is no sensor: no pod run=sensor')),
      )
      assert.ok(
        findings.some(({ fact }) => fact.startsWith('the sidecar has no sensor in shop/web-')),
      )
      assert.match(stdout, /lost: .*no-sensor \d.*; no sensor/)
    } finally {
      traffic.stop()
      await scaleSensors(1)
    }
  })

  test('a webhook that is down is found, and so is what was made meanwhile', async () => {
    await kubectl('-n', 'podtap', 'scale', 'deployment/podtap-webhook', '--replicas=0')
    await kubectl('-n', 'podtap', 'wait', '--for=delete', 'pod', '--all', '--timeout=60s')
    const down = await check()
    await kubectl(
      '-n',
      SHOP,
      'create',
      'deployment',
      'late',
      '--image=podtap/example:0.1.0',
      '--',
      'sleep',
      '600',
    )
    await kubectl('-n', 'podtap', 'scale', 'deployment/podtap-webhook', '--replicas=1')
    await rollout('podtap', 'podtap-webhook')
    await rollout(SHOP, 'late')

    const up = await check()
    const { late } = await shopStatus()

    assert.equal(down.end.code, 1)
    const facts = down.findings.map(({ fact }) => fact)
    assert.ok(
      facts.includes('the webhook is scaled to 0 replicas: new pods start without the sidecar'),
    )
    assert.ok(
      facts.some((fact) => fact.startsWith('the API server gets no answer from the webhook')),
    )
    const missed = up.findings.find(({ fact }) => fact.startsWith('shop: 1 pod not mirrored'))
    assert.equal(missed?.level, 'warning')
    assert.match(missed.fix ?? '', /^podtap refresh -n shop/)
    assert.equal(late?.state, 'missed')
  })

  test('without rights a command says which one is missing', async (t) => {
    const token = (await kubectl('-n', SHOP, 'create', 'token', 'default')).trim()
    const server = await kubectl(
      'config',
      'view',
      '--minify',
      '-o',
      'jsonpath={.clusters[0].cluster.server}',
    )
    const kubeconfig = kubeconfigFile(t, server, { token })

    const status = await podtap(['status', '-n', SHOP], { environment: { KUBECONFIG: kubeconfig } })

    assert.equal(status.code, 1)
    assert.match(
      status.stderr,
      /^podtap: system:serviceaccount:shop:default may not \w+ \S+ in the .*: ask for that right \(kubectl auth can-i .*\)\n$/,
    )
  })
})

/** Runs a command with the kubeconfig of the tests. */
async function run(...args: readonly string[]): Promise<CliEnd> {
  return podtap(args, { environment: { KUBECONFIG: process.env['KUBECONFIG'] } })
}

async function check(
  ...args: readonly string[]
): Promise<{ readonly findings: readonly Finding[]; readonly end: CliEnd }> {
  const end = await run('check', '-o', 'json', ...args)
  const { sections } = JSON.parse(end.stdout) as { sections: readonly Section[] }
  return { findings: sections.flatMap(({ findings }) => findings), end }
}

/** The first pod of each Deployment of the shop, by its name. */
async function shopStatus(): Promise<Readonly<Record<string, PodStatus | undefined>>> {
  const { stdout } = await run('status', '-n', SHOP, '-o', 'json')
  const { namespaces } = JSON.parse(stdout) as StatusReport
  const workloads = namespaces[0]?.workloads ?? []
  return Object.fromEntries(
    workloads.map(({ name, pods }) => [name.replace('deployment/', ''), pods[0]]),
  )
}

async function scaleSensors(replicas: number): Promise<void> {
  await kubectl('-n', 'podtap-sensor', 'scale', 'deployment/sensor', `--replicas=${replicas}`)
  await kubectl('-n', 'podtap-sensor', 'rollout', 'status', 'deployment/sensor', '--timeout=90s')
}
