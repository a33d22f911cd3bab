import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { tarOf } from '../../../../scripts/image.d/tar.ts'
import { addLink, addText, type Tree } from '../../../../scripts/image.d/tree.ts'

const LONG = `${'directory/'.repeat(12)}file`

test('tar lists entries sorted, owned by 0:0, dated, below directories that nobody added', () => {
  const tree: Tree = new Map()
  addText(tree, 'etc/passwd', 'root\n')
  tree.set('tmp', { type: 'directory', mode: 0o1777 })
  tree.set('bin/run', { type: 'file', mode: 0o755, content: Buffer.alloc(1000) })
  addLink(tree, 'bin/sh', 'run')

  assert.equal(
    listed(tree, 1_000_000_000),
    [
      'drwxr-xr-x 0/0               0 2001-09-09 01:46 bin/',
      '-rwxr-xr-x 0/0            1000 2001-09-09 01:46 bin/run',
      'lrwxrwxrwx 0/0               0 2001-09-09 01:46 bin/sh -> run',
      'drwxr-xr-x 0/0               0 2001-09-09 01:46 etc/',
      '-rw-r--r-- 0/0               5 2001-09-09 01:46 etc/passwd',
      'drwxrwxrwt 0/0               0 2001-09-09 01:46 tmp/',
      '',
    ].join('\n'),
  )
})

test('a name of more than 100 bytes survives', () => {
  const tree: Tree = new Map()
  addText(tree, LONG, '')

  assert.ok(listed(tree, 0).endsWith(` ${LONG}\n`))
})

test('the order in which entries were added does not change the archive', () => {
  const one: Tree = new Map()
  addText(one, 'a', '1')
  addText(one, 'b', '2')

  assert.deepEqual(bytesOf(new Map([...one].reverse()), 0), bytesOf(one, 0))
})

test('a capability is a pax record that counts its own length', () => {
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
  const content = Buffer.from('x')
  const tree: Tree = new Map([['node', { type: 'file', mode: 0o755, content, capability }]])

  const archive = bytesOf(tree, 0)

  // Typeflag at byte 156, content in the block after the header.
  assert.equal(archive.toString('latin1', 156, 157), 'x')
  assert.equal(
    archive.toString('latin1', 512, 512 + 57),
    `57 SCHILY.xattr.security.capability=${capability.toString('latin1')}\n`,
  )
})

test('GNU tar checks every header and takes the archive whole', () => {
  const tree: Tree = new Map()
  for (const size of [0, 1, 511, 512, 513, 4096]) addText(tree, `size-${size}`, 'x'.repeat(size))

  assert.equal(listed(tree, 0).trim().split('\n').length, 6)
})

function bytesOf(tree: Tree, epoch: number): Buffer {
  return Buffer.concat([...tarOf(tree, epoch)])
}

/** What `tar` says about the archive; it fails on a wrong checksum or a cut end. */
function listed(tree: Tree, epoch: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'podtap-tar-'))
  try {
    writeFileSync(join(directory, 'x.tar'), bytesOf(tree, epoch))
    const options = ['--list', '--verbose', '--utc', '--numeric-owner', '--file', 'x.tar']
    return execFileSync('tar', options, { cwd: directory, encoding: 'utf8' })
  } finally {
    rmSync(directory, { recursive: true })
  }
}
