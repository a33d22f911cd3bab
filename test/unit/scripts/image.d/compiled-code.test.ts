import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { codeFrom, importsOf } from '../../../../scripts/image.d/compiled-code.ts'

test('every form of import is seen, comments are not', () => {
  const source = `
    import { a } from './a.js'
    import './b.js'
    export * from "c"
    // import d from './d.js'
    /** import { e } from './e.js' */
    const f = await import('./f.js')
    const g = createRequire(import.meta.url)('g')
    const h = require('h/deep')
  `
  assert.deepEqual(importsOf(source), ['./a.js', './b.js', 'c', './f.js', 'g', 'h/deep'])
})

test('a folder comes whole, with what it imports from elsewhere and the packages of both', (t) => {
  const dist = compiled(t, {
    'sidecar/main.js': "import '../lib/log.js'; import fs from 'node:fs'",
    'sidecar/engine/worker.js': "import '@scope/ffi/load'",
    'lib/log.js': "import 'pino'; await import('./heavy.js')",
    'lib/heavy.js': "import 'client'",
    'lib/unused.js': '',
    'webhook/main.js': '',
  })

  assert.deepEqual(codeFrom(dist, { folder: 'sidecar', without: ['lib/heavy.js'] }), {
    files: ['lib/log.js', 'sidecar/engine/worker.js', 'sidecar/main.js'],
    packages: ['@scope/ffi', 'pino'],
  })
})

test('an import of a file that was not compiled is an error that names it', (t) => {
  const dist = compiled(t, { 'sidecar/main.js': "import './gone.js'" })

  assert.throws(() => codeFrom(dist, { folder: 'sidecar' }), {
    message: `${dist}/sidecar/gone.js is imported but was not compiled`,
  })
})

function compiled(t: test.TestContext, files: Record<string, string>): string {
  const dist = mkdtempSync(join(tmpdir(), 'podtap-dist-'))
  t.after(() => {
    rmSync(dist, { recursive: true })
  })
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(dist, file)), { recursive: true })
    writeFileSync(join(dist, file), source)
  }
  return dist
}
