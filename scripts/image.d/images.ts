/** What each image consists of and what its containers run as. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_METRICS_PORT, SIDECAR_NAME, SIDECAR_UID } from '../../sidecar/contract.ts'
import type { ContainerConfig } from './archive.ts'
import { CAP_NET_RAW, fileCapability } from './capability.ts'
import { codeFrom, type CodeSelection } from './compiled-code.ts'
import type { LayerSource } from './layer.ts'
import { addPackages, packageClosure, type Lockfile } from './node-packages.ts'
import { addBaseFiles, addLibraries, addPrograms } from './system-files.ts'
import { addDirectory, addFile, addLink, addText, type Tree } from './tree.ts'

/** What images are made from. */
export interface Materials {
  /** The root of the repository. */
  readonly root: string
  /** The Node.js that goes into the images. */
  readonly node: string
  /** A file without debugging symbols, made from `path`. */
  readonly stripped: (path: string) => string
  readonly lockfile: Lockfile
  readonly package: { readonly name: string; readonly version: string; readonly license: string }
}

/** How one image is made. */
export interface Recipe {
  readonly layers: (materials: Materials) => LayerSource[]
  readonly config: ContainerConfig
}

/** Port of the webhook in its container. The API server reaches 10250 in private clusters too: it is the kubelet's. */
export const WEBHOOK_PORT = 10250

/** Flags of Node.js in the sidecar. Semi-spaces of 1 MB instead of 2 save 5 MB of resident memory. */
export const SIDECAR_FLAGS = ['--max-old-space-size=64', '--max-semi-space-size=1']

/** Flags of Node.js in the webhook. */
export const WEBHOOK_FLAGS = ['--max-old-space-size=128']

const USER = `${SIDECAR_UID}:${SIDECAR_UID}`
const PATH = 'PATH=/usr/bin'
const LIBPCAP = 'libpcap.so.0.8'

/** All images by name. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  webhook: {
    // In a cluster the webhook has a service account. Reading kubeconfigs takes a client of 60 MB.
    layers: (materials) =>
      nodeLayers(materials, { folder: 'webhook', without: ['lib/kube/kubeconfig.js'] }),
    config: {
      User: USER,
      ExposedPorts: { [`${WEBHOOK_PORT}/tcp`]: {} },
      Env: [PATH, 'NODE_ENV=production'],
      Entrypoint: ['/usr/bin/node', ...WEBHOOK_FLAGS, '/app/dist/webhook/main.js'],
      WorkingDir: '/app',
      Labels: { 'org.opencontainers.image.title': 'podtap webhook' },
    },
  },
  sidecar: {
    layers: (materials) =>
      nodeLayers(materials, { folder: 'sidecar', capability: fileCapability(CAP_NET_RAW) }),
    config: {
      User: USER,
      ExposedPorts: { [`${DEFAULT_METRICS_PORT}/tcp`]: {} },
      Env: [PATH, 'NODE_ENV=production'],
      Entrypoint: ['/usr/bin/node', ...SIDECAR_FLAGS, '/app/dist/sidecar/main.js'],
      WorkingDir: '/app',
      Labels: { 'org.opencontainers.image.title': 'podtap sidecar' },
    },
  },
  sensor: {
    layers: () => [
      { title: 'system libraries, tshark', tree: tsharkTree() },
      { title: 'busybox', tree: busyboxTree() },
    ],
    config: toolConfig('sensor for examples: tshark', ['/usr/bin/tshark']),
  },
  example: {
    layers: () => [{ title: 'busybox', tree: exampleTree() }],
    config: toolConfig('example application: busybox', ['/bin/sh']),
  },
}

interface NodeImage extends CodeSelection {
  /** File capability of its Node.js. */
  readonly capability?: Buffer
}

/** From what changes least to what changes most, so that a new version moves few bytes. */
function nodeLayers(materials: Materials, image: NodeImage): LayerSource[] {
  const code = codeFrom(join(materials.root, 'dist'), image)
  return [
    { title: 'system libraries', tree: systemTree(materials) },
    { title: 'Node.js', tree: nodeTree(materials, image.capability) },
    { title: `npm packages of the ${image.folder}`, tree: packagesTree(materials, code.packages) },
    { title: image.folder, tree: codeTree(materials, code.files) },
  ]
}

function systemTree(materials: Materials): Tree {
  const tree: Tree = new Map()
  addBaseFiles(tree, { name: SIDECAR_NAME, id: SIDECAR_UID })
  addLibraries(tree, [materials.node], [LIBPCAP])
  return tree
}

function nodeTree({ node, stripped }: Materials, capability?: Buffer): Tree {
  const content = { path: stripped(node) }
  return new Map([
    ['usr/bin/node', { type: 'file', mode: 0o755, content, ...(capability && { capability }) }],
  ])
}

/** An addon is stripped too: its symbols hold the path that it was compiled at. */
function packagesTree(materials: Materials, packages: readonly string[]): Tree {
  const { lockfile, root, stripped } = materials
  const tree: Tree = new Map()
  const installed = (directory: string): boolean => existsSync(join(root, directory))
  addPackages(tree, packageClosure(lockfile, packages, installed), root)
  for (const path of tree.keys()) {
    if (path.endsWith('.node')) addFile(tree, path, stripped(join(root, path.slice('app/'.length))))
  }
  return tree
}

/** dist/ and package.json keep their places to each other, as in the repository. */
function codeTree(materials: Materials, files: readonly string[]): Tree {
  const { name, version, license } = materials.package
  const tree: Tree = new Map()
  addText(tree, 'app/package.json', JSON.stringify({ name, version, license, type: 'module' }))
  addFile(tree, 'app/LICENSE', join(materials.root, 'LICENSE'))
  for (const file of files) addFile(tree, `app/dist/${file}`, join(materials.root, 'dist', file))
  return tree
}

function tsharkTree(): Tree {
  const tree: Tree = new Map()
  const programs = ['/usr/bin/tshark', '/usr/bin/dumpcap']
  addBaseFiles(tree, { name: 'sensor', id: SIDECAR_UID })
  addPrograms(tree, programs)
  addLibraries(tree, programs)
  addDirectory(tree, 'usr/share/wireshark', '/usr/share/wireshark')
  return tree
}

function exampleTree(): Tree {
  const tree = busyboxTree()
  addBaseFiles(tree, { name: 'example', id: SIDECAR_UID })
  addLink(tree, 'bin', 'usr/bin')
  return tree
}

/** busybox is one static program under the name of every command that it has. */
function busyboxTree(): Tree {
  const tree: Tree = new Map()
  addPrograms(tree, ['/usr/bin/busybox'])
  const commands = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n')
  for (const command of commands) {
    if (command !== 'busybox') addLink(tree, `usr/bin/${command}`, 'busybox')
  }
  return tree
}

function toolConfig(title: string, entrypoint: readonly string[]): ContainerConfig {
  return {
    Env: [PATH],
    Entrypoint: entrypoint,
    WorkingDir: '/',
    Labels: { 'org.opencontainers.image.title': `podtap ${title}` },
  }
}
