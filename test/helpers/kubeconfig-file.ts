import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** What the kubeconfig says beside the server. */
export interface KubeconfigParts {
  /** Of the context. */
  readonly namespace?: string
  readonly token?: string
}

/**
 * Writes a kubeconfig for the server at `url`, whose certificate is not looked at; it lasts as long as
 * the test. Returns its path.
 */
export function kubeconfigFile(
  t: TestContext,
  url: string,
  { namespace, token = 'secret' }: KubeconfigParts = {},
): string {
  const directory = mkdtempSync(join(tmpdir(), 'podtap-kubeconfig-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  const path = join(directory, 'config')
  const context = { cluster: 'test', user: 'test', ...(namespace && { namespace }) }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    // Without it, plain HTTP is refused too.
    clusters: [{ name: 'test', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context }],
  }
  writeFileSync(path, JSON.stringify(config))
  return path
}
