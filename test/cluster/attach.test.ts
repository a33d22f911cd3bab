/** `podtap attach`: a pod that runs is mirrored for a while, and not restarted. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { get, kubectl, until } from '../helpers/cluster.ts'
import { kubeconfigFile } from '../helpers/kubeconfig-file.ts'
import {
  APPS,
  SENSORS,
  SensorPods,
  addListener,
  addPlainTalker,
  clusterClient,
  closeNamespaces,
  openNamespaces,
} from '../helpers/sensor-pods.ts'

const PODTAP = join(import.meta.dirname, '../../cli/main.ts')

/** Of pods that are mirrored by nobody but `attach`, wherever the webhook looks for sensors. */
const SENSOR = ['--sensor', `${SENSORS}/test`]

const SERVER = 'jsonpath={.clusters[0].cluster.server}'

interface ContainerStatus {
  readonly name: string
  readonly containerID: string
  readonly restartCount: number
  readonly state: {
    readonly terminated?: {
      readonly exitCode: number
      readonly startedAt: string
      readonly finishedAt: string
    }
  }
}

interface AttachedPod {
  readonly metadata: { readonly uid: string }
  readonly spec: { readonly ephemeralContainers?: readonly { readonly name: string }[] }
  readonly status: {
    readonly containerStatuses: readonly ContainerStatus[]
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[]
  }
}

