/** What podtap says of itself, as `kubectl get events` shows it. */
import { kubectl, until } from './cluster.ts'

/** One line of `kubectl -n podtap get events`. */
export interface ShownEvent {
  readonly type: string
  readonly reason: string
  /** As `pod/NAME`. */
  readonly object: string
  readonly message: string
}

const COLUMNS = /^\S+\s+(?<type>\w+)\s+(?<reason>\w+)\s+(?<object>\S+)\s+(?<message>.*)$/

/** What podtap has said of its own pods until now, for `reason`. */
export async function ownEvents(reason: string): Promise<readonly ShownEvent[]> {
  const table = await kubectl(
    ...['-n', 'podtap', 'get', 'events', '--field-selector', 'source=podtap', '--no-headers'],
  )
  const events = table.split('\n').flatMap((line) => {
    const match = COLUMNS.exec(line.trim())
    return match ? [match.groups as unknown as ShownEvent] : []
  })
  return events.filter((event) => event.reason === reason)
}

/** Forgets what was said until now. */
export async function clearOwnEvents(): Promise<void> {
  await kubectl('-n', 'podtap', 'delete', 'events', '--field-selector', 'source=podtap')
}

/** Waits until `count` pods have said something for `reason`, and returns what, each sentence once. */
export async function saidBy(count: number, reason: string): Promise<readonly string[]> {
  return until(`${reason} of ${count} pods`, async () => {
    const events = await ownEvents(reason)
    const pods = new Set(events.map(({ object }) => object))
    return pods.size >= count && [...new Set(events.map(({ message }) => message))]
  })
}
