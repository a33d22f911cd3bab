/** The chart as helm renders it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { arrayAt, textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import { runTool } from '../helpers/run-tool.ts'

const ROOT = join(import.meta.dirname, '../..')
const CHART = join(ROOT, 'manifests/chart')

suite('at default values', () => {
  const chart = byIdentity(render())

  test('the chart holds the objects of the kustomize base, but for its own namespace', () => {
    const base = byIdentity(kustomize('manifests'))
    base.delete('Namespace podtap')
    // That Helm leaves the namespace behind is the one thing that kustomize cannot say.
    const sensors = chart.get('Namespace podtap-sensor')
    assert.deepEqual(valueAt(sensors, 'metadata', 'annotations'), {
      'helm.sh/resource-policy': 'keep',
    })
    const plain = { ...(valueAt(sensors, 'metadata') as JsonObject) }
    delete plain['annotations']
    const comparable = new Map(chart).set('Namespace podtap-sensor', {
      ...sensors,
      metadata: plain,
    })

    assert.deepEqual([...comparable.keys()].sort(), [...base.keys()].sort())
    for (const [identity, object] of base)
      assert.deepEqual(comparable.get(identity), object, identity)
  })

  test('no field is rendered that the webhook writes', () => {
    const [webhook] = arrayAt(chart.get('MutatingWebhookConfiguration podtap'), 'webhooks')
    const binding = chart.get('RoleBinding podtap-sensor/podtap-sensor-reader')

    assert.equal(valueAt(webhook, 'clientConfig', 'caBundle'), undefined)
    assert.equal(valueAt(webhook, 'namespaceSelector'), undefined)
    assert.ok(binding)
    assert.equal(valueAt(binding, 'subjects'), undefined)
  })
})

suite('with everything switched on', () => {
  const all = [
    'host.enabled=true',
    'networkPolicy.enabled=true',
    'monitoring.podMonitors=true',
    'monitoring.alerts=true',
    'monitoring.dashboard=true',
  ]
  const chart = byIdentity(render('--set', all.join(',')))

  test('the optional objects are those of kustomize', () => {
    for (const folder of ['manifests/host', 'manifests/network-policy', 'manifests/monitoring']) {
      for (const [identity, object] of byIdentity(kustomize(folder)))
        assert.deepEqual(chart.get(identity), object, identity)
    }
  })
})

suite('settings', () => {
  test('become the webhook’s environment, numbers written out', () => {
    const settings = [
      'webhook.scope=enabled,webhook.drainSeconds=20,sidecar.cpu=500m,sidecar.vni=12000000',
      'sensor.port=14790,sidecar.native=off,webhook.env.EXTRA=x',
    ].join(',')
    const deployment = byIdentity(render('--set', settings)).get('Deployment podtap/podtap-webhook')
    const pod = valueAt(deployment, 'spec', 'template', 'spec')
    const entries = arrayAt(arrayAt(pod, 'containers')[0], 'env')
    const given = new Map(entries.map((entry) => [textAt(entry, 'name'), textAt(entry, 'value')]))

    assert.deepEqual(
      [
        'SCOPE',
        'DRAIN_SECONDS',
        'SIDECAR_CPU',
        'VNI',
        'SENSOR_PORT',
        'NATIVE_SIDECAR',
        'EXTRA',
      ].map((name) => given.get(name)),
      ['enabled', '20', '500m', '12000000', '14790', 'off', 'x'],
    )
    assert.equal(valueAt(pod, 'terminationGracePeriodSeconds'), 45)
  })

  test('numbers and switches from a file of values are written out too', () => {
    const values = 'sidecar: {vni: 16777215, cpu: 0.5, native: off}'

    const { stdout } = runTool('helm', ['template', 'podtap', CHART, '--values', '-'], {
      input: values,
    })

    assert.match(stdout, /name: VNI\n\s+value: "16777215"/)
    assert.match(stdout, /name: SIDECAR_CPU\n\s+value: "0.5"/)
    assert.match(stdout, /name: NATIVE_SIDECAR\n\s+value: "off"/)
  })

  test('another namespace of the release reaches every object', () => {
    const rendered = runTool('helm', ['template', 'podtap', CHART, '--namespace', 'tools']).stdout

    assert.doesNotMatch(rendered, /namespace: podtap$/m)
    assert.match(rendered, /request\.namespace in \['kube-system', 'tools'\]/)
  })

  test('coverage that is switched off needs no rights', () => {
    const chart = render('--set', 'webhook.coverage=off')

    assert.deepEqual(
      [...byIdentity(chart).keys()].filter((identity) => identity.startsWith('ClusterRole')),
      ['ClusterRole podtap-webhook', 'ClusterRoleBinding podtap-webhook'],
    )
  })

  test('cert-manager is told whose authority to put into the caBundle', () => {
    const option = 'webhook.certificate.injectCaFrom=podtap/podtap-webhook'
    const chart = byIdentity(render('--set', option))

    const configuration = chart.get('MutatingWebhookConfiguration podtap')
    assert.deepEqual(valueAt(configuration, 'metadata', 'annotations'), {
      'cert-manager.io/inject-ca-from': 'podtap/podtap-webhook',
    })
  })

  test('an image by digest', () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const sidecar = `sidecar.image.digest=${digest},sidecar.image.repository=registry.example/p/s`

    assert.match(
      runTool('helm', ['template', 'podtap', CHART, '--set', sidecar]).stdout,
      new RegExp(`name: SIDECAR_IMAGE\\n\\s+value: "registry.example/p/s@${digest}"`),
    )
  })
})

suite('whole nodes', () => {
  test('settings become the environment of the DaemonSet', () => {
    const settings = [
      'host.enabled=true,host.include={^veth,^eth},host.exclude={^docker},host.newInterfaces=false',
      'host.dedupLocal=false,host.filter=not port 22,host.vni=7,host.metricsPort=9999,host.fit=off',
      'sensor.name=192.0.2.30,sensor.port=14790,host.debugLevel=0,host.env.EXTRA=x',
    ].join(',')
    const rendered = byIdentity(render('--set', settings))
    const daemonSet = rendered.get('DaemonSet podtap-host/podtap-host')
    const container = arrayAt(daemonSet, 'spec', 'template', 'spec', 'containers')[0]
    const [node, ...plain] = [...arrayAt(container, 'env')].reverse()

    assert.equal(textAt(node, 'name'), 'NODE_NAME')
    assert.deepEqual(
      plain.reverse().map((entry) => `${textAt(entry, 'name')}=${textAt(entry, 'value')}`),
      [
        'MODE=host',
        'SENSOR=192.0.2.30',
        'SENSOR_NAMESPACE=podtap-sensor',
        'SENSOR_PORT=14790',
        'INTERFACE_INCLUDE=^veth ^eth',
        'INTERFACE_EXCLUDE=^docker',
        'INTERFACE_ANY=0',
        'DEDUP_LOCAL=off',
        'EXCLUDE_MIRRORED=on',
        'BPF=not port 22',
        'VNI=7',
        'FIT=off',
        'METRICS_PORT=9999',
        'DEBUG_LEVEL=0',
        'EXTRA=x',
      ],
    )
    assert.deepEqual(arrayAt(container, 'ports'), [{ name: 'podtap-metrics', containerPort: 9999 }])
  })

  test('a namespace of one’s own reaches every object, and is not made', () => {
    const options = 'host.enabled=true,host.namespace=nodes,host.createNamespace=false'
    const chart = byIdentity(render('--set', options))
    const subjects = [...chart.values()].flatMap((object) => arrayAt(object, 'subjects'))

    assert.deepEqual(
      [...chart.keys()].filter((identity) => / (podtap-)?(host|nodes)/.test(identity)).sort(),
      [
        'ClusterRole podtap-host',
        'ClusterRoleBinding podtap-host',
        'DaemonSet nodes/podtap-host',
        'ServiceAccount nodes/podtap-host',
      ],
    )
    assert.deepEqual(
      subjects.filter((subject) => textAt(subject, 'name') === 'podtap-host'),
      Array(2).fill({ kind: 'ServiceAccount', name: 'podtap-host', namespace: 'nodes' }),
    )
  })

  test('pods with a sidecar that are not left out need no rights to pods', () => {
    const chart = render('--set', 'host.enabled=true,host.excludeMirrored=false')

    assert.ok(byIdentity(chart).has('DaemonSet podtap-host/podtap-host'))
    assert.ok(!byIdentity(chart).has('ClusterRole podtap-host'))
  })
})

suite('a bad value gives one error that names it', () => {
  const cases = [
    ['webhook.replicas=two', "at '/webhook/replicas': got string, want integer"],
    ['webhook.timeoutSeconds=60', "at '/webhook/timeoutSeconds': maximum: got 60, want 30"],
    ['sidecar.vni=abc', "at '/sidecar/vni': 'abc' does not match pattern"],
    ['sidecar.engine=fast', "at '/sidecar/engine': value must be one of 'ring', 'cap', <nil>"],
    ['sensor.port=http', "at '/sensor/port': got string, want null or integer"],
    ['sensor.namespace=A_B', "at '/sensor/namespace': 'A_B' does not match pattern"],
    ['monitoring.alerts=maybe', "at '/monitoring/alerts': got string, want boolean"],
    ['host.include=^veth', "at '/host/include': got string, want array"],
    ['host.maxUnavailable=all', "at '/host/maxUnavailable': 'all' does not match pattern"],
    ['host.debugLevel=6', "at '/host/debugLevel': maximum: got 6, want 5"],
    ['sidcar.cpu=1', "at '': additional properties 'sidcar' not allowed"],
  ] as const
  for (const [setting, message] of cases) {
    test(setting, () => {
      const { status, stderr } = runTool('helm', ['template', 'podtap', CHART, '--set', setting])

      assert.notEqual(status, 0)
      assert.equal(stderr.split('\n').filter((line) => line.startsWith('- at')).length, 1, stderr)
      assert.ok(stderr.includes(message), stderr)
    })
  }
})

test('the notes name the next steps', () => {
  const { stdout } = runTool('helm', [
    ...['install', 'podtap', CHART, '--namespace', 'podtap', '--dry-run=client'],
    ...['--set', 'sensor.name=zeek,sensor.namespace=ndr'],
  ])

  assert.match(stdout, /kubectl -n podtap rollout status deployment\/podtap-webhook/)
  assert.match(stdout, /kubectl -n ndr get pods -l run=zeek/)
  assert.match(stdout, /kubectl annotate namespace NAMESPACE podtap\.dev\/inject=enabled/)
})

function render(...options: string[]): readonly JsonObject[] {
  const args = ['template', 'podtap', CHART, '--namespace', 'podtap', ...options]
  const { status, stdout, stderr } = runTool('helm', args)
  assert.equal(status, 0, stderr)
  return objectsIn(stdout)
}

function kustomize(folder: string): readonly JsonObject[] {
  const { status, stdout, stderr } = runTool('kubectl', ['kustomize', join(ROOT, folder)])
  assert.equal(status, 0, stderr)
  return objectsIn(stdout)
}

function objectsIn(text: string): readonly JsonObject[] {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as JsonObject | null)
  return objects.filter((object) => object !== null)
}

/** `Kind namespace/name` → object. */
function byIdentity(objects: readonly JsonObject[]): Map<string, JsonObject> {
  const named = objects.map((object): [string, JsonObject] => {
    const namespace = textAt(object, 'metadata', 'namespace')
    const name = textAt(object, 'metadata', 'name')
    const path = namespace === '' ? name : `${namespace}/${name}`
    return [`${textAt(object, 'kind')} ${path}`, object]
  })
  const found = new Map(named)
  assert.equal(found.size, objects.length)
  return found
}
