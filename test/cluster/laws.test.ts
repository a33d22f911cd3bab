/** The laws of injection through a real API server: whatever way a Deployment is written. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import {
  closeNamespaces,
  look,
  openNamespace,
  restart,
  said,
  submit,
  template,
  warnings,
  workload,
} from '../helpers/cluster-laws.ts'
import { get, kubectl, until, installPodtap } from '../helpers/cluster.ts'

const NS = 'podtap-laws'
const INJECTED = ['podtap', 'web']

suite('a Deployment through the API server', { timeout: 120_000 }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS)
  })
  after(() => closeNamespaces(NS))
  const apply = ['-n', NS, 'apply', '-f', '-'] as const
  const serverSide = [...apply, '--server-side'] as const

  test('kubectl apply adds the sidecar, and applying again changes nothing', async () => {
    const manifest = workload('Deployment/applied')

    const first = await submit(manifest, ...apply)
    const stored = await look(NS, 'deployment/applied')
    const second = await submit(manifest, ...apply)

    assert.deepEqual(warnings(first), ['podtap: sidecar added to deployment/applied'])
    assert.deepEqual([...stored.containers].sort(), INJECTED)
    assert.deepEqual(stored.volumes, ['podtap-token'])
    assert.deepEqual(warnings(second), [])
    assert.deepEqual(await look(NS, 'deployment/applied'), stored)
  })

  test('so does kubectl apply --server-side', async () => {
    const manifest = workload('Deployment/server-side')

    await submit(manifest, ...serverSide)
    const stored = await look(NS, 'deployment/server-side')
    await submit(manifest, ...serverSide)

    assert.deepEqual([...stored.containers].sort(), INJECTED)
    assert.deepEqual(await look(NS, 'deployment/server-side'), stored)
  })

  for (const [way, args] of Object.entries({ 'client-side': apply, 'server-side': serverSide })) {
    test(`a changed manifest, applied ${way}, keeps exactly one sidecar`, async () => {
      const reference = `deployment/changed-${way}`
      const manifest = (of = template()): ReturnType<typeof workload> =>
        workload(`Deployment/changed-${way}`, { of })
      await submit(manifest(), ...args)

      await submit(manifest(template({ example: 'changed' })), ...args)

      const { containers, volumes, annotations } = await look(NS, reference)
      assert.deepEqual([...containers].sort(), INJECTED)
      assert.deepEqual(volumes, ['podtap-token'])
      assert.equal(annotations['example'], 'changed')
    })
  }

  test('kubectl replace with the original manifest gets the very same template back', async () => {
    const manifest = workload('Deployment/replaced')
    await submit(manifest, '-n', NS, 'create', '-f', '-')
    const stored = await look(NS, 'deployment/replaced')

    await submit(manifest, '-n', NS, 'replace', '-f', '-')

    const { template: after } = await look(NS, 'deployment/replaced')
    assert.deepEqual(after, stored.template)
  })

  test('enabling a namespace, scaling and pausing change no template', async () => {
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject-')
    await submit(workload('Deployment/scaled'), ...apply)
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')
    const before = await look(NS, 'deployment/scaled')

    await kubectl('-n', NS, 'scale', 'deployment/scaled', '--replicas=0', '--current-replicas=0')
    await kubectl('-n', NS, 'label', 'deployment/scaled', 'example=label')
    await kubectl('-n', NS, 'rollout', 'pause', 'deployment/scaled')
    await kubectl('-n', NS, 'rollout', 'resume', 'deployment/scaled')

    const { template: after, containers } = await look(NS, 'deployment/scaled')
    assert.deepEqual(after, before.template)
    assert.deepEqual(containers, ['web'])
  })

  test('rollout restart adds, brings up to date and, after an opt-out, removes', async () => {
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject-')
    await submit(workload('Deployment/restarted'), ...apply)
    const original = await look(NS, 'deployment/restarted')
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')

    const first = await restart(NS, 'deployment/restarted')
    const injected = await look(NS, 'deployment/restarted')
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/vni=7')
    await restart(NS, 'deployment/restarted')
    const updated = await look(NS, 'deployment/restarted')
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/vni-')
    const optOut = '{"metadata":{"annotations":{"podtap.dev/inject":"disabled"}}}'
    const patch = `{"spec":{"template":${optOut}}}`
    const last = await said('-n', NS, 'patch', 'deployment/restarted', '-p', patch)
    const removed = await look(NS, 'deployment/restarted')

    assert.deepEqual(warnings(first), ['podtap: sidecar added to deployment/restarted'])
    assert.deepEqual([...injected.containers].sort(), INJECTED)
    assert.equal(injected.environment['VNI'], '1')
    assert.deepEqual(updated.containers, injected.containers)
    assert.deepEqual(updated.volumes, ['podtap-token'])
    assert.equal(updated.environment['VNI'], '7')
    assert.match(warnings(last)[0] ?? '', /^podtap: sidecar removed from .* \(opted-out\): /)
    assert.deepEqual(removed.template['spec'], original.template['spec'])
  })

  test('restarting in a namespace that is enabled no more takes the sidecar out', async () => {
    await submit(workload('Deployment/disabled'), ...apply)
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject-')

    const restarted = await restart(NS, 'deployment/disabled')
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')

    assert.deepEqual(warnings(restarted), [
      'podtap: sidecar removed from deployment/disabled (not-enabled)',
      `podtap: namespace ${NS} is not annotated podtap.dev/inject: enabled`,
    ])
    assert.deepEqual((await look(NS, 'deployment/disabled')).containers, ['web'])
  })

  test('rollout undo to before the sidecar is respected; the next restart adds it again', async () => {
    const name = 'deployment/undone'
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject-')
    await submit(workload('Deployment/undone'), ...apply)
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')
    await revisions(1)
    await restart(NS, name)
    await revisions(2)

    const undone = await said('-n', NS, 'rollout', 'undo', name)
    const { containers } = await look(NS, name)
    const again = await restart(NS, name)

    assert.deepEqual(containers, ['web'])
    assert.deepEqual(warnings(undone), [
      `podtap: no change to ${name} (rolled-back): an older template is put back as it was`,
      `podtap: to add it again: kubectl rollout restart ${name} -n ${NS}`,
    ])
    assert.deepEqual(warnings(again), [`podtap: sidecar added to ${name}`])
    assert.deepEqual([...(await look(NS, name)).containers].sort(), INJECTED)

    /** Waits until the controller has stored so many of them. */
    async function revisions(count: number): Promise<void> {
      await until(`${count} ReplicaSets`, async () => {
        const { items } = await get<{ items: ReplicaSet[] }>('-n', NS, 'replicasets')
        const own = items.filter(({ metadata }) => metadata.name.startsWith('undone-'))
        return own.length === count
      })
    }
  })

  test('diff and --dry-run=server show the sidecar and leave nothing behind', async () => {
    const manifest = workload('Deployment/dry', { of: template({ example: '1' }) })
    await submit(workload('Deployment/dry'), ...apply)
    await until('the event of the creation', async () => (await eventsOf('dry')) > 0)
    const before = await look(NS, 'deployment/dry')
    const count = await eventsOf('dry')

    const diff = await submit(manifest, '-n', NS, 'diff', '-f', '-').catch(
      (e: unknown) => e as Failed,
    )
    const dry = await submit(
      workload('Deployment/never'),
      ...apply,
      '--dry-run=server',
      '-o',
      'json',
    )
    const restarted = await said(
      '-n',
      NS,
      'patch',
      'deployment/dry',
      '--dry-run=server',
      '-p',
      PATCH,
    )
    // Events wait for a moment; one of a real change, made later, says that theirs would be there.
    await submit(workload('Deployment/real'), ...apply)
    await until('a later event', async () => (await eventsOf('real')) > 0)

    assert.equal((diff as Failed).code, 1)
    assert.match(diff.stdout, /^\+ +example: "1"$/m)
    assert.deepEqual(diff.stdout.match(/^-[^-].*$/gm), ['-  generation: 1'])
    assert.match(dry.stdout, /"name": "podtap"/)
    assert.deepEqual(warnings(restarted), [
      'podtap: deployment/dry already has its sidecar, unchanged',
    ])
    assert.deepEqual(await look(NS, 'deployment/dry'), before)
    assert.equal(await eventsOf('dry'), count)
    assert.equal(await eventsOf('never'), 0)
  })

  const image = { name: 'web', image: 'podtap/example:0' }
  const patches = { strategic: 'as Helm sends it', merge: 'which drops the sidecar' }
  for (const [type, remark] of Object.entries(patches)) {
    test(`a ${type} merge patch of the image, ${remark}, ends with one sidecar`, async () => {
      await submit(workload(`Deployment/${type}`), ...apply)
      const patch = JSON.stringify({ spec: { template: { spec: { containers: [image] } } } })

      await kubectl('-n', NS, 'patch', `deployment/${type}`, `--type=${type}`, '-p', patch)

      const { containers, volumes, template: stored } = await look(NS, `deployment/${type}`)
      assert.deepEqual([...containers].sort(), INJECTED)
      assert.deepEqual(volumes, ['podtap-token'])
      assert.ok(JSON.stringify(stored).includes(image.image))
    })
  }
})

const PATCH = JSON.stringify({
  spec: {
    template: {
      metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2030-01-01T00:00:00Z' } },
    },
  },
})

interface ReplicaSet {
  readonly metadata: { readonly name: string }
}

interface Failed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** How many events podtap has recorded on a Deployment. */
async function eventsOf(name: string): Promise<number> {
  const { items } = await get<{
    items: { source?: { component?: string }; involvedObject: { name: string } }[]
  }>('-n', NS, 'events')
  const own = items.filter(({ source }) => source?.component === 'podtap')
  return own.filter(({ involvedObject }) => involvedObject.name === name).length
}
