/** The laws of injection beside another mutating webhook that moves containers, before and after podtap. */
import assert from 'node:assert/strict'
import { after, afterEach, before, suite, test } from 'node:test'
import {
  closeNamespaces,
  look,
  openNamespace,
  restart,
  submit,
  workload,
} from '../helpers/cluster-laws.ts'
import { FOREIGN_CLUSTER, kubectl, installPodtap } from '../helpers/cluster.ts'
import { startOtherWebhook, type OtherWebhook } from '../helpers/other-webhook.ts'

const NS = 'podtap-order'

suite('beside a webhook that sorts containers', { timeout: 60_000 }, () => {
  let other: OtherWebhook | undefined
  before(async () => {
    await installPodtap()
    await openNamespace(NS)
  })
  after(() => closeNamespaces(NS))
  afterEach(() => other?.stop())

  const names = { before: 'aaa-podtap-test', after: 'zzz-podtap-test' }
  for (const [place, name] of Object.entries(names)) {
    test(`that is called ${place} it, a Deployment has one sidecar, however often it is written`, async (t) => {
      if (FOREIGN_CLUSTER) {
        t.skip('the other webhook listens here, where that API server is not')
        return
      }
      other = await startOtherWebhook(name, NS)
      const reference = `deployment/${place}`
      const manifest = workload(`Deployment/${place}`)

      await submit(manifest, '-n', NS, 'apply', '-f', '-')
      const created = await look(NS, reference)
      await kubectl('annotate', 'namespace', NS, 'podtap.dev/vni=9', '--overwrite')
      await restart(NS, reference)
      const restarted = await look(NS, reference)
      await submit(manifest, '-n', NS, 'replace', '-f', '-')
      const replaced = await look(NS, reference)
      await kubectl('annotate', 'namespace', NS, 'podtap.dev/vni-')

      for (const seen of [created, restarted, replaced]) {
        assert.deepEqual([...seen.containers].sort(), ['podtap', 'proxy', 'web'])
        assert.deepEqual(seen.volumes, ['podtap-token'])
      }
      assert.equal(created.environment['VNI'], '1')
      assert.equal(restarted.environment['VNI'], '9')
      assert.equal(replaced.environment['VNI'], '9')
      assert.ok(other.calls >= 3)
    })
  }
})
