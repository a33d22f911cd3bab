import { KubeClient } from '../../lib/kube/client.ts'

/** A client of the server at `url`, without credentials. */
export function clientOf({ url }: { readonly url: string }): KubeClient {
  return new KubeClient({ server: url, read: () => Promise.resolve({ tls: {} }) })
}
