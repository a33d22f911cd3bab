/** What goes wrong in real clusters: crashes, restarts and a webhook that is not there. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import {
  FOREIGN_CLUSTER,
  SHOP,
  clusterScript,
  containerNames,
  decodedBy,
  enableAndRestart,
  installAll,
  kubectl,
  podOf,
  processesOfContainer,
  removeShop,
  rollout,
  sidecarStatus,
  steadyRequests,
  until,
} from '../helpers/cluster.ts'

suite('faults', { timeout: 600_000 }, () => {
  before(async () => {
    await installAll()
    await enableAndRestart()
  })
  after(removeShop)

  test('SIGKILL of the sidecar restarts the sidecar and nothing else', async (t) => {
    if (FOREIGN_CLUSTER) {
      t.skip('the nodes are not this machine')
      return
    }
    const before = await podOf(SHOP, 'web')
    const application = before.status.containerStatuses.find(({ name }) => name === 'web')
    const traffic = await steadyRequests('/after-kill')
    try {
      await killSidecar()
      await until('the sidecar to run again', async () => {
        const status = sidecarStatus(await podOf(SHOP, 'web'))
        return status?.restartCount === 1 && status.ready
      })

      await receivesRequests('/after-kill')
      const after = await podOf(SHOP, 'web')
      const unchanged = after.status.containerStatuses.find(({ name }) => name === 'web')
      assert.equal(after.metadata.uid, before.metadata.uid)
      assert.equal(unchanged?.containerID, application?.containerID)
      assert.equal(unchanged?.restartCount, 0)
    } finally {
      traffic.stop()
    }
  })

  test('an API server restart does not stop the mirror, and the sidecar follows sensors after it', async (t) => {
    if (FOREIGN_CLUSTER) {
      t.skip('the control plane is not ours to stop')
      return
    }
    const traffic = await steadyRequests('/api-restart')
    try {
      await clusterScript('restart-apiserver')
      await until('the API server', async () => (await kubectl('get', '--raw', '/readyz')) === 'ok')
      const old = await podOf('podtap-sensor', 'sensor')
      await kubectl('-n', 'podtap-sensor', 'delete', 'pod', old.metadata.name, '--grace-period=1')
      await rollout('podtap-sensor', 'sensor')
    } finally {
      traffic.stop()
    }
    const after = await steadyRequests('/api-restart')
    try {
      await receivesRequests('/api-restart')
      assert.equal(sidecarStatus(await podOf(SHOP, 'web'))?.restartCount, 1)
    } finally {
      after.stop()
    }
  })

  test('while the webhook is down pods still start, unmirrored', async () => {
    await kubectl('-n', 'podtap', 'scale', 'deployment/podtap-webhook', '--replicas=0')
    await until('no webhook', async () => {
      const pods = await kubectl('-n', 'podtap', 'get', 'pods', '-o', 'name')
      return pods.trim() === ''
    })
    try {
      await kubectl(
        '-n',
        SHOP,
        'create',
        'deployment',
        'late',
        '--image=podtap/example:0.1.0',
        '--',
        'sleep',
        '1h',
      )
      await rollout(SHOP, 'late')

      assert.deepEqual(containerNames(await podOf(SHOP, 'late')).length, 1)
    } finally {
      await kubectl('-n', 'podtap', 'scale', 'deployment/podtap-webhook', '--replicas=2')
      await rollout('podtap', 'podtap-webhook')
    }
  })

  test('once the webhook is back, the next restart injects what was missed', async () => {
    await enableAndRestart('late')

    assert.ok(containerNames(await podOf(SHOP, 'late')).includes('podtap'))
  })
})

async function receivesRequests(path: string): Promise<void> {
  const sensor = await podOf('podtap-sensor', 'sensor')
  const start = Date.now() / 1000
  await until(`${path} at the sensor`, async () => {
    const frames = await decodedBy(sensor.metadata.name)
    return frames.some(({ at, line }) => at > start && line.includes(`GET ${path}`))
  })
}

/** Ends the sidecar's first process from its node, as the kernel's OOM killer would. */
async function killSidecar(): Promise<void> {
  const status = sidecarStatus(await podOf(SHOP, 'web'))
  assert.ok(status, 'web has a sidecar')
  const pids = processesOfContainer(status.containerID.replace('containerd://', ''))
  assert.ok(pids.length > 0, 'its process is visible on this machine')
  process.kill(Math.min(...pids), 'SIGKILL')
}
