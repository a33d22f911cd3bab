/** Whether sidecars do their work, by what they say of themselves. */
import type { SeenPod } from '../cluster/survey-cluster.ts'
import { percent } from '../output/numbers.ts'
import type { CountsRead } from '../sidecars/read-counts.ts'
import { droppedFrames, lossOf, type SidecarCounts } from '../sidecars/sidecar-counts.ts'
import { failure, hint, ok, warning, type Finding } from './finding.ts'

/** What is known of sidecars. */
export interface MirroringFacts {
  readonly pods: readonly SeenPod[]
  /** Those that were asked, and what they said. */
  readonly sample: readonly { readonly pod: SeenPod; readonly read: CountsRead }[]
}

/** Loss from which on it is worth a warning, as part of one. */
const NOTABLE_LOSS = 0.001

/** VXLAN over IPv4: 20 + 8 + 8, and the inner Ethernet header of 14 (RFC 7348 §5). */
const OVERHEAD = 50

/** What a pod sends at once on an ordinary network, in bytes. */
const ORDINARY_MTU = 1500

/** What is to be said about sidecars. */
export function checkMirroring({ pods, sample }: MirroringFacts): readonly Finding[] {
  const read = sample.flatMap(({ pod, read: { counts } }) =>
    'value' in counts ? [{ pod, counts: counts.value }] : [],
  )
  return [
    ...checkRunning(pods),
    ...checkAnswers(sample),
    ...checkDestinations(read),
    ...checkLoss(read),
    ...checkMtu(read),
  ]
}

interface Read {
  readonly pod: SeenPod
  readonly counts: SidecarCounts
}

function checkRunning(pods: readonly SeenPod[]): readonly Finding[] {
  const stuck = pods.filter(
    ({ sidecar }) => sidecar.startedAt === undefined && /BackOff|Err|Invalid/.test(sidecar.waiting),
  )
  const [first] = stuck
  const starting =
    pods.filter(({ sidecar }) => sidecar.startedAt === undefined).length - stuck.length
  const waiting =
    starting > 0 ? [hint(`${plural(starting, 'pod')} with a sidecar that has not started yet`)] : []
  if (first === undefined) return waiting
  return [
    ...waiting,
    failure(
      `the sidecar does not run in ${names(stuck)}: ${first.sidecar.waiting} (${first.sidecar.image})`,
      `kubectl -n ${first.namespace} describe pod ${first.name}`,
    ),
  ]
}

function checkAnswers(sample: MirroringFacts['sample']): readonly Finding[] {
  const failed = sample.flatMap(({ pod, read: { counts } }) =>
    'problem' in counts ? [{ pod, problem: counts.problem }] : [],
  )
  const [first] = failed
  if (first === undefined) return []
  const who = names(failed.map(({ pod }) => pod))
  return [warning(`the metrics of ${who} could not be read: ${first.problem}`)]
}

function checkDestinations(read: readonly Read[]): readonly Finding[] {
  const lost = read.filter(({ counts }) => counts.destinations.length === 0)
  if (read.length === 0) return []
  if (lost.length === 0) return [ok(`${plural(read.length, 'sidecar')} asked: all have a sensor`)]
  const [first] = lost
  return [
    failure(
      `the sidecar has no sensor in ${names(lost.map(({ pod }) => pod))}`,
      `see the sensors above, and kubectl -n ${first?.pod.namespace ?? ''} logs ${first?.pod.name ?? ''} -c podtap`,
    ),
  ]
}

function checkLoss(read: readonly Read[]): readonly Finding[] {
  const lossy = read.filter(({ counts }) => (lossOf(counts) ?? 0) >= NOTABLE_LOSS)
  const worst = lossy.reduce<Read | undefined>(
    (most, each) =>
      most === undefined || droppedFrames(each.counts) > droppedFrames(most.counts) ? each : most,
    undefined,
  )
  if (worst === undefined) return []
  const reasons = Object.entries(worst.counts.dropped).sort(([, a], [, b]) => b - a)
  const [main = ''] = reasons[0] ?? []
  const described = reasons.map(([reason, frames]) => `${reason} ${frames}`).join(', ')
  return [
    warning(
      `frames are lost in ${names(lossy.map(({ pod }) => pod))}, most in ${worst.pod.name}: ` +
        `${percent(lossOf(worst.counts) ?? 0)} since its start (${described})`,
      REMEDIES[main] ?? 'podtap top shows whether it goes on',
    ),
  ]
}

const REMEDIES: Readonly<Record<string, string>> = {
  kernel:
    'give the sidecar more: podtap.dev/cpu on the pod template, or mirror less: podtap.dev/filter',
  backlog:
    'give the sidecar more: podtap.dev/cpu on the pod template, or mirror less: podtap.dev/filter',
  'no-sensor':
    'podtap top shows whether it goes on: frames from before a sensor was found count too',
  refused:
    'nothing listens on the UDP port of the sensor; if it sniffs its interface, it has them all the same: set RECEIVER=sniffer',
  unreachable: 'see that pods may reach the sensor: NetworkPolicies, routes, UDP port 4789',
  'too-long': 'set FIT=split at the webhook (the default), or raise the MTU of the pod network',
}

/** Splitting costs nothing but a little time, so this is for those who care. */
function checkMtu(read: readonly Read[]): readonly Finding[] {
  const known = read.map(({ counts }) => counts.pathMtu).filter((mtu) => mtu !== undefined)
  if (known.length === 0) return []
  const least = Math.min(...known)
  if (least >= ORDINARY_MTU + OVERHEAD) return [ok(`mirrored frames fit the path (MTU ${least})`)]
  return [
    hint(
      `the path to a sensor takes packets of ${least} bytes: longer frames than ${least - OVERHEAD} are split`,
      'nothing is lost by it; an MTU 50 bytes larger than that of the pods would avoid it',
    ),
  ]
}

function names(pods: readonly SeenPod[]): string {
  const shown = pods.slice(0, 3).map(({ namespace, name }) => `${namespace}/${name}`)
  const more = pods.length - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
