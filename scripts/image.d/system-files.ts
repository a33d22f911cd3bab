/** Programs and shared libraries of this machine, as Debian packaged them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { addPackageFacts } from './debian-packages.ts'
import { addFile, addLink, addText, type Tree } from './tree.ts'

/** Puts `programs` (absolute paths) where they are here, without what they need. */
export function addPrograms(tree: Tree, programs: readonly string[]): void {
  for (const program of programs) addFile(tree, program.slice(1), program)
  addPackageFacts(tree, programs)
}

/**
 * Puts every shared library that `programs` (programs or libraries, absolute paths) load, and
 * `libraries` themselves (sonames that are opened by name at run time), with the dynamic loader.
 * @throws Error when one is not on this machine.
 */
export function addLibraries(
  tree: Tree,
  programs: readonly string[],
  libraries: readonly string[] = [],
): void {
  const opened = libraries.map(libraryPath)
  const all = new Set([...opened, ...[...programs, ...opened].flatMap(needed)])
  for (const path of all) addFile(tree, merged(path), path)
  // The loader's fixed path is below /lib or, on x86-64, below /lib64.
  for (const name of ['bin', 'lib', 'lib64']) addLink(tree, name, `usr/${name}`)
  addPackageFacts(tree, [...all])
}

/** Users, groups, name service and the mount points that a container needs. */
export function addBaseFiles(tree: Tree, user: { name: string; id: number }): void {
  const { name, id } = user
  addText(tree, 'etc/passwd', passwd('root', 0) + passwd(name, id))
  addText(tree, 'etc/group', `root:x:0:\n${name}:x:${id}:\n`)
  // glibc asks DNS only when told to; "files" is /etc/hosts. Both are part of libc since 2.34.
  addText(tree, 'etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n')
  for (const path of ['dev', 'proc', 'sys', 'run'])
    tree.set(path, { type: 'directory', mode: 0o755 })
  tree.set('tmp', { type: 'directory', mode: 0o1777 })
  addLink(tree, 'var/run', '../run')
}

function passwd(name: string, id: number): string {
  return `${name}:x:${id}:${id}:${name}:/:/usr/sbin/nologin\n`
}

/** The paths that the dynamic loader resolves for `program`, by ldd(1); nothing when it is static. */
function needed(program: string): string[] {
  const { stdout, stderr } = spawnSync('ldd', [program], { encoding: 'utf8', env: { LC_ALL: 'C' } })
  if (stderr.includes('not a dynamic executable')) return []
  const lines = stdout.split('\n')
  const missing = lines.find((line) => line.includes('not found'))
  if (missing !== undefined) throw new Error(`${program}: ${missing.trim()}: install its package`)
  return lines.flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? [])
}

/** The file of a soname, by the loader's cache. */
function libraryPath(soname: string): string {
  const cache = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' })
  const line = cache.split('\n').find((entry) => entry.trim().startsWith(`${soname} `))
  const path = line?.split(' => ')[1]
  if (path === undefined) throw new Error(`${soname} is not on this machine: install its package`)
  return path
}

/** /lib and /lib64 are links to /usr/lib and /usr/lib64 in the image, as in Debian since 12. */
function merged(path: string): string {
  return path.replace(/^\/(?=lib)/, 'usr/').replace(/^\//, '')
}
