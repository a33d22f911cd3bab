/** Workloads as people have them, in test/fixtures. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { objectAt, type JsonObject } from '../../webhook/admission/json.ts'
import { findKind } from '../../webhook/admission/workload.ts'

const DIRECTORY = join(import.meta.dirname, '../fixtures')

/** The names of all of them, sorted. */
export const RECORDED = readdirSync(DIRECTORY)
  .filter((name) => name.endsWith('.yaml'))
  .sort()

/** A workload and its pod template, which lies at `path` in it. */
export interface Recorded {
  readonly object: JsonObject
  readonly path: readonly string[]
  readonly template: JsonObject
}

/** Reads one of RECORDED. */
export function readRecorded(name: string): Recorded {
  const object = parse(readFileSync(join(DIRECTORY, name), 'utf8')) as JsonObject
  const kind = findKind(String(object['apiVersion']), String(object['kind']))
  const path = kind?.templatePath ?? []
  return { object, path, template: objectAt(object, ...path) }
}
