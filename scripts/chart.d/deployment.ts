/** The settings of the webhook’s Deployment. */
import { entries, setting } from './settings.ts'
import type { Substitution } from './template.ts'

const IMAGE = '(dict "image" .Values.webhook.image "version" .Chart.AppVersion)'

const SERVICE_ACCOUNT = '      serviceAccountName: podtap-webhook\n'

const POD_METADATA = `    metadata:
      labels:
        app.kubernetes.io/name: podtap-webhook
`

/** What of manifests/base/deployment.yaml becomes a setting. */
export const DEPLOYMENT: readonly Substitution[] = [
  { text: /replicas: \d+/g, template: 'replicas: {{ .Values.webhook.replicas }}' },
  { text: POD_METADATA, template: podMetadata() },
  { text: SERVICE_ACCOUNT, template: `${SERVICE_ACCOUNT}${podSettings()}` },
  { text: 'terminationGracePeriodSeconds: 30', template: gracePeriod() },
  {
    text: /image: podtap\/webhook:\S+/g,
    template: `image: {{ include "podtap.image" ${IMAGE} }}`,
  },
  {
    text: 'imagePullPolicy: IfNotPresent',
    template: 'imagePullPolicy: {{ .Values.webhook.image.pullPolicy }}',
  },
  {
    text: / {12}- name: SIDECAR_IMAGE\n(?:.*\n)*? {12}- name: SENSOR_NAMESPACE\n.*\n/g,
    template: '            {{- include "podtap.environment" . | nindent 12 }}\n',
  },
  {
    text: / {10}resources:\n(?: {12}.*\n)+/g,
    template: `          resources:\n            {{- toYaml .Values.webhook.resources | nindent 12 }}\n`,
  },
]

function podMetadata(): string {
  const annotations = setting('webhook.podAnnotations', { key: 'annotations', indent: 6 })
  return POD_METADATA.replace('\n', () => `\n${annotations}`) + entries('webhook.podLabels', 8)
}

function podSettings(): string {
  const names = ['imagePullSecrets', 'priorityClassName', 'nodeSelector', 'tolerations']
  return names.map((key) => setting(`webhook.${key}`, { key, indent: 6 })).join('')
}

/** Draining and at most 15 s of closing, and some. */
function gracePeriod(): string {
  return 'terminationGracePeriodSeconds: {{ add 25 (.Values.webhook.drainSeconds | default 5) }}'
}
