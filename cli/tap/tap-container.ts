import { AppError } from '../../lib/errors.ts'
import { SIDECAR_NAME } from '../../sidecar/contract.ts'
import { arrayAt, textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'

/** Where the kubelet says how containers are, in the order in which a tap looks for one. */
const STATUS_LISTS = [
  'containerStatuses',
  'initContainerStatuses',
  'ephemeralContainerStatuses',
] as const

/**
 * The name of a running container of `pod` from which it can be tapped: podtap's sidecar, or one that
 * was attached.
 * @throws AppError ERR_POD that says what to do where there is none.
 */
export function tapContainer(pod: JsonObject): string {
  const own = STATUS_LISTS.flatMap((list) => arrayAt(pod, 'status', list)).filter((status) => {
    return isOwnName(textAt(status, 'name'))
  })
  const running = own.find((status) => valueAt(status, 'state', 'running') !== undefined)
  if (running !== undefined) return textAt(running, 'name')
  const name = textAt(pod, 'metadata', 'name')
  throw new AppError(
    'ERR_POD',
    own.length > 0
      ? `pod ${name}: its sidecar does not run: see kubectl describe pod ${name}`
      : `pod ${name}: it has no sidecar: see podtap status for why not`,
  )
}

/** Whether a container is the sidecar, or one that podtap has attached: `podtap`, `podtap-x7f2c`. */
export function isOwnName(name: string): boolean {
  return name === SIDECAR_NAME || name.startsWith(`${SIDECAR_NAME}-`)
}
