/** Everything that `podtap check` can find wrong with the API server, rights, nodes and the webhook. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { checkApiServer } from '../../../../cli/check/api-server.ts'
import { checkCertificate } from '../../../../cli/check/certificate.ts'
import { checkConfiguration } from '../../../../cli/check/configuration.ts'
import { checkDeployment } from '../../../../cli/check/deployment.ts'
import type { Finding } from '../../../../cli/check/finding.ts'
import { checkNodes } from '../../../../cli/check/nodes.ts'
import { checkReach } from '../../../../cli/check/reach.ts'
import { checkRights, type RightAnswer } from '../../../../cli/check/rights.ts'
import type { Known } from '../../../../cli/cluster/known.ts'
import { readPackageManifest } from '../../../../cli/package-files.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { issueAuthority, issueCertificate } from '../../../../webhook/certificates/issue.ts'
import { OWN } from '../../../helpers/own-objects.ts'

/** Level and fact, which is what tests are about; most have a fix beside. */
const said = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ level, fact }) => `${level}: ${fact}`)

const [MANIFEST] = await readPackageManifest('manifests/base/webhook-configuration.yaml')
const WEBHOOK = (MANIFEST as { webhooks: JsonObject[] }).webhooks[0]!
const CLIENT = WEBHOOK['clientConfig'] as JsonObject
const NOW = new Date('2026-11-22T12:00:00Z')

function configuration(changes: JsonObject = {}): Known<JsonObject> {
  const clientConfig = { ...CLIENT, caBundle: 'Q0E=' }
  const webhooks = [{ ...WEBHOOK, clientConfig, ...changes }]
  return { value: { ...MANIFEST, webhooks } }
}

const server = (gitVersion: string, minor: number, aheadMs: number | undefined) =>
  checkApiServer({
    value: { server: 'https://api', version: { major: 1, minor, text: gitVersion }, aheadMs },
  })

test('an API server that does not answer, or is too old', () => {
  assert.deepEqual(said(checkApiServer({ problem: 'no answer' })), [
    'failure: the API server does not answer: no answer',
  ])
  assert.deepEqual(said(server('v1.27.3', 27, 0)), [
    'failure: the API server is v1.27.3 (https://api)',
    'ok: its clock and that of this machine agree',
  ])
})

test('clocks that disagree', () => {
  assert.deepEqual(said(server('v1.34.0', 34, 90_000)), [
    'ok: the API server is v1.34.0 (https://api)',
    'warning: the clock of the API server is 90 s ahead of that of this machine',
  ])
  assert.match(said(server('v1.34.0', 34, -61_000))[1] ?? '', /is 61 s behind that/)
  assert.match(said(server('v1.34.0', 34, undefined))[1] ?? '', /^warning: its clock could not/)
})

test('rights that are missing', () => {
  const looking = { verb: 'get', group: '', resource: 'pods', subresource: 'proxy' }
  const acting = { verb: 'patch', group: 'apps', resource: 'deployments' }
  const answers: readonly RightAnswer[] = [
    { ...looking, usedBy: 'status', allowed: false },
    { ...acting, usedBy: 'refresh', allowed: false },
  ]
  const scope = { namespace: 'shop', ownNamespace: 'podtap' }

  assert.deepEqual(checkRights({ value: answers }, scope), [
    {
      level: 'warning',
      fact: 'you may not get pods/proxy in the namespace shop (status)',
      fix: 'ask for that right if you need it: kubectl auth can-i get pods/proxy -n shop',
    },
    {
      level: 'hint',
      fact: 'you may not patch deployments.apps in the namespace shop (refresh)',
      fix: 'ask for that right if you need it: kubectl auth can-i patch deployments.apps -n shop',
    },
  ])
})

test('nodes that cannot run native sidecars', () => {
  const mixed = { value: ['v1.34.1', 'v1.28.9'] }

  assert.deepEqual(said(checkNodes({ value: ['v1.34.1'] }, 'auto')), [
    'ok: all 1 nodes know native sidecars (Kubernetes 1.29)',
  ])
  assert.match(said(checkNodes(mixed, 'auto'))[0] ?? '', /^warning: 1 of 2 nodes are older/)
  assert.match(said(checkNodes(mixed, 'on'))[0] ?? '', /^failure: .* pods .* never start there/)
  assert.match(said(checkNodes(mixed, 'off'))[0] ?? '', /^ok: sidecars are classic ones/)
  assert.deepEqual(said(checkNodes({ value: [] }, 'auto')), ['warning: the cluster has no nodes'])
})

