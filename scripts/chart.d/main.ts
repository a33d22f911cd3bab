/** What scripts/chart runs: writes what of the chart is made from other files, or checks it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { madeFiles } from './made-files.ts'

const ROOT = join(import.meta.dirname, '../..')

try {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
  const stale = [...madeFiles(ROOT)].filter(([file, text]) => present(file) !== text)
  if (values.check && stale.length > 0) {
    throw new Error(`run scripts/chart: not up to date: ${stale.map(([file]) => file).join(', ')}`)
  }
  for (const [file, text] of stale) write(file, text)
} catch (error) {
  console.error(`podtap: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}

function present(file: string): string | undefined {
  try {
    return readFileSync(join(ROOT, file), 'utf8')
  } catch {
    return undefined
  }
}

function write(file: string, text: string): void {
  const path = join(ROOT, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  console.log(file)
}
