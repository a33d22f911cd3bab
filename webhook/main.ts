/** The process of the webhook: environment in, exit code out. */
import closeWithGrace from 'close-with-grace'
import { messageOf } from '../lib/errors.ts'
import { KubeClient } from '../lib/kube/client.ts'
import { serviceAccountCredentials, type KubeCredentials } from '../lib/kube/credentials.ts'
import { createLogger } from '../lib/logger.ts'
import { SERVICE_ACCOUNT_PATH } from '../sidecar/contract.ts'
import { checkFilter } from '../sidecar/engine/libpcap.ts'
import { loadWebhookConfig, type WebhookConfig } from './config.ts'
import { startWebhook } from './webhook.ts'

/** Beyond draining: below the 30 s after which the kubelet ends a container by force. */
const CLOSE_MS = 15_000

try {
  const config = loadWebhookConfig(process.env)
  await checkFilter(config.installation.sidecar.filter)
  const logger = createLogger('webhook', config.logLevel)
  const client = new KubeClient(await credentialsOf(config))
  const webhook = await startWebhook({ config, client, logger })
  closeWithGrace({ delay: config.drainMs + CLOSE_MS, logger }, async ({ err }) => {
    if (err) logger.error({ err }, 'unexpected error, ending')
    await webhook.stop()
  })
} catch (error) {
  process.stderr.write(`podtap webhook: ${messageOf(error)}\n`)
  process.exit(1)
}

async function credentialsOf(config: WebhookConfig): Promise<KubeCredentials> {
  if (config.kubeconfig === undefined) {
    const account = {
      directory: SERVICE_ACCOUNT_PATH,
      host: process.env['KUBERNETES_SERVICE_HOST'],
      port: process.env['KUBERNETES_SERVICE_PORT'],
    }
    return serviceAccountCredentials(account, 'run it in a pod, or let KUBECONFIG name a file')
  }
  // Loaded only where it is needed: reading kubeconfigs costs some 70 MB of memory.
  const { kubeconfigCredentials } = await import('../lib/kube/kubeconfig.ts')
  return kubeconfigCredentials(config.kubeconfig)
}
