/** Reading from the cluster what checks rest on. */
import type { KubeClient } from '../../lib/kube/client.ts'
import { listObjects } from '../../lib/kube/list.ts'
import { isObject, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import type { SidecarSettings } from '../../webhook/admission/settings.ts'
import { readOverrides } from '../../webhook/admission/annotations.ts'
import type { NamespaceCoverage } from '../../webhook/coverage/survey.ts'
import { loadWebhookConfig, type WebhookConfig } from '../../webhook/config.ts'
import { known, knownOrMissing, valueOf, type Known } from '../cluster/known.ts'
import { surveyCluster, type ClusterSurvey, type SeenPod } from '../cluster/survey-cluster.ts'
import { readKubeletVersions, withKindOfSidecar } from '../installation/current-installation.ts'
import { findInstallation, type FoundInstallation } from '../installation/find-installation.ts'
import { webhookSettings } from '../installation/webhook-settings.ts'
import { mapBounded } from '../map-bounded.ts'
import { readCounts } from '../sidecars/read-counts.ts'
import type { MirroringFacts } from './mirroring.ts'
import { probe, type Probe } from './probe.ts'
import { wantedSensors, type SensorFacts, type WantedSensor } from './sensors.ts'

/** What there is to look at once the installation is found. */
export interface InstalledFacts {
  readonly found: FoundInstallation
  /** The defaults where the Deployment has a bad setting. */
  readonly settings: WebhookConfig
  readonly kubelets: Known<readonly string[]>
  readonly survey: Known<ClusterSurvey>
  /** The pods of the webhook's namespace. */
  readonly ownPods: Known<readonly JsonObject[]>
  readonly secret: Known<JsonObject | undefined>
  readonly readiness: Known<unknown>
  readonly probes: readonly Probe[]
  readonly sensors: readonly SensorFacts[]
  readonly mirroring: MirroringFacts
}

/** Of more namespaces none is tried: the webhook is the same for all. */
const MAX_PROBES = 20

/** How many sidecars are asked, evenly taken from all, and for how long together. */
const SAMPLE_SIZE = 40
const SAMPLE_BUDGET_MS = 1000

const CONCURRENCY = 8
const PAGE_SIZE = 500

/** Reads everything, in one namespace or (undefined) in all. What cannot be read is a problem in its place. */
export async function gather(
  client: KubeClient,
  namespace: string | undefined,
): Promise<InstalledFacts> {
  const [found, kubelets] = await Promise.all([
    findInstallation(client),
    known(readKubeletVersions(client)),
  ])
  const settings = settingsOf(found)
  const installation = withKindOfSidecar(settings, valueOf(kubelets) ?? [])
  const surveying = known(surveyCluster(client, installation, namespace))
  const [survey, ofWebhook] = await Promise.all([surveying, gatherWebhook(client, found, settings)])
  const coverage = valueOf(survey)?.namespaces ?? []
  const pods = [...(valueOf(survey)?.pods.values() ?? [])]
  const [probes, sensors, mirroring] = await Promise.all([
    gatherProbes(client, { coverage, settings, namespace }),
    gatherSensors(client, sidecarSettingsOf(coverage, installation.sidecar)),
    gatherMirroring(client, pods),
  ])
  return { found, settings, kubelets, survey, ...ofWebhook, probes, sensors, mirroring }
}

/** Where podtap is found but its settings are broken, the rest is looked at with the defaults. */
function settingsOf({ deployment, namespace }: FoundInstallation): WebhookConfig {
  try {
    return webhookSettings(valueOf(deployment), namespace)
  } catch {
    // It is reported as a finding about the Deployment.
    return loadWebhookConfig({ POD_NAMESPACE: namespace })
  }
}

async function gatherWebhook(
  client: KubeClient,
  { namespace, service }: FoundInstallation,
  { own }: WebhookConfig,
): Promise<Pick<InstalledFacts, 'ownPods' | 'secret' | 'readiness'>> {
  const place = `/api/v1/namespaces/${namespace}`
  const [ownPods, secret, readiness] = await Promise.all([
    known(listPods(client, namespace)),
    knownOrMissing(client.request(`${place}/secrets/${own.tlsSecret}`).then(asObject)),
    known(client.request(`${place}/services/https:${service}:443/proxy/readyz`)),
  ])
  return { ownPods, secret, readiness }
}

interface ProbeScope {
  readonly coverage: readonly NamespaceCoverage[]
  readonly settings: WebhookConfig
  readonly namespace: string | undefined
}

/** Where no namespace is enabled, any other shows whether the webhook answers, unless it is not asked. */
async function gatherProbes(
  client: KubeClient,
  { coverage, settings, namespace }: ProbeScope,
): Promise<readonly Probe[]> {
  const enabled = coverage.filter((each) => each.enabled).map((each) => each.namespace.name)
  const others = settings.scope === 'all' ? [namespace ?? 'default'] : []
  const places = enabled.length > 0 ? enabled.slice(0, MAX_PROBES) : others
  return mapBounded(places, CONCURRENCY, (place) => probe(client, place))
}

function sidecarSettingsOf(
  coverage: readonly NamespaceCoverage[],
  sidecar: SidecarSettings,
): ReadonlyMap<string, SidecarSettings> {
  const enabled = coverage.filter((each) => each.enabled)
  return new Map(
    enabled.map(({ namespace: { name, annotations } }) => {
      return [name, { ...sidecar, ...readOverrides(annotations, {}).override }]
    }),
  )
}

async function gatherSensors(
  client: KubeClient,
  settings: ReadonlyMap<string, SidecarSettings>,
): Promise<readonly SensorFacts[]> {
  return mapBounded(wantedSensors(settings), CONCURRENCY, async (sensor) => {
    const { setting, namespace, label, users } = sensor
    if (setting.kind !== 'pods') return { ...sensor, pods: { value: [] }, access: [] }
    const selector = `${label}=${setting.labelValue}`
    const pods = await known(listPods(client, namespace, selector))
    const access = await mapBounded(users, CONCURRENCY, async (user) => {
      return { user, allowed: await known(maySee(client, user, sensor)) }
    })
    return { ...sensor, pods, access }
  })
}

/** Whether the service accounts of `user` may list sensors; as the API server decides it. */
async function maySee(
  client: KubeClient,
  user: string,
  { namespace }: WantedSensor,
): Promise<boolean> {
  const groups = [`serviceaccounts:${user}`, 'serviceaccounts', 'authenticated']
  const answer = await client.request('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    method: 'POST',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: `system:serviceaccount:${user}:default`,
        groups: groups.map((group) => `system:${group}`),
        resourceAttributes: { verb: 'list', group: '', resource: 'pods', namespace },
      },
    },
  })
  return valueAt(answer, 'status', 'allowed') === true
}

async function gatherMirroring(
  client: KubeClient,
  pods: readonly SeenPod[],
): Promise<MirroringFacts> {
  const running = pods.filter(({ sidecar }) => sidecar.startedAt !== undefined)
  const step = Math.max(1, Math.ceil(running.length / SAMPLE_SIZE))
  const asked = running.filter((_, index) => index % step === 0)
  const addresses = asked.map(({ namespace, name, sidecar: { metricsPort } }) => {
    return { namespace, pod: name, metricsPort }
  })
  const read = await readCounts(client, addresses, { budgetMs: SAMPLE_BUDGET_MS })
  const sample = asked.flatMap((pod, index) => {
    const answer = read[index]
    return answer === undefined ? [] : [{ pod, read: answer }]
  })
  return { pods, sample }
}

async function listPods(
  client: KubeClient,
  namespace: string,
  labelSelector?: string,
): Promise<readonly JsonObject[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const select = (pod: JsonObject): JsonObject => pod
  const target = { path, select, ...(labelSelector !== undefined && { labelSelector }) }
  return [...(await listObjects(client, target, { pageSize: PAGE_SIZE })).items.values()]
}

function asObject(answer: unknown): JsonObject {
  return isObject(answer) ? answer : {}
}
