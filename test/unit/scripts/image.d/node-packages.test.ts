import assert from 'node:assert/strict'
import test from 'node:test'
import {
  matters,
  packageClosure,
  type Lockfile,
} from '../../../../scripts/image.d/node-packages.ts'

const LOCKFILE: Lockfile = {
  packages: {
    '': { dependencies: { app: '1' } },
    'node_modules/app': {
      dependencies: { shared: '2', nan: '1', '@types/node': '26' },
      optionalDependencies: { 'app-linux': '1', 'app-win32': '1' },
    },
    'node_modules/app/node_modules/shared': { dependencies: { deep: '1' } },
    'node_modules/app-linux': {},
    'node_modules/app-win32': {},
    'node_modules/deep': { dependencies: { app: '1' } },
    'node_modules/nan': {},
    'node_modules/other': { dependencies: { shared: '1' } },
    'node_modules/shared': {},
  },
}

const installed = (directory: string): boolean => directory !== 'node_modules/app-win32'

test('a package comes with all that it needs, found as Node.js finds it, cycles included', () => {
  assert.deepEqual(packageClosure(LOCKFILE, ['app'], installed), [
    'node_modules/app',
    'node_modules/app-linux',
    'node_modules/app/node_modules/shared',
    'node_modules/deep',
  ])
})

test('a nested version does not hide the outer one from others', () => {
  assert.deepEqual(packageClosure(LOCKFILE, ['other'], installed), [
    'node_modules/other',
    'node_modules/shared',
  ])
})

test('a package that the lockfile does not have is an error that names it', () => {
  assert.throws(() => packageClosure(LOCKFILE, ['missing'], installed), {
    message: 'package "missing", needed by "podtap", is not in package-lock.json',
  })
})

for (const [file, kept] of [
  ['index.js', true],
  ['lib/doc/parse.js', true],
  ['LICENSE.md', true],
  ['build/Release/addon.node', true],
  ['linux_x64/koffi.node', true],
  ['musl_x64/koffi.node', false],
  ['README.md', false],
  ['index.d.ts', false],
  ['dist/index.js.map', false],
  ['test/run.js', false],
  ['src/addon.cc', false],
  ['.github/workflows/ci.yml', false],
] as const) {
  test(`${file} is ${kept ? 'kept' : 'left out'}`, () => {
    assert.equal(matters(file), kept)
  })
}
