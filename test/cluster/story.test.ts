/** The demo's story as tests, in a real cluster, in its order. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import {
  SHOP,
  containerNames,
  decodedBy,
  enableAndRestart,
  fetchFromShop,
  get,
  installAll,
  kubectl,
  kubectlAnyStatus,
  metricsOf,
  podOf,
  podsOf,
  removeShop,
  rollout,
  sidecarStatus,
  steadyRequests,
  sumOf,
  until,
} from '../helpers/cluster.ts'

suite('from an annotation to decoded frames', { timeout: 600_000 }, () => {
  before(installAll)
  after(removeShop)

  test('a namespace without the annotation is left alone', async () => {
    await kubectl('-n', SHOP, 'rollout', 'restart', 'deployment/web')
    await rollout(SHOP, 'web')

    assert.deepEqual(containerNames(await podOf(SHOP, 'web')), ['web'])
  })

  test('annotating the namespace alone restarts nothing', async () => {
    const before = await podOf(SHOP, 'web')

    await kubectl('annotate', 'namespace', SHOP, 'podtap.dev/inject=enabled')
    await kubectl('-n', SHOP, 'scale', 'deployment/web', '--replicas=2')
    await until('a second pod', async () => (await podsOf(SHOP, 'web')).length === 2)

    const pods = await podsOf(SHOP, 'web')
    assert.ok(pods.some(({ metadata }) => metadata.uid === before.metadata.uid))
    assert.deepEqual(pods.map(containerNames), [['web'], ['web']])
    await kubectl('-n', SHOP, 'scale', 'deployment/web', '--replicas=1')
  })

  test('rollout restart adds the sidecar, inside its limits', async () => {
    await enableAndRestart()

    const pod = await podOf(SHOP, 'web')
    assert.deepEqual(containerNames(pod).sort(), ['podtap', 'web'])
    const sidecar = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find(
      ({ name }) => name === 'podtap',
    )
    assert.deepEqual(sidecar?.resources, {
      limits: { cpu: '250m', memory: '256Mi' },
      requests: { cpu: '250m', memory: '256Mi' },
    })
    await until(
      'the sidecar to be ready',
      async () => sidecarStatus(await podOf(SHOP, 'web'))?.ready,
    )
  })

  test('the sidecar runs without any privilege but CAP_NET_RAW', async () => {
    const { metadata } = await podOf(SHOP, 'web')

    const script = "process.stdout.write(require('fs').readFileSync('/proc/1/status', 'utf8'))"
    const status = await kubectl(
      ...['-n', SHOP, 'exec', metadata.name, '-c', 'podtap', '--', 'node', '-e', script],
    )

    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]
    assert.equal(field('Uid'), '65532\t65532\t65532\t65532')
    assert.equal(field('CapEff'), (1 << 13).toString(16).padStart(16, '0'))
    assert.equal(field('CapBnd'), (1 << 13).toString(16).padStart(16, '0'))
    assert.equal(field('NoNewPrivs'), '1')
    assert.equal(field('Seccomp'), '2')
  })

  test('a workload that opts out stays as it was', async () => {
    await enableAndRestart('batch')

    assert.deepEqual(containerNames(await podOf(SHOP, 'batch')), ['batch'])
    const template = await get<{ spec: { template: { metadata: { annotations: object } } } }>(
      ...['-n', SHOP, 'deployment', 'batch'],
    )
    assert.ok(!('podtap.dev/status' in template.spec.template.metadata.annotations))
  })

  test('a request to the application arrives decoded at the sensor, checksums complete', async () => {
    const web = await podOf(SHOP, 'web')
    await destinationOf(web.metadata.name)
    const sensor = await podOf('podtap-sensor', 'sensor')

    const answer = await fetchFromShop('/hello')

    assert.match(answer, /HTTP\/1\.[01] 200/)
    const frames = await until('request and answer at the sensor', async () => {
      const seen = await decodedBy(sensor.metadata.name)
      const hasBoth =
        seen.some((f) => f.line.includes('GET /hello')) && seen.some((f) => / 200 OK/.test(f.line))
      return hasBoth && seen
    })
    assert.deepEqual(
      frames.filter(({ line }) => /checksum.*incorrect|\bBad\b/i.test(line)),
      [],
    )
    assert.ok(frames.every(({ vni }) => vni === 1))
    assert.notEqual(web.spec.nodeName, sensor.spec.nodeName, 'the sensor is on another node')
  })

  test('the sidecar counts every frame as sent or dropped', async () => {
    const { metadata } = await podOf(SHOP, 'web')

    await until('captured = sent + dropped', async () => {
      const metrics = await metricsOf(metadata.name)
      const captured = sumOf(metrics, 'podtap_frames_captured_total')
      const sent = sumOf(metrics, 'podtap_frames_sent_total')
      return sent > 0 && captured === sent + sumOf(metrics, 'podtap_frames_dropped_total')
    })
  })

  test('the token is mounted in the sidecar alone', async () => {
    const web = await podOf(SHOP, 'web')

    const mounted = [...(web.spec.initContainers ?? []), ...web.spec.containers]
      .filter(({ volumeMounts = [] }) => volumeMounts.some(({ name }) => name === 'podtap-token'))
      .map(({ name }) => name)

    assert.deepEqual(mounted, ['podtap'])
    assert.equal(web.spec.automountServiceAccountToken, false)
  })

  test('the token reads pods of the sensor namespace and nothing else', async () => {
    assert.equal(await sidecarMay('list', 'pods', 'podtap-sensor'), true)
    assert.equal(await sidecarMay('watch', 'pods', 'podtap-sensor'), true)

    assert.equal(await sidecarMay('delete', 'pods', 'podtap-sensor'), false)
    assert.equal(await sidecarMay('list', 'secrets', 'podtap-sensor'), false)
    assert.equal(await sidecarMay('list', 'pods', SHOP), false)
    assert.equal(await sidecarMay('list', 'pods', 'podtap'), false)
    assert.equal(await sidecarMay('list', 'namespaces', SHOP), false)
  })

  test('a new sensor receives frames soon after the old one is gone', async () => {
    const old = await podOf('podtap-sensor', 'sensor')
    const traffic = await steadyRequests('/steady')
    try {
      await kubectl('-n', 'podtap-sensor', 'delete', 'pod', old.metadata.name, '--grace-period=1')
      await rollout('podtap-sensor', 'sensor')
      const successor = await podOf('podtap-sensor', 'sensor')

      assert.notEqual(successor.metadata.uid, old.metadata.uid)
      await until('frames at the successor', async () => {
        const frames = await decodedBy(successor.metadata.name)
        return frames.some(({ line }) => line.includes('GET /steady'))
      })
    } finally {
      traffic.stop()
    }
  })

  test('no sensor is a state that the sidecar survives', async () => {
    const traffic = await steadyRequests('/nobody')
    try {
      await kubectl('-n', 'podtap-sensor', 'scale', 'deployment/sensor', '--replicas=0')
      const web = await podOf(SHOP, 'web')
      const dropped = 'podtap_frames_dropped_total{reason="no-sensor"}'
      await until(
        'frames dropped for want of a sensor',
        async () => Number((await metricsOf(web.metadata.name)).get(dropped)) > 0,
      )
      await kubectl('-n', 'podtap-sensor', 'scale', 'deployment/sensor', '--replicas=1')
      await rollout('podtap-sensor', 'sensor')

      const sensor = await podOf('podtap-sensor', 'sensor')
      await until('frames at the sensor that came back', async () =>
        (await decodedBy(sensor.metadata.name)).some(({ line }) => line.includes('GET /nobody')),
      )
      assert.equal(sidecarStatus(await podOf(SHOP, 'web'))?.restartCount, 0)
    } finally {
      traffic.stop()
    }
  })
})

/** Whether a pod of the shop may do so, by the rights of its service account. */
async function sidecarMay(verb: string, resource: string, namespace: string): Promise<boolean> {
  const groups = [`serviceaccounts:${SHOP}`, 'serviceaccounts', 'authenticated']
  const answer = await kubectlAnyStatus(
    ...['auth', 'can-i', verb, resource, '-n', namespace],
    `--as=system:serviceaccount:${SHOP}:default`,
    ...groups.map((group) => `--as-group=system:${group}`),
  )
  assert.match(answer, /^(yes|no)$/m)
  return answer.startsWith('yes')
}

/** Waits until a pod's sidecar has a destination. */
async function destinationOf(pod: string): Promise<void> {
  await until(
    'a destination',
    async () => sumOf(await metricsOf(pod), 'podtap_destination_info') === 1,
  )
}
