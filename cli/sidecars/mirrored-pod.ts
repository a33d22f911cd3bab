/** Pods that carry a sidecar, and how it can be asked. */
import { METRICS_PORT_NAME } from '../../webhook/admission/sidecar-container.ts'
import {
  arrayAt,
  isObject,
  textAt,
  valueAt,
  type JsonObject,
} from '../../webhook/admission/json.ts'
import { isOwnContainer } from '../../webhook/admission/uninject.ts'
import { liveAttachments } from '../attach/attached-containers.ts'

/** The sidecar of a pod. */
export interface PodSidecar {
  readonly native: boolean
  /** Present, and true: it was attached to the running pod, and ends by itself. */
  readonly attached?: true
  /** Since when it runs; undefined: it does not run. */
  readonly startedAt: Date | undefined
  readonly ready: boolean
  readonly restarts: number
  /** Why it does not run, as the kubelet says; empty: it runs, or nobody says. */
  readonly waiting: string
  readonly image: string
  /** TCP port of its metrics; undefined: they cannot be read from outside the pod. */
  readonly metricsPort: number | undefined
}

/** The sidecar of `pod`, or else the one that was attached to it; undefined: it has neither. */
export function sidecarOf(pod: JsonObject): PodSidecar | undefined {
  return injectedSidecar(pod) ?? attachedSidecar(pod)
}

function injectedSidecar(pod: JsonObject): PodSidecar | undefined {
  const own = (list: string): JsonObject | undefined =>
    arrayAt(pod, 'spec', list).filter(isObject).find(isOwnContainer)
  const native = own('initContainers')
  const container = native ?? own('containers')
  if (container === undefined) return undefined
  const list = native === undefined ? 'containerStatuses' : 'initContainerStatuses'
  return { native: native !== undefined, ...stateOf(container, arrayAt(pod, 'status', list)) }
}

function attachedSidecar(pod: JsonObject): PodSidecar | undefined {
  const [live] = liveAttachments(pod)
  const container = arrayAt(pod, 'spec', 'ephemeralContainers')
    .filter(isObject)
    .find(({ name }) => name === live?.name)
  if (container === undefined) return undefined
  const statuses = arrayAt(pod, 'status', 'ephemeralContainerStatuses')
  return { native: false, attached: true, ...stateOf(container, statuses) }
}

function stateOf(
  container: JsonObject,
  statuses: readonly unknown[],
): Omit<PodSidecar, 'native' | 'attached'> {
  const status = statuses.find((each) => valueAt(each, 'name') === container['name'])
  const started = textAt(status, 'state', 'running', 'startedAt')
  return {
    startedAt: started === '' ? undefined : new Date(started),
    ready: valueAt(status, 'ready') === true,
    restarts: Number(valueAt(status, 'restartCount') ?? 0),
    waiting: textAt(status, 'state', 'waiting', 'reason'),
    image: textAt(container, 'image'),
    metricsPort: metricsPortOf(container),
  }
}

/** A port that is declared is the one; otherwise the environment says it, unless only the pod sees it. */
function metricsPortOf(container: JsonObject): number | undefined {
  const ports = arrayAt(container, 'ports')
  const declared = ports.find((port) => valueAt(port, 'name') === METRICS_PORT_NAME)
  const number = valueAt(declared, 'containerPort')
  if (typeof number === 'number') return number
  const set = (name: string): string =>
    textAt(
      arrayAt(container, 'env').find((entry) => valueAt(entry, 'name') === name),
      'value',
    )
  if (/^(127\.|::1$)/.test(set('METRICS_ADDRESS'))) return undefined
  return Number(set('METRICS_PORT')) || undefined
}
