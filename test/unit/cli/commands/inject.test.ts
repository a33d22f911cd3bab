import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { Command, CommanderError } from 'commander'
import fc from 'fast-check'
import { parse, stringify } from 'yaml'
import { addExplainCommand } from '../../../../cli/commands/explain.ts'
import { addInjectCommand } from '../../../../cli/commands/inject.ts'
import { addUninjectCommand } from '../../../../cli/commands/uninject.ts'
import { arrayAt, textAt, valueAt } from '../../../../webhook/admission/json.ts'
import { arbitraryTemplate } from '../../../helpers/arbitrary-template.ts'
import { contextFor } from '../../../helpers/cli.ts'
import { deployment, podTemplate } from '../../../helpers/situation.ts'

const EXAMPLES = join(import.meta.dirname, '../../../../manifests/examples')
const directory = mkdtempSync(join(tmpdir(), 'podtap-inject-'))
after(() => {
  rmSync(directory, { recursive: true })
})

interface Ran {
  readonly output: string
  readonly reports: readonly string[]
  /** What the command failed with. */
  readonly error: unknown
}

async function podtap(args: readonly string[], input = ''): Promise<Ran> {
  const written = { stdout: '', stderr: '' }
  const context = contextFor(written, { input })
  const program = new Command('podtap')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  addInjectCommand(program, context)
  addUninjectCommand(program, context)
  addExplainCommand(program, context)
  let error: unknown
  await program.parseAsync(['node', 'podtap', ...args]).catch((thrown: unknown) => (error = thrown))
  const reports = written.stderr.split('\n').slice(0, -1)
  return { output: written.stdout, reports, error }
}

const containersOf = (object: unknown): unknown =>
  arrayAt(object, 'spec', 'template', 'spec', 'containers').map((container) =>
    valueAt(container, 'name'),
  )

test('a filter that does not compile is named by its annotation, and the workload left as it is', async () => {
  const original = stringify(deployment(podTemplate({ 'podtap.dev/filter': 'tcp prot 80' })))

  const { output, reports, error } = await podtap(['inject', '-f', '-'], original)

  assert.equal(output, original)
  assert.match(reports[0] ?? '', /bad-annotation.*podtap\.dev\/filter.*tcp prot 80/)
  assert.match(String(error), /left as they were for a bad value: standard input/)
})

test('the examples are injected, the opted-out one stays, and uninject gives back the very bytes', async () => {
  for (const name of globSync('*.yaml', { cwd: EXAMPLES })) {
    const original = readFileSync(join(EXAMPLES, name), 'utf8')

    const injected = await podtap(['inject', '-f', join(EXAMPLES, name)])
    const restored = await podtap(['uninject', '-f', '-'], injected.output)

    assert.equal(injected.error, undefined)
    assert.equal(injected.output.includes('name: podtap-token'), name === 'application.yaml', name)
    assert.equal(restored.output, original)
  }
})

test('injecting what was injected changes nothing', async () => {
  const once = await podtap(['inject', '-f', join(EXAMPLES, 'application.yaml')])
  const twice = await podtap(['inject', '-f', '-'], once.output)

  assert.equal(twice.output, once.output)
  assert.deepEqual(twice.reports, [
    'standard input:1 (document 1): deployment/web unchanged (enabled): namespace shop is enabled',
  ])
})

test('any workload survives injection and removal, as YAML and as JSON', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTemplate, async (template) => {
      const json = JSON.stringify(deployment(template))
      // Without quotes, which yaml does not give it, this key merges what it leads to (YAML 1.1, as kubectl).
      fc.pre(!json.includes('"<<"'))
      const object: unknown = JSON.parse(json)
      for (const text of [`${JSON.stringify(object, null, 2)}\n`, stringify(object)]) {
        const injected = await podtap(['inject', '-f', '-'], text)
        const restored = await podtap(['uninject', '-f', '-'], injected.output)

        assert.equal(injected.output.includes('podtap.dev/status'), true)
        assert.deepEqual(parse(restored.output), object)
      }
    }),
    { numRuns: 50 },
  )
})

test('items of a List are injected where they stand', async () => {
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [{ apiVersion: 'v1', kind: 'ConfigMap' }, deployment(podTemplate())],
  }

  const { output } = await podtap(['inject', '-f', '-'], JSON.stringify(list))

  const [first, second] = arrayAt(JSON.parse(output), 'items')
  assert.deepEqual(first, list.items[0])
  assert.deepEqual(containersOf(second), ['web', 'podtap'])
})

