/**
 * The annotation podtap.dev/status: what podtap added to a template. Its value is JSON:
 *
 *     {"version":1,"config":"3f1c…","containers":["podtap"],"volumes":["podtap-token"],
 *      "created":{"annotations":"absent","volumes":"null"}}
 *
 * A native sidecar stands under `initContainers` instead of `containers`.
 * `config` identifies the sidecar that was rendered; `created` names the parents that podtap had to
 * make and what stood there before, so that removing the sidecar can give back the original exactly.
 * Only `created` is read again: what may be removed is fixed by name, and never taken from a text that
 * anybody can write.
 */
import { hash } from 'node:crypto'
import { SIDECAR_NAME } from '../../sidecar/contract.ts'
import { STATUS } from './annotations.ts'
import { objectAt, textAt, type JsonObject } from './json.ts'
import { VOLUME_NAME } from './sidecar-container.ts'

/** The parents in a template that podtap makes where they are missing. */
export type CreatedParent = 'metadata' | 'annotations' | 'volumes' | 'initContainers'

/** What stood in the place of each parent that podtap made. */
export type Created = Readonly<Partial<Record<CreatedParent, 'absent' | 'null'>>>

/** What the status says: `config` as hashConfig() gives it. */
export interface StatusFacts {
  readonly config: string
  readonly native: boolean
  readonly created: Created
}

/** The value of podtap.dev/status. */
export function renderStatus({ config, native, created }: StatusFacts): string {
  const place = native ? 'initContainers' : 'containers'
  const added = { [place]: [SIDECAR_NAME], volumes: [VOLUME_NAME] }
  return JSON.stringify({ version: 1, config, ...added, created })
}

/** The parents that podtap made in `template`; none where its status is missing or unreadable. */
export function createdIn(template: JsonObject): Created {
  return inOrder(objectAt(parseStatus(template), 'created'))
}

/** The same in a fixed order and without anything else, so that equal facts are equal texts. */
export function inOrder(created: JsonObject): Created {
  const parents = ['metadata', 'annotations', 'volumes', 'initContainers'] as const
  return Object.fromEntries(
    parents
      .filter((parent) => created[parent] === 'absent' || created[parent] === 'null')
      .map((parent) => [parent, created[parent]]),
  )
}

/** A short identifier of what was rendered: equal sidecars have equal identifiers. */
export function hashConfig(rendered: JsonObject): string {
  return hash('sha256', JSON.stringify(rendered)).slice(0, 16)
}

/** The identifier of the sidecar that `template` carries; empty where its status does not say. */
export function configHashOf(template: JsonObject): string {
  return textAt(parseStatus(template), 'config').slice(0, 64)
}

function parseStatus(template: JsonObject): unknown {
  try {
    return JSON.parse(textAt(template, 'metadata', 'annotations', STATUS))
  } catch {
    // Missing, or written by somebody else: nothing is known then, and nothing is taken from it.
    return undefined
  }
}
