/** The workloads that a command line names. */
import { AppError } from '../../lib/errors.ts'
import { WORKLOAD_KINDS } from '../../webhook/admission/workload.ts'
import type { WorkloadCoverage } from '../../webhook/coverage/coverage.ts'

/** A workload by kind and name. */
export interface Target {
  readonly kind: string
  readonly name: string
}

/** The short names of kubectl. */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['deploy', 'Deployment'],
  ['sts', 'StatefulSet'],
  ['ds', 'DaemonSet'],
  ['cj', 'CronJob'],
  ['po', 'Pod'],
])

/**
 * Reads `deployment/web`, with the kind as kubectl takes it: in any case, plural, short.
 * @throws AppError ERR_CONFIG for anything else.
 */
export function parseTarget(raw: string): Target {
  const [, kindText = '', name = ''] =
    /^([A-Za-z]+)\/([a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/.exec(raw) ?? []
  const lower = kindText.toLowerCase()
  const known = WORKLOAD_KINDS.map(({ kind }) => kind)
  const kind = SHORT_NAMES.get(lower) ?? known.find((each) => isNamed(each.toLowerCase(), lower))
  if (kind !== undefined) return { kind, name }
  const expected = 'KIND/NAME such as deployment/web'
  throw new AppError('ERR_CONFIG', `${raw}: expected ${expected}, with one of ${known.join(', ')}`)
}

/**
 * Those of `workloads` that are named; all where none is.
 * @throws AppError ERR_CONFIG naming those that are not there.
 */
export function selectTargets(
  workloads: readonly WorkloadCoverage[],
  targets: readonly Target[],
): readonly WorkloadCoverage[] {
  if (targets.length === 0) return workloads
  const isMeant =
    (workload: WorkloadCoverage) =>
    ({ kind, name }: Target): boolean =>
      workload.kind === kind && workload.name === name
  const missing = targets.filter((target) => !workloads.some((each) => isMeant(each)(target)))
  if (missing.length === 0) return workloads.filter((each) => targets.some(isMeant(each)))
  const names = missing.map(({ kind, name }) => `${kind.toLowerCase()}/${name}`).join(', ')
  throw new AppError('ERR_CONFIG', `${names}: not in this namespace; see podtap status, and -n`)
}

function isNamed(kind: string, lower: string): boolean {
  return kind === lower || `${kind}s` === lower
}
