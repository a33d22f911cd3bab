/**
 * The templates that workloads had before: Deployments keep them in ReplicaSets, StatefulSets and
 * DaemonSets in ControllerRevisions. Of each only a hash is kept, because there are thousands.
 */
import { keyOf } from '../lib/kube/objects.ts'
import { revisionOf } from './admission/consent.ts'
import { isObject, textAt, valueAt, type JsonObject } from './admission/json.ts'
import { controllerOf } from './admission/ownership.ts'
import type { Revision } from './admission/situation.ts'
import { Cache, type CacheDeps } from './cache.ts'

/** Where reviews look revisions up. */
export interface RevisionDirectory {
  /** The revisions of the workload with this uid; undefined: they are not all known yet. */
  revisionsOf(uid: string): readonly Revision[] | undefined
}

/** One kind of object that stores revisions, and where in it the template stands. */
interface RevisionKind {
  /** How logs name it. */
  readonly name: string
  readonly path: string
  readonly templatePath: readonly string[]
}

interface OwnedRevision extends Revision {
  /** The uid of the workload. */
  readonly owner: string
}

const KINDS: readonly RevisionKind[] = [
  {
    name: 'ReplicaSets',
    path: '/apis/apps/v1/replicasets',
    templatePath: ['spec', 'template'],
  },
  {
    name: 'ControllerRevisions',
    path: '/apis/apps/v1/controllerrevisions',
    templatePath: ['data', 'spec', 'template'],
  },
]

/** Keys of revisions that are gone are forgotten when there are so many more keys than revisions. */
const SPARE_KEYS = 1000

/** A cache of all revisions, fed by list + watch. */
export class RevisionCache implements RevisionDirectory {
  readonly #kinds: readonly RevisionsOfKind[]

  constructor(deps: CacheDeps) {
    this.#kinds = KINDS.map((kind) => new RevisionsOfKind(kind, deps))
  }

  revisionsOf(uid: string): readonly Revision[] | undefined {
    const found: OwnedRevision[] = []
    for (const kind of this.#kinds) {
      const revisions = kind.ownedBy(uid)
      if (revisions === undefined) return undefined
      found.push(...revisions)
    }
    return found
  }

  /** Follows all revisions until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#kinds.map((kind) => kind.run(signal)))
  }
}

class RevisionsOfKind {
  readonly #cache: Cache<JsonObject, OwnedRevision>
  /**
   * Where to look, by owner: a review must not go through all revisions of the cluster. It may name
   * some that are gone.
   */
  #keysByOwner = new Map<string, Set<string>>()
  #keys = 0

  constructor({ name, path, templatePath }: RevisionKind, deps: CacheDeps) {
    const select = (object: JsonObject): OwnedRevision | undefined => {
      const revision = ownedRevision(object, valueAt(object, ...templatePath))
      if (revision !== undefined) this.#add(keyOf(object), revision)
      return revision
    }
    this.#cache = new Cache(name, { path, select }, deps)
  }

  /** Undefined: not all are known yet. */
  ownedBy(uid: string): readonly OwnedRevision[] | undefined {
    const { items } = this.#cache
    if (items === undefined) return undefined
    const keys = [...(this.#keysByOwner.get(uid) ?? [])]
    const revisions = keys.flatMap((key) => items.get(key) ?? [])
    return revisions.filter(({ owner }) => owner === uid)
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#cache.run(signal)
  }

  #add(key: string, { owner }: OwnedRevision): void {
    if (this.#keysByOwner.get(owner)?.has(key)) return
    const { size } = this.#cache.items ?? { size: Number.POSITIVE_INFINITY }
    if (this.#keys > 2 * size + SPARE_KEYS) this.#forgetGone()
    const keys = this.#keysByOwner.get(owner) ?? new Set<string>()
    this.#keysByOwner.set(owner, keys.add(key))
    this.#keys += 1
  }

  #forgetGone(): void {
    this.#keysByOwner = new Map()
    this.#keys = 0
    for (const [key, revision] of this.#cache.items ?? []) this.#add(key, revision)
  }
}

function ownedRevision(object: JsonObject, template: unknown): OwnedRevision | undefined {
  const owner = textAt(controllerOf(object), 'uid')
  if (owner === '' || !isObject(template)) return undefined
  return { owner, ...revisionOf(template) }
}