test('the configuration of the manifests is as it should be', () => {
  assert.deepEqual(said(checkConfiguration(configuration(), WEBHOOK)), [
    'ok: the webhook configuration podtap is as it should be',
  ])
})

test('a configuration that is missing, or was edited by hand', () => {
  const rules = (WEBHOOK['rules'] as readonly unknown[]).slice(1)
  const found = (changes: JsonObject): readonly string[] =>
    said(checkConfiguration(configuration(changes), WEBHOOK))

  assert.match(
    said(checkConfiguration({ value: undefined }, WEBHOOK))[0] ?? '',
    /^failure: podtap is not installed/,
  )
  assert.match(
    found({ rules })[0] ?? '',
    /^failure: the API server does not ask podtap about CREATE deployments\.apps, /,
  )
  assert.match(found({ failurePolicy: 'Fail' })[0] ?? '', /^warning: failurePolicy is Fail/)
  assert.match(
    found({ matchConditions: [] })[0] ?? '',
    /^warning: matchConditions of the webhook were edited/,
  )
  assert.match(found({ sideEffects: 'Some' })[0] ?? '', /^warning: sideEffects were edited/)
  assert.match(found({ clientConfig: CLIENT })[0] ?? '', /^failure: caBundle is empty/)
})

function deployment(ready: number, wanted: number, env: readonly object[] = []): JsonObject {
  const containers = [{ name: 'webhook', image: 'podtap/webhook:0.1.0', env }]
  return {
    metadata: { name: 'podtap-webhook' },
    spec: { replicas: wanted, template: { spec: { containers } } },
    status: { readyReplicas: ready },
  }
}

const checkDeployed = (found: JsonObject | undefined, pods: readonly JsonObject[] = []) =>
  said(
    checkDeployment({
      namespace: 'podtap',
      deployment: { value: found },
      pods: { value: pods },
      version: '0.1.0',
    }),
  )

test('a webhook that does not run, and why', () => {
  const waiting = { state: { waiting: { reason: 'ImagePullBackOff' } } }
  const pod = { status: { containerStatuses: [waiting] } }

  assert.deepEqual(checkDeployed(deployment(2, 2)), ['ok: the webhook is ready: 2 of 2 replicas'])
  assert.deepEqual(checkDeployed(deployment(0, 1), [pod]), [
    'failure: the webhook is not ready: 0 of 1 replicas (ImagePullBackOff)',
  ])
  assert.deepEqual(checkDeployed(deployment(1, 2)), [
    'warning: the webhook is not ready: 1 of 2 replicas',
  ])
  assert.deepEqual(checkDeployed(deployment(0, 0)), [
    'failure: the webhook is scaled to 0 replicas: new pods start without the sidecar',
  ])
  assert.match(checkDeployed(undefined)[0] ?? '', /^failure: no Deployment is behind/)
})

test('a webhook with a bad setting, or of another version', () => {
  const bad = deployment(0, 1, [{ name: 'VNI', value: 'x' }])
  const facts = { namespace: 'podtap', pods: { value: [] }, version: '0.2.0' }

  assert.match(checkDeployed(bad)[1] ?? '', /^failure: the webhook cannot start: .*VNI/)
  assert.deepEqual(
    said(checkDeployment({ ...facts, deployment: { value: deployment(1, 1) } }))[1],
    'hint: the webhook is podtap/webhook:0.1.0, this command 0.2.0',
  )
})

/** A Secret with a certificate that was made `days` before NOW, and a configuration that trusts it. */
async function certificate(days: number, labels: JsonObject = {}) {
  const now = new Date(NOW.getTime() - days * 86_400_000)
  const validity = { now, lifeMs: 365 * 86_400_000 }
  const authority = await issueAuthority('0a', { ...validity, lifeMs: 3650 * 86_400_000 })
  const pair = await issueCertificate(authority, OWN, validity)
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  const data = { 'tls.crt': encode(pair.cert), 'tls.key': encode(pair.key) }
  const clientConfig = { ...CLIENT, caBundle: encode(authority.cert) }
  return {
    secret: { value: { metadata: { labels }, data } },
    configuration: configuration({ clientConfig }),
  }
}

