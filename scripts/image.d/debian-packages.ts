/** Which Debian packages the files of an image came from. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { addFile, addText, type Tree } from './tree.ts'

const FACTS = [
  'Package: ${Package}',
  'Status: install ok installed',
  'Architecture: ${Architecture}',
  'Source: ${source:Package} (${source:Version})',
  'Version: ${Version}',
  'Maintainer: ${Maintainer}',
  'Homepage: ${Homepage}',
]

/**
 * Says which packages `files` of this machine came from, where vulnerability scanners look for it
 * (/var/lib/dpkg/status.d, a file a package), and puts the licences of each.
 */
export function addPackageFacts(tree: Tree, files: readonly string[]): void {
  for (const facts of factsOf(ownersOf(files))) {
    const name = /^Package: (.+)/.exec(facts)?.[1] ?? ''
    addText(tree, `var/lib/dpkg/status.d/${name}`, `${facts}\n`)
    const licence = `usr/share/doc/${name}/copyright`
    if (existsSync(`/${licence}`)) addFile(tree, licence, `/${licence}`)
  }
}

/** One control paragraph a package. */
function factsOf(packages: readonly string[]): string[] {
  if (packages.length === 0) return []
  const format = `${FACTS.join('\\n')}\\n\\n`
  const answer = execFileSync('dpkg-query', ['--show', '--showformat', format, ...packages], {
    encoding: 'utf8',
  })
  return answer.trim().split('\n\n')
}

/** The packages (`name:architecture`) that `files` belong to. */
function ownersOf(files: readonly string[]): string[] {
  const spellings = [...new Set(files.flatMap(spellingsOf))]
  // It fails when it does not know one of the paths, and still answers for the others.
  const { stdout } = spawnSync('dpkg-query', ['--search', ...spellings], { encoding: 'utf8' })
  const names = [...stdout.matchAll(/^(?!diversion )(\S+): \//gm)].map((match) => match[1] ?? '')
  return [...new Set(names)].sort()
}

/** A package lists its file below /lib or below /usr/lib, with the soname's link or its target. */
function spellingsOf(file: string): string[] {
  const real = realpathSync(file)
  const direct = join(dirname(file), basename(real))
  return [file, direct, real].flatMap((path) => [path, path.replace(/^\/usr(?=\/lib)/, '')])
}
