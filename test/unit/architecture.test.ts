/** Holds the import rules of the layout: who may know whom, and where a process touches its surroundings. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import test from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
const SOURCES = globSync('{lib,webhook,sidecar,cli}/**/*.ts', { cwd: ROOT }).sort()

/** The only files of another part that a part may import. */
const ALLOWED: Record<string, readonly RegExp[]> = {
  lib: [/^lib\//],
  sidecar: [/^sidecar\//, /^lib\//],
  webhook: [/^webhook\//, /^lib\//, /^sidecar\/contract\.ts$/, /^sidecar\/engine\/libpcap\.ts$/],
  cli: [
    /^cli\//,
    /^lib\//,
    /^webhook\/admission\//,
    /^webhook\/coverage\/(survey|coverage|judge|groups|pod-facts|rollout)\.ts$/,
    /^webhook\/(config|scopes|nodes|certificates\/inspect)\.ts$/,
    /^sidecar\/contract\.ts$/,
    /^sidecar\/(mirror|run-mirror|config|receiver|read-configuration|control-(mirror|signals)|offline\/mirror-file)\.ts$/,
    /^sidecar\/sensor\/(choose-sensor|sensor-pod)\.ts$/,
    /^sidecar\/interfaces\/system-interfaces\.ts$/,
    /^sidecar\/engine\/libpcap\.ts$/,
  ],
}

/** Modules by which a file would do I/O. */
const IO_MODULES =
  /^(node:(fs|net|dgram|http|https|dns|child_process|worker_threads|tls)(\/promises)?|fastify|pino|koffi|cap|@kubernetes\/client-node)$/

const PURE_FILES = [
  /^webhook\/admission\//,
  /^webhook\/coverage\/(coverage|drift-events|essentials|groups|judge|pod-facts|rollout)\.ts$/,
  /^sidecar\/contract\.ts$/,
  /^sidecar\/engine\/(vxlan|packet|read-packet|ipv6-extensions|checksum|internet-sum|wide-sum|flow-hash|spread-flows|own-packets)\.ts$/,
  /^sidecar\/engine\/engine\.ts$/,
  /^sidecar\/interfaces\/choose-interfaces\.ts$/,
  /^sidecar\/sensor\/(choose-sensor|sensor-source|sensor-pod|address-family|refusals)\.ts$/,
  /^sidecar\/engine\/ring\/(batch|capture-ring|captured-frame|crc32c|fragment|header-template|instructions|link-messages|number-set|memory|messages|mirror-frame|own-mark|runs|layout|segment-(tcp|udp)|template)\.ts$/,
]

interface Import {
  readonly from: string
  /** A module name, or the path of one of our files from the root. */
  readonly to: string
}

const IMPORTS = SOURCES.flatMap(importsOf)

test('there are sources to check', () => {
  assert.ok(SOURCES.length > 20, `found ${SOURCES.length}`)
  assert.ok(IMPORTS.length > SOURCES.length)
})

test('a part imports only what the layout allows it', () => {
  const broken = IMPORTS.filter(({ to }) => isOurs(to)).filter(
    ({ from, to }) => !(ALLOWED[partOf(from)] ?? []).some((rule) => rule.test(to)),
  )

  assert.deepEqual(broken, [])
})

test('pure modules import nothing that does I/O', () => {
  const broken = IMPORTS.filter(({ from, to }) => isPure(from) && IO_MODULES.test(to))

  assert.deepEqual(broken, [])
})

test('pure modules import only pure modules of ours and lib', () => {
  const broken = IMPORTS.filter(
    ({ from, to }) => isPure(from) && isOurs(to) && !isPure(to) && !to.startsWith('lib/'),
  )

  assert.deepEqual(broken, [])
})

test('only main.ts files touch process.env and process.exit', () => {
  const broken = SOURCES.filter((file) => !/(^|\/)(main|cap-process)\.ts$/.test(file)).filter(
    (file) => /process\.(env|exit)\b/.test(withoutComments(read(file))),
  )

  assert.deepEqual(broken, [])
})

test('nothing imports a main.ts or a test', () => {
  const broken = IMPORTS.filter(({ to }) => /(^|\/)main\.ts$|^test\//.test(to))

  assert.deepEqual(broken, [])
})

test('no import cycles', () => {
  const done = new Set<string>()
  const cycles = SOURCES.map((file) => cycleFrom(file, [], done)).filter(
    (cycle) => cycle !== undefined,
  )

  assert.deepEqual(cycles, [])
})

test('no file is a drawer of leftovers', () => {
  const drawers = SOURCES.filter((file) => /(^|\/)(utils?|helpers?|common|misc)\.ts$/.test(file))

  assert.deepEqual(drawers, [])
})

function importsOf(from: string): Import[] {
  const found = withoutComments(read(from)).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)
  return [...found].map(([, specifier]) => ({ from, to: resolve(from, specifier!) }))
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return relative(ROOT, normalize(join(ROOT, dirname(from), specifier)))
}

/** A cycle that can be reached from `file`; files that are in none are added to `done`, and not searched again. */
function cycleFrom(file: string, path: readonly string[], done: Set<string>): string[] | undefined {
  if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
  if (done.has(file)) return undefined
  for (const { to } of IMPORTS.filter(({ from }) => from === file)) {
    const cycle = isOurs(to) ? cycleFrom(to, [...path, file], done) : undefined
    if (cycle) return cycle
  }
  done.add(file)
  return undefined
}

function isOurs(to: string): boolean {
  return partOf(to) in ALLOWED && to.endsWith('.ts')
}

function isPure(file: string): boolean {
  return PURE_FILES.some((rule) => rule.test(file))
}

function partOf(file: string): string {
  return file.split('/')[0]!
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}