suite('attach', { timeout: 300_000 }, () => {
  const client = clusterClient()
  const sensors = new SensorPods(client)

  before(async () => {
    const nodes = await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')
    const [here = '', there = here] = nodes.split(' ')
    await openNamespaces()
    const target = await addListener(there)
    await sensors.add('near', here)
    await Promise.all([
      addPlainTalker('talker', here, target),
      addPlainTalker('other', here, target),
    ])
  })
  after(async () => {
    sensors.close()
    client.close()
    await closeNamespaces()
  })

  test('what would not work is refused in one line, and nothing changes', async () => {
    const enforce = 'pod-security.kubernetes.io/enforce'
    const noSensor = await failure('talker', '--sensor', `${SENSORS}/none`)
    const noPod = await failure('nobody', ...SENSOR)
    await kubectl('annotate', 'pod', 'talker', '-n', APPS, 'podtap.dev/inject=disabled')
    const optedOut = await failure('talker', ...SENSOR)
    await kubectl('annotate', 'pod', 'talker', '-n', APPS, 'podtap.dev/inject-')
    await kubectl('label', 'namespace', APPS, `${enforce}=baseline`)
    const forbidden = await failure('talker', ...SENSOR)
    await kubectl('label', 'namespace', APPS, `${enforce}-`)

    await assert.rejects(attach('talker', ...SENSOR, '--filter', 'no such'), {
      code: 2,
      stderr: /^podtap: filter "no such": expected a pcap-filter expression: /,
    })
    assert.deepEqual(
      [noSensor, noPod, optedOut, forbidden],
      [
        `podtap: no sensor: no pod has the label run=none in the namespace ${SENSORS}; name another with --sensor`,
        `podtap: there is no pod nobody in the namespace ${APPS}: see kubectl get pods -n ${APPS}`,
        'podtap: pod talker: it is opted out (podtap.dev/inject is disabled on it); --force does it nevertheless',
        'podtap: pod talker: the namespace enforces Pod Security "baseline", which forbids NET_RAW',
      ],
    )
    assert.equal((await podNamed('talker')).spec.ephemeralContainers, undefined)
  })

  test('a right that is missing is named', async (t) => {
    await kubectl('-n', APPS, 'create', 'role', 'reader', '--verb=get', '--resource=pods')
    const account = `--serviceaccount=${APPS}:default`
    await kubectl('-n', APPS, 'create', 'rolebinding', 'reader', '--role=reader', account)
    const token = (await kubectl('-n', APPS, 'create', 'token', 'default')).trim()
    const server = await kubectl('config', 'view', '--minify', '-o', SERVER)
    const kubeconfig = kubeconfigFile(t, server, { token })

    assert.equal(
      await failure('talker', '--kubeconfig', kubeconfig, ...SENSOR),
      `podtap: system:serviceaccount:${APPS}:default may not patch pods/ephemeralcontainers in the ` +
        `namespace ${APPS}: ask for that right (kubectl auth can-i patch pods/ephemeralcontainers -n ${APPS})`,
    )
  })

  test('a running pod is mirrored without a restart, until the time limit', async () => {
    const before = await podNamed('talker')
    assert.deepEqual(
      sensors.sightings.filter(({ talker }) => talker === 'talker'),
      [],
    )
    const { stdout } = await attach('talker', ...SENSOR, '--duration', '15s')
    await sensors.seenBy('near', 0)
    const again = await failure('talker', ...SENSOR)
    const name = (await podNamed('talker')).spec.ephemeralContainers?.[0]?.name ?? ''
    const ended = await until('the end of the attached container', endOfAttached)

    assert.match(
      stdout,
      /^podtap-test-apps\/talker is mirrored for 15s to podtap-test-sensors\/near at /,
    )
    assert.match(name, /^podtap-[a-z0-9]{5}$/)
    assert.equal(
      again,
      `podtap: pod talker: it is mirrored already, by its container ${name} that was attached`,
    )
    assert.equal(ended.exitCode, 0)
    const seconds = (Date.parse(ended.finishedAt) - Date.parse(ended.startedAt)) / 1000
    assert.ok(seconds >= 14 && seconds <= 60, `${seconds} s`)
    const log = await kubectl('-n', APPS, 'logs', 'talker', '-c', name)
    assert.match(log, /"msg":"mirroring ended after DURATION"/)
    const pod = await podNamed('talker')
    assert.deepEqual(identityOf(pod), identityOf(before))
    assert.deepEqual(sensors.seenTwice(), [])
  })

  test('one that was attached can be tapped, and status shows it', async () => {
    await attach('talker', ...SENSOR, '--duration', '1h')
    const options = [
      'talker',
      '-n',
      APPS,
      '--filter',
      'udp port 9000',
      '--count',
      '5',
      '-w',
      '/dev/null',
    ]
    const tapped = await run('tap', ...options)
    const [status, everywhere] = [await run('status', '-n', APPS), await run('status', '-A')]

    assert.match(tapped.stderr, /^5 frames written, 0 lost/m)
    assert.match(status.stdout, /^ {2}talker +attached +/m)
    assert.match(everywhere.stdout, /^ {2}talker +attached +/m)
  })

  test('an image that cannot be pulled is said with the kubelet’s reason', async () => {
    const image = ['--image', 'podtap.invalid/sidecar:none', '--timeout', '10s']
    const said = await failure('other', ...SENSOR, ...image)
    const again = await failure('other', ...SENSOR)

    assert.match(said, /^podtap: its container podtap-[a-z0-9]{5} does not run after 10 s: \S+/)
    assert.match(again, /^podtap: pod other: its container podtap-\S+ was attached already and has/)
  })

  async function endOfAttached() {
    const [status] = (await podNamed('talker')).status.ephemeralContainerStatuses ?? []
    return status?.state.terminated
  }
})

function podNamed(name: string): Promise<AttachedPod> {
  return get<AttachedPod>('-n', APPS, 'pod', name)
}

/** What a restart would change. */
function identityOf({ metadata, status }: AttachedPod): unknown {
  const containers = status.containerStatuses.map(({ name, containerID, restartCount }) => {
    return { name, containerID, restartCount }
  })
  return { uid: metadata.uid, containers }
}

function attach(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run('attach', ...args, '-n', APPS)
}

function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [PODTAP, ...args], { timeout: 90_000 })
}

/** The last line that it says before it fails with exit code 1. */
async function failure(...args: string[]): Promise<string> {
  try {
    await attach(...args)
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    assert.equal(code, 1, stderr)
    return stderr.trim().split('\n').at(-1) ?? ''
  }
  throw new Error(`attach ${args.join(' ')} did not fail`)
}
