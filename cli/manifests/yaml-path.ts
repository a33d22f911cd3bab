/** Finding nodes of a YAML document by JSON Pointer. */
import { isMap, isScalar, isSeq, type Node, type Pair } from 'yaml'

/** The keys of a JSON Pointer (RFC 6901). */
export function keysOf(pointer: string): readonly string[] {
  const parts = pointer.split('/').slice(1)
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The node at `path`; undefined where a step is missing, an alias or merged in from elsewhere. */
export function nodeAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce(childOf, root)
}

/** The pair of a map that has this key. */
export function pairOf(map: unknown, key: string): Pair<Node, Node | null> | undefined {
  if (!isMap<Node, Node | null>(map)) return undefined
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key)
}

function childOf(node: unknown, key: string): unknown {
  return isSeq(node) ? node.items[Number(key)] : pairOf(node, key)?.value
}
