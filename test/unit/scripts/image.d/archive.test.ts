import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { archiveOf, describeImage, type Image } from '../../../../scripts/image.d/archive.ts'
import { buildLayer } from '../../../../scripts/image.d/layer.ts'
import { addText, type Tree } from '../../../../scripts/image.d/tree.ts'

interface Unpacked {
  readonly read: (file: string) => Record<string, unknown>
  readonly path: (file: string) => string
}

test('an archive is an OCI layout with every tag by its full name', async (t) => {
  const { image, archive } = await example(t)
  const digest = describeImage(image).manifest.descriptor.digest

  const { manifests } = archive.read('index.json') as {
    manifests: { digest: string; annotations: Record<string, string> }[]
  }

  assert.deepEqual(archive.read('oci-layout'), { imageLayoutVersion: '1.0.0' })
  assert.deepEqual(
    manifests.map((entry) => [entry.digest, entry.annotations]),
    ['1.2.3', 'latest'].map((tag) => [
      digest,
      {
        'io.containerd.image.name': `docker.io/podtap/x:${tag}`,
        'org.opencontainers.image.ref.name': tag,
      },
    ]),
  )
})

test('the same archive is what docker save writes, by names without docker.io', async (t) => {
  const { image, archive } = await example(t)
  const { digest } = describeImage(image).config.descriptor

  assert.deepEqual(archive.read('manifest.json'), [
    {
      Config: blobOf(digest),
      RepoTags: ['podtap/x:1.2.3', 'podtap/x:latest'],
      Layers: image.layers.map((layer) => blobOf(layer.digest)),
    },
  ])
})

test('every blob has the digest that it is named by, and layers unpack to their diff ids', async (t) => {
  const { image, archive } = await example(t)
  const { config, manifest } = describeImage(image)

  for (const digest of [
    config.descriptor.digest,
    manifest.descriptor.digest,
    ...image.layers.map((layer) => layer.digest),
  ]) {
    assert.equal(sha256(readFileSync(archive.path(blobOf(digest)))), digest)
  }
  for (const { digest, diffId } of image.layers) {
    assert.equal(sha256(execFileSync('zcat', [archive.path(blobOf(digest))])), diffId)
  }
})

test('a layer is made once and found again by its content', async (t) => {
  const cache = temporary(t)
  const said: string[] = []
  const options = { cache, epoch: 0, say: (message: string): number => said.push(message) }

  const first = await buildLayer({ title: 'first', tree: treeOf('same') }, options)
  const again = await buildLayer({ title: 'again', tree: treeOf('same') }, options)
  const other = await buildLayer({ title: 'other', tree: treeOf('different') }, options)

  assert.deepEqual(said, ['packing first (1 MB)', 'packing other (1 MB)'])
  assert.deepEqual({ ...again, title: 'first' }, first)
  assert.notEqual(other.digest, first.digest)
})

async function example(t: test.TestContext): Promise<{ image: Image; archive: Unpacked }> {
  const directory = temporary(t)
  const options = { cache: directory, epoch: 0, say: (): undefined => undefined }
  const image: Image = {
    repository: 'docker.io/podtap/x',
    tags: ['1.2.3', 'latest'],
    architecture: 'amd64',
    config: { Env: [], Entrypoint: ['/x'], WorkingDir: '/', Labels: {} },
    layers: [
      await buildLayer({ title: 'one', tree: treeOf('1') }, options),
      await buildLayer({ title: 'two', tree: treeOf('2') }, options),
    ],
    epoch: 0,
  }
  writeFileSync(join(directory, 'x.tar'), Buffer.concat([...archiveOf(image)]))
  execFileSync('tar', ['--extract', '--file', 'x.tar'], { cwd: directory })
  const path = (file: string): string => join(directory, file)
  const read = (file: string): Record<string, unknown> =>
    JSON.parse(readFileSync(path(file), 'utf8')) as Record<string, unknown>
  return { image, archive: { read, path } }
}

function treeOf(text: string): Tree {
  const tree: Tree = new Map()
  addText(tree, 'file', text)
  return tree
}

function temporary(t: test.TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'podtap-image-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  return directory
}

function blobOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
