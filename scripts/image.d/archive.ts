/**
 * Archives of images that every tool reads: an OCI image layout (image-spec, image-layout.md) that
 * also holds the manifest.json of `docker save`.
 */
import { digestOf, type Layer } from './layer.ts'
import { tarOf } from './tar.ts'
import { addFile, addText, type Tree } from './tree.ts'

/** What a container of the image runs as (image-spec, config.md): the keys are the format's own. */
export interface ContainerConfig {
  readonly User?: string
  readonly ExposedPorts?: Readonly<Record<string, object>>
  readonly Env: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly WorkingDir: string
  readonly Labels: Readonly<Record<string, string>>
}

/** An image with all its parts. */
export interface Image {
  /** Full name without tag: `docker.io/podtap/webhook`. */
  readonly repository: string
  readonly tags: readonly string[]
  /** As Go and OCI name it: `amd64`, `arm64`. */
  readonly architecture: string
  readonly config: ContainerConfig
  readonly layers: readonly Layer[]
  /** When it was made, in seconds. */
  readonly epoch: number
}

/** A blob and where it belongs. */
interface Blob {
  readonly bytes: Buffer
  readonly descriptor: Descriptor
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const MEDIA = 'application/vnd.oci.image'

/** The documents of `image`: its config and the manifest, whose digest is the image's. */
export function describeImage(image: Image): { config: Blob; manifest: Blob } {
  const config = blob(`${MEDIA}.config.v1+json`, configOf(image))
  const manifest = blob(`${MEDIA}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${MEDIA}.manifest.v1+json`,
    config: config.descriptor,
    layers: image.layers.map(({ digest, size }) => ({
      mediaType: `${MEDIA}.layer.v1.tar+gzip`,
      digest,
      size,
    })),
  })
  return { config, manifest }
}

/** The archive of `image`, as chunks of a tar file. */
export function archiveOf(image: Image): Generator<Buffer> {
  const { config, manifest } = describeImage(image)
  const tree: Tree = new Map()
  addText(tree, 'oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  addText(tree, 'index.json', JSON.stringify(indexOf(image, manifest)))
  addText(tree, 'manifest.json', JSON.stringify([dockerManifestOf(image, config)]))
  for (const { descriptor, bytes } of [config, manifest]) {
    tree.set(blobPath(descriptor.digest), { type: 'file', mode: 0o644, content: bytes })
  }
  for (const layer of image.layers) addFile(tree, blobPath(layer.digest), layer.file)
  return tarOf(tree, image.epoch)
}

/** The docker.io names by which engines know `image`, one a tag. */
export function namesOf(image: Image): string[] {
  return image.tags.map((tag) => `${image.repository}:${tag}`)
}

function configOf(image: Image): unknown {
  const created = new Date(image.epoch * 1000).toISOString()
  return {
    created,
    architecture: image.architecture,
    os: 'linux',
    config: image.config,
    rootfs: { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) },
    history: image.layers.map(({ title }) => ({ created, created_by: `scripts/image: ${title}` })),
  }
}

/** One entry a tag: `io.containerd.image.name` is what containerd reads, `ref.name` what skopeo does. */
function indexOf(image: Image, manifest: Blob): unknown {
  const entry = (tag: string): unknown => ({
    ...manifest.descriptor,
    platform: { architecture: image.architecture, os: 'linux' },
    annotations: {
      'io.containerd.image.name': `${image.repository}:${tag}`,
      'org.opencontainers.image.ref.name': tag,
    },
  })
  return {
    schemaVersion: 2,
    mediaType: `${MEDIA}.index.v1+json`,
    manifests: image.tags.map(entry),
  }
}

function dockerManifestOf(image: Image, config: Blob): unknown {
  return {
    Config: blobPath(config.descriptor.digest),
    // Docker leaves its default registry out of names.
    RepoTags: namesOf(image).map((name) => name.replace(/^docker\.io\//, '')),
    Layers: image.layers.map(({ digest }) => blobPath(digest)),
  }
}

function blob(mediaType: string, content: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(content))
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`
}
