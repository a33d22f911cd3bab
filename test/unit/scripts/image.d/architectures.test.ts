/** The images can be made on both machines that the Dockerfile is for. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { packageClosure, type Lockfile } from '../../../../scripts/image.d/node-packages.ts'

const ROOT = join(import.meta.dirname, '../../../..')

interface PlatformLockfile {
  readonly packages: Readonly<Record<string, { readonly cpu?: Names; readonly os?: Names }>>
}

/** npm takes a list of one as a name too. */
type Names = string | readonly string[]

const text = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')
const { packages } = JSON.parse(text) as PlatformLockfile
const lockfile = JSON.parse(text) as Lockfile

/** The packages that npm installs on Linux with that processor and glibc. */
function closureFor(cpu: string, root: string): string[] {
  const fits = (directory: string): boolean => {
    const { cpu: cpus = cpu, os = 'linux' } = packages[directory] ?? {}
    return cpus.includes(cpu) && os.includes('linux')
  }
  return packageClosure(lockfile, [root], fits)
}

for (const cpu of ['x64', 'arm64']) {
  test(`Node.js and the native code of koffi are locked for ${cpu}`, () => {
    assert.deepEqual([packages[`node_modules/node-linux-${cpu}`]?.cpu].flat(), [cpu])
    assert.deepEqual(
      closureFor(cpu, 'koffi').filter((directory) => directory.includes('@koromix')),
      [`node_modules/@koromix/koffi-linux-${cpu}`],
    )
  })
}
