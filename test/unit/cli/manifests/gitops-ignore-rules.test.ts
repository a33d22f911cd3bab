import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { parseAllDocuments } from 'yaml'
import { GITOPS_TOOLS, gitOpsIgnoreRules } from '../../../../cli/manifests/gitops-ignore-rules.ts'
import { SIDECAR_NAME } from '../../../../sidecar/contract.ts'
import { VOLUME_NAME } from '../../../../webhook/admission/sidecar-container.ts'
import { loadWebhookConfig } from '../../../../webhook/config.ts'
import { SCOPE_ANNOTATION } from '../../../../webhook/scope.ts'

const { own } = loadWebhookConfig({})

for (const tool of GITOPS_TOOLS) {
  test(`the rules for ${tool} are YAML that names what the webhook writes into podtap’s objects`, () => {
    const rules = gitOpsIgnoreRules(tool)

    assert.deepEqual(
      parseAllDocuments(rules).flatMap(({ errors }) => errors),
      [],
    )
    const scope = tool === 'flux' ? SCOPE_ANNOTATION.replace('/', '~1') : SCOPE_ANNOTATION
    const written = ['caBundle', 'namespaceSelector', '/subjects', scope]
    const objects = [own.webhookConfiguration, own.sensorRoleBinding].map((name) => `name: ${name}`)
    assert.deepEqual(
      [...written, ...objects].filter((text) => !rules.includes(text)),
      [],
    )
  })
}

test('Argo CD ignores the sidecar wherever it is added', () => {
  const rules = gitOpsIgnoreRules('argocd')

  for (const prefix of ['.spec.template', '.spec.jobTemplate.spec.template']) {
    assert.ok(rules.includes(`- ${prefix}.metadata.annotations["podtap.dev/status"]\n`))
    for (const list of ['containers', 'initContainers'])
      assert.ok(
        rules.includes(`- ${prefix}.spec.${list}[]? | select(.name == "${SIDECAR_NAME}")\n`),
      )
    assert.ok(rules.includes(`- ${prefix}.spec.volumes[]? | select(.name == "${VOLUME_NAME}")\n`))
  }
})

test('the operations guide shows the rules as they are', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../../docs/operations.md'), 'utf8')

  for (const tool of GITOPS_TOOLS)
    assert.ok(guide.includes(`podtap install --ignore-rules ${tool}`), tool)
})
