import assert from 'node:assert/strict'
import test from 'node:test'
import { toTemplate } from '../../../../scripts/chart.d/template.ts'

const SERVICE = `# What is called.
apiVersion: v1
kind: Service
metadata:
  name: podtap-webhook
  namespace: podtap
spec:
  port: 443
`

test('a manifest gets the labels, the namespace of the release and its settings', () => {
  const substitutions = [{ text: /port: \d+/g, template: 'port: {{ .Values.port }}' }]

  assert.equal(
    toTemplate('service.yaml', SERVICE, { substitutions, when: '.Values.enabled' }),
    `{{- /* Made by scripts/chart from service.yaml: change it there. */ -}}
{{- if .Values.enabled }}
# What is called.
apiVersion: v1
kind: Service
metadata:
  name: podtap-webhook
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "podtap.labels" . | nindent 4 }}
spec:
  port: {{ .Values.port }}
{{- end }}
`,
  )
})

test('labels that a manifest has stay', () => {
  const text = 'kind: Namespace\nmetadata:\n  name: a\n  labels:\n    team: net\n'

  assert.match(
    toTemplate('namespace.yaml', text, {}),
    / {2}labels:\n {4}\{\{- include "podtap.labels" \. \| nindent 4 \}\}\n {4}team: net\n$/,
  )
})

test('objects that Helm makes itself are left out', () => {
  const text = 'metadata:\n  name: a\n---\nmetadata:\n  name: b\n'

  const template = toTemplate('two.yaml', text, { without: ['a'] })

  assert.match(template, /name: b/)
  assert.doesNotMatch(template, /name: a\n/)
})

test('a setting that the manifest no longer has is named', () => {
  const substitutions = [{ text: 'replicas: 1', template: 'replicas: {{ .Values.replicas }}' }]

  assert.throws(() => toTemplate('service.yaml', SERVICE, { substitutions }), {
    message:
      'service.yaml: expected replicas: 1, found none: ' +
      'change what scripts/chart.d says of this file to what the manifest says now',
  })
})
