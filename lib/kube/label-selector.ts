/** A LabelSelector of meta/v1, as raw JSON. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly {
    readonly key?: string
    readonly operator?: string
    readonly values?: readonly string[]
  }[]
}

/**
 * Whether `selector` selects an object with these labels; an empty one selects everything, a missing one
 * nothing. Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
export function selects(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, unknown>>,
): boolean {
  if (selector === undefined) return false
  const { matchLabels = {}, matchExpressions = [] } = selector
  const equal = Object.entries(matchLabels).every(([key, value]) => labels[key] === value)
  return equal && matchExpressions.every((expression) => holds(expression, labels))
}

function holds(
  { key = '', operator, values = [] }: NonNullable<LabelSelector['matchExpressions']>[number],
  labels: Readonly<Record<string, unknown>>,
): boolean {
  const value = labels[key]
  const listed = typeof value === 'string' && values.includes(value)
  switch (operator) {
    case 'In':
      return listed
    case 'NotIn':
      return !listed
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}