const checkServed = (facts: {
  secret: Known<JsonObject | undefined>
  configuration: Known<JsonObject | undefined>
}) =>
  said(
    checkCertificate({
      name: 'podtap/podtap-webhook-tls',
      serverName: 'podtap-webhook.podtap.svc',
      now: NOW,
      ...facts,
    }),
  )

test('a certificate that is trusted, not renewed, expired, not valid yet', async () => {
  const ours = { 'app.kubernetes.io/managed-by': 'podtap' }

  assert.match(
    checkServed(await certificate(1, ours))[0] ?? '',
    /^ok: the API server trusts the certificate, until /,
  )
  assert.match(
    checkServed(await certificate(300, ours))[0] ?? '',
    /^warning: .* holds only until .* and was not renewed$/,
  )
  assert.match(
    checkServed(await certificate(4000, ours))[0] ?? '',
    /^failure: the API server does not trust .*: expired on/,
  )
  assert.match(checkServed(await certificate(-30, ours))[0] ?? '', /^failure: .*: not valid before/)
})

test('a certificate that nobody told the API server to trust, and none at all', async () => {
  const { secret } = await certificate(1)
  const { configuration: another } = await certificate(1)

  assert.match(
    checkServed({ secret, configuration: another })[0] ?? '',
    /^failure: the API server does not trust the certificate in podtap\/podtap-webhook-tls: not signed by any authority in caBundle/,
  )
  assert.deepEqual(checkServed({ secret, configuration: configuration() }), [
    'failure: caBundle has no certificate in it',
  ])
  assert.deepEqual(checkServed({ secret: { value: undefined }, configuration: another }), [
    'failure: there is no Secret podtap/podtap-webhook-tls with the certificate',
  ])
})

const reach = (answers: Parameters<typeof checkReach>[0]['probes'], readiness: Known<unknown>) =>
  checkReach({ probes: answers, enabled: ['shop'], readiness, namespace: 'podtap', port: 10250 })

test('a webhook that answers, and what it answers for a namespace', () => {
  const refused = {
    kind: 'refused',
    warning: 'podtap: no change to deployment/podtap-check (quota): too much',
  } as const
  const ready = { value: { ready: true, missing: [] } }

  assert.deepEqual(
    said(reach([{ namespace: 'shop', answer: { value: { kind: 'injected' } } }], ready)),
    [
      'ok: the API server reaches the webhook and gets answers (seen in a dry run)',
      'ok: a new workload in shop gets the sidecar (seen in a dry run)',
    ],
  )
  assert.equal(
    said(reach([{ namespace: 'shop', answer: { value: refused } }], ready))[1],
    'failure: a new workload in shop does not get the sidecar: no change to it (quota): too much',
  )
})

test('a webhook that does not answer, and what it says of itself', () => {
  const silent = [{ namespace: 'shop', answer: { value: { kind: 'silent' } as const } }]
  const missing = { value: { ready: false, missing: ['namespaces are not listed yet'] } }

  assert.deepEqual(reach(silent, { problem: 'no endpoints available' }), [
    {
      level: 'failure',
      fact:
        'the API server gets no answer from the webhook: workloads are admitted without sidecars; ' +
        'nor does its proxy: no endpoints available',
      fix:
        'see that the webhook runs (kubectl -n podtap get pods), and that the control plane may reach ' +
        'TCP port 10250 of its pods (firewall rules, NetworkPolicies)',
    },
  ])
  assert.match(said(reach(silent, missing))[0] ?? '', /it says: namespaces are not listed yet$/)
  assert.match(said(reach(silent, { value: { ready: true } }))[0] ?? '', /, although it is ready$/)
  assert.deepEqual(said(reach([{ namespace: 'shop', answer: { problem: 'denied' } }], missing)), [
    'warning: a dry run in shop could not be checked: denied',
  ])
})
