import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Writes a kubeconfig for the server at `url` that lasts as long as the test; returns its path. */
export function kubeconfigFile(t: TestContext, url: string, namespace?: string): string {
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
    // Without it, plain HTTP is refused.
    clusters: [{ name: 'test', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'secret' } }],
    contexts: [{ name: 'test', context }],
  }
  writeFileSync(path, JSON.stringify(config))
  return path
}
