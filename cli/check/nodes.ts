/** Whether the nodes can run the sidecars that the webhook adds. */
import type { NativeSetting } from '../../webhook/admission/installation.ts'
import { knowsNativeSidecars, NATIVE_SIDECAR_MINOR } from '../../webhook/nodes.ts'
import type { Known } from '../cluster/known.ts'
import { failure, notChecked, ok, warning, type Finding } from './finding.ts'

/** What is to be said about `kubelets`, the versions of all nodes. */
export function checkNodes(
  kubelets: Known<readonly string[]>,
  setting: NativeSetting,
): readonly Finding[] {
  if ('problem' in kubelets) return [notChecked('the versions of the nodes', kubelets.problem)]
  const all = kubelets.value
  if (all.length === 0) return [warning('the cluster has no nodes')]
  const old = all.filter((version) => !knowsNativeSidecars(version))
  const newest = `Kubernetes 1.${NATIVE_SIDECAR_MINOR}`
  if (setting === 'off') return [ok('sidecars are classic ones, which every node can run')]
  if (old.length === 0) return [ok(`all ${all.length} nodes know native sidecars (${newest})`)]
  const some = `${old.length} of ${all.length} nodes are older than ${newest}`
  if (setting === 'on') {
    return [
      failure(
        `${some}, and NATIVE_SIDECAR is on: pods with a sidecar never start there`,
        'set NATIVE_SIDECAR=auto at the webhook, or upgrade these nodes',
      ),
    ]
  }
  return [
    warning(
      `${some}: sidecars are classic ones, and Jobs get none, because they would never end`,
      'upgrade these nodes',
    ),
  ]
}
