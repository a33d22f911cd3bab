/** Changing a YAML document as a person would: what is not concerned stays as it is written. */
import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'yaml'
import type { PatchOperation } from '../../webhook/admission/patch.ts'
import { editNodes } from './edit-yaml-nodes.ts'
import { editText } from './edit-yaml-text.ts'
import { yamlValue } from './read-manifests.ts'

/**
 * The text with `patch` applied, so that it says `expected`. Three ways are tried, and the first whose
 * result says exactly that is taken: lines are inserted, replaced or removed, and every other byte
 * stays; the parsed document is changed and written anew, with its comments; the value is written anew.
 */
export function editYaml(
  text: string,
  patch: readonly PatchOperation[],
  expected: unknown,
): string {
  for (const edit of [editText, editNodes]) {
    const edited = edit(text, patch)
    if (edited !== undefined && says(edited, expected)) return edited
  }
  const start = /^---.*\n/.exec(text)?.[0] ?? ''
  return start + stringify(expected, { lineWidth: 0 })
}

function says(text: string, expected: unknown): boolean {
  try {
    return isDeepStrictEqual(yamlValue(text), expected)
  } catch {
    // The edit broke the text; another way is tried.
    return false
  }
}