test('files are joined in their order, and -o writes them all in one format', async () => {
  const yaml = join(directory, 'a.yaml')
  const json = join(directory, 'b.json')
  writeFileSync(yaml, 'kind: A\n')
  writeFileSync(json, '{"kind":"B"}')

  const asYaml = await podtap(['inject', '-f', yaml, json, '-o', 'yaml'])
  const asJson = await podtap(['inject', '-f', yaml, json, '-o', 'json'])

  assert.equal(asYaml.output, 'kind: A\n---\nkind: B\n')
  assert.equal(asJson.output, '{\n  "kind": "A"\n}\n{"kind":"B"}\n')
})

suite('what is known of the namespace', () => {
  const web = JSON.stringify(deployment(podTemplate()))
  const namespace = (annotations: object): string =>
    stringify({ kind: 'Namespace', metadata: { name: 'shop', annotations } })
  const cases: readonly (readonly [
    title: string,
    args: readonly string[],
    input: string,
    report: RegExp,
  ])[] = [
    ['nothing: it counts as enabled', [], web, /web injected \(enabled\)/],
    [
      'its manifest is believed',
      [],
      `${namespace({})}---\n${web}`,
      /web unchanged \(not-enabled\)/,
    ],
    [
      'an option beats its manifest',
      ['--namespace-annotations', 'podtap.dev/inject=enabled'],
      `${namespace({})}---\n${web}`,
      /web injected/,
    ],
    [
      'an option says no',
      ['--namespace-annotations', 'podtap.dev/inject=disabled'],
      web,
      /web unchanged \(not-enabled\)/,
    ],
  ]
  for (const [title, args, input, report] of cases) {
    test(title, async () => {
      const { reports } = await podtap(['inject', ...args, '-f', '-'], input)

      assert.match(reports.join('\n'), report)
    })
  }
})

test('settings of the webhook are taken by name', async () => {
  const web = JSON.stringify(deployment(podTemplate()))

  const { output } = await podtap(
    ['inject', '--set', 'VNI=0x2a', '--set', 'SENSOR=zeek', '-f', '-'],
    web,
  )

  assert.ok(output.includes('"name": "VNI",'))
  const sidecar = arrayAt(JSON.parse(output), 'spec', 'template', 'spec', 'containers')[1]
  const values = arrayAt(sidecar, 'env').map(
    (entry) => `${textAt(entry, 'name')}=${textAt(entry, 'value')}`,
  )
  assert.ok(values.includes('VNI=42') && values.includes('SENSOR=zeek'))
})

test('a bad annotation leaves the workload as it is, and the command fails after writing', async () => {
  const bad = stringify(deployment(podTemplate({ 'podtap.dev/vni': 'x' })))

  const { output, reports, error } = await podtap(['inject', '-f', '-'], bad)

  assert.equal(output, bad)
  assert.match(
    reports[0] ?? '',
    /^standard input:1 \(document 1\): deployment\/web unchanged \(bad-annotation\): podtap\.dev\/vni: /,
  )
  assert.equal((error as { code?: string }).code, 'ERR_MANIFEST')
})

suite('wrong use', () => {
  const cases: readonly (readonly [title: string, args: readonly string[], message: RegExp])[] = [
    ['no file', ['inject'], /required option '-f, --filename <file\.\.\.>' not specified/],
    ['an unknown format', ['inject', '-f', '-', '-o', 'xml'], /Allowed choices are yaml, json/],
    ['no key=value', ['inject', '-f', '-', '--set', 'VNI'], /expected key=value/],
  ]
  for (const [title, args, message] of cases) {
    test(title, async () => {
      const { error } = await podtap(args)

      assert.ok(error instanceof CommanderError)
      assert.match(error.message, message)
    })
  }

  test('an unknown setting names all known ones', async () => {
    const { error } = await podtap(['inject', '-f', '-', '--set', 'VIN=7'])

    assert.equal((error as { code?: string }).code, 'ERR_CONFIG')
    assert.match((error as Error).message, /^--set VIN: expected one of SIDECAR_IMAGE, .*VNI/)
  })

  test('a file that is not there', async () => {
    const { error } = await podtap(['uninject', '-f', join(directory, 'missing.yaml')])

    assert.equal((error as { code?: string }).code, 'ERR_MANIFEST')
  })
})

test('explain prints the way to each decision', async () => {
  const { output } = await podtap(['explain', '-f', join(EXAMPLES, 'opted-out.yaml')])

  assert.match(output, /opted-out\.yaml:1 \(document 1\): deployment\/batch in namespace shop\n/)
  assert.match(output, / {2}x opted-out: podtap\.dev\/inject is disabled on the pod template\n/)
})
