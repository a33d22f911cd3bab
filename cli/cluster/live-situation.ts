/** What a decision about a workload in a cluster rests on now. */
import type { KubeClient } from '../../lib/kube/client.ts'
import type { KubeObject } from '../../lib/kube/objects.ts'
import { arrayAt, isObject, type JsonObject } from '../../webhook/admission/json.ts'
import { namespaceFactsOf } from '../../webhook/admission/namespace-facts.ts'
import { annotatedFilter } from '../../webhook/admission/settings-for.ts'
import type { Situation } from '../../webhook/admission/situation.ts'
import { newWorkload, type WorkloadKind } from '../../webhook/admission/workload.ts'
import { asRestarted } from '../../webhook/coverage/judge.ts'
import { listPath } from '../../webhook/coverage/survey.ts'
import { currentInstallation } from '../installation/current-installation.ts'
import { known, valueOf } from './known.ts'
import { filterProblemHere } from './survey-cluster.ts'

/** A workload of a cluster. */
export interface WorkloadPlace {
  readonly kind: WorkloadKind
  readonly namespace: string
  readonly name: string
}

/**
 * The situation in which the webhook would be if the workload were restarted now (a pod: made anew).
 * Without the rights to see LimitRanges and ResourceQuotas nothing is refused for them.
 * @throws KubeError as KubeClient.request() does; status 404 where there is no such workload.
 */
export async function liveSituation(client: KubeClient, place: WorkloadPlace): Promise<Situation> {
  const { kind, namespace, name } = place
  const path = `${listPath(kind.apiVersion, `${kind.kind.toLowerCase()}s`, namespace)}/${name}`
  const [object, facts, installation, limitRanges, quotas] = await Promise.all([
    client.request(path),
    client.request(`/api/v1/namespaces/${namespace}`),
    currentInstallation(client),
    listAll(client, listPath('v1', 'limitranges', namespace)),
    listAll(client, listPath('v1', 'resourcequotas', namespace)),
  ])
  const stored = newWorkload(kind, isObject(object) ? object : {})
  const workload = kind.templatePath.length === 0 ? stored : asRestarted(stored)
  const about = namespaceFactsOf(facts as KubeObject)
  const filter = annotatedFilter(workload, about)
  const filterProblem = filter === undefined ? undefined : await filterProblemHere(filter)
  const cluster = { limits: { limitRanges, quotas }, filterProblem }
  return { workload, namespace: about, installation, cluster }
}

async function listAll(client: KubeClient, path: string): Promise<readonly JsonObject[]> {
  const answer = valueOf(await known(client.request(path)))
  return arrayAt(answer, 'items').filter(isObject)
}
