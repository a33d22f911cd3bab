/** Following the MutatingWebhookConfiguration: the leader's part that only looks, and tells. */
import type { KubeClient } from '../../lib/kube/client.ts'
import type { KubeObject } from '../../lib/kube/objects.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import type { Logger } from '../../lib/logger.ts'
import { arrayAt, objectAt } from '../admission/json.ts'
import { CONFIGURATIONS_PATH } from '../certificates/ca-bundle.ts'
import { Problems } from '../certificates/problems.ts'
import type { OwnObjects } from '../config.ts'
import { ReconcileLoop } from '../reconcile-loop.ts'
import { configurationProblems, type NamespaceLabels } from './configuration-problems.ts'

/** What it works with. */
export interface ConfigurationWatchDeps {
  readonly client: KubeClient
  readonly own: OwnObjects
  readonly logger: Logger
  /** Names of the enabled namespaces. */
  readonly enabled: () => readonly string[]
  /** Called when the configuration may have changed. */
  readonly onChange: () => void
  /** Called once for each thing that somebody should repair; a sentence. */
  readonly onProblem: (problem: string) => void
  /** For tests: how long a problem must last before it is told. */
  readonly graceMs?: number
}

/** Changes are heard of at once; in between it looks for labels of namespaces, which are not watched. */
const INTERVAL_MS = 10 * 60_000

/** One for a process; it looks while the process leads. */
export class ConfigurationWatch {
  readonly #deps: ConfigurationWatchDeps
  readonly #loop: ReconcileLoop
  #problems: Problems
  #pauseMs = INTERVAL_MS

  constructor(deps: ConfigurationWatchDeps) {
    const { logger } = deps
    this.#deps = deps
    this.#problems = this.#noProblems()
    this.#loop = new ReconcileLoop({
      reconcile: () => this.#look(),
      intervalMs: () => this.#pauseMs,
      onError: (err, failures) => {
        if (failures === 1) logger.error({ err }, 'looking at the webhook configuration fails')
      },
      onRecovered: () => {
        logger.info('looking at the webhook configuration works again')
      },
    })
  }

  /** What somebody should repair; empty while another process leads. */
  get problems(): readonly string[] {
    return this.#problems.current
  }

  /** Asks for another look; without effect while this process does not lead. */
  trigger(): void {
    this.#loop.trigger()
  }

  /** Looks until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#loop.run(signal), this.#follow(signal)])
    this.#problems = this.#noProblems()
  }

  async #look(): Promise<void> {
    const { own } = this.#deps
    const configuration = await this.#read()
    const enabled = hasSelector(configuration) ? await this.#enabledNamespaces() : []
    const problems = configurationProblems(configuration, own, enabled)
    const due = this.#problems.update(problems, performance.now())
    this.#pauseMs = due ?? INTERVAL_MS
  }

  /** Undefined: there is none, which CertificateKeeper tells. */
  async #read(): Promise<unknown> {
    const { client, own } = this.#deps
    try {
      return await client.request(`${CONFIGURATIONS_PATH}/${own.webhookConfiguration}`)
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined
      throw error
    }
  }

  async #enabledNamespaces(): Promise<readonly NamespaceLabels[]> {
    const { client, enabled } = this.#deps
    const names = new Set(enabled())
    if (names.size === 0) return []
    const items = arrayAt(await client.request('/api/v1/namespaces'), 'items') as KubeObject[]
    return items.flatMap(({ metadata: { name = '', labels = {} } = {} }) =>
      names.has(name) ? [{ name, labels }] : [],
    )
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { client, own, logger, onChange } = this.#deps
    const changed = (): void => {
      this.#loop.trigger()
      onChange()
    }
    const onError = (err: unknown, failures: number): void => {
      if (failures === 1) logger.warn({ err }, 'watching the webhook configuration fails')
    }
    const fieldSelector = `metadata.name=${own.webhookConfiguration}`
    await watchObjects(
      client,
      { path: CONFIGURATIONS_PATH, fieldSelector, select: () => true },
      { signal, listener: { onChange: changed, onError, onRecovered: changed } },
    )
  }

  #noProblems(): Problems {
    const { logger, onProblem, graceMs } = this.#deps
    return new Problems(
      {
        onProblem: (problem) => {
          logger.error({ problem }, 'the webhook configuration needs attention')
          onProblem(problem)
        },
        onSolved: (problem) => {
          logger.info({ problem }, 'solved')
        },
      },
      graceMs,
    )
  }
}

/** Whether it matters at all which labels namespaces have: reading them costs a list. */
function hasSelector(configuration: unknown): boolean {
  const webhooks = arrayAt(configuration, 'webhooks')
  return webhooks.some((webhook) =>
    Object.values(objectAt(webhook, 'namespaceSelector')).some(
      (terms) => JSON.stringify(terms).length > '[]'.length,
    ),
  )
}
