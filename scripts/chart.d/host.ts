/** The settings of the host mode: which manifest of manifests/host becomes which template. */
import { entries, setting } from './settings.ts'
import type { Conversion, Substitution } from './template.ts'

const ENABLED = '.Values.host.enabled'

const IMAGE = '(dict "image" .Values.sidecar.image "version" .Chart.AppVersion)'

const SERVICE_ACCOUNT = '      serviceAccountName: podtap-host\n'

const POD_LABELS = `      labels:
        app.kubernetes.io/name: podtap-host
`

const METRICS_PORT = '{{ .Values.host.metricsPort | default 14789 }}'

/** The namespace that people choose, as every manifest names it. */
const NAMESPACE: Substitution = {
  text: /namespace: podtap-host$/gm,
  template: 'namespace: {{ .Values.host.namespace }}',
}

/** What of manifests/host/daemon-set.yaml becomes a setting. */
const DAEMON_SET: readonly Substitution[] = [
  NAMESPACE,
  { text: /maxUnavailable: \d+/g, template: 'maxUnavailable: {{ .Values.host.maxUnavailable }}' },
  { text: POD_LABELS, template: `${POD_LABELS}${entries('host.podLabels', 8)}` },
  {
    text: /( +)prometheus\.io\/port: '\d+'\n/g,
    template: `        prometheus.io/port: '${METRICS_PORT}'\n` + entries('host.podAnnotations', 8),
  },
  { text: SERVICE_ACCOUNT, template: `${SERVICE_ACCOUNT}${podSettings()}` },
  {
    text: / {6}tolerations:\n(?: {8}.*\n)+/g,
    template: setting('host.tolerations', { key: 'tolerations', indent: 6 }),
  },
  {
    text: / {6}nodeSelector:\n(?: {8}.*\n)+/g,
    template: setting('host.nodeSelector', { key: 'nodeSelector', indent: 6 }),
  },
  {
    text: /image: podtap\/sidecar:\S+/g,
    template: `image: {{ include "podtap.image" ${IMAGE} }}`,
  },
  {
    text: 'imagePullPolicy: IfNotPresent',
    template: 'imagePullPolicy: {{ .Values.host.pullPolicy }}',
  },
  {
    text: / {12}- name: MODE\n(?:.*\n)*?(?= {12}- name: NODE_NAME\n)/g,
    template: '            {{- include "podtap.hostEnvironment" . | nindent 12 }}\n',
  },
  { text: /containerPort: \d+/g, template: `containerPort: ${METRICS_PORT}` },
  {
    text: / {10}resources:\n(?: {12}.*\n)+/g,
    template: `          resources:\n            {{- toYaml .Values.host.resources | nindent 12 }}\n`,
  },
]

/** Files of manifests/host, by name; those that are not here have no setting but their namespace. */
const OWN_CONVERSIONS: Readonly<Record<string, Conversion>> = {
  'namespace.yaml': {
    when: `and ${ENABLED} .Values.host.createNamespace`,
    substitutions: [
      { text: '  name: podtap-host\n', template: '  name: {{ .Values.host.namespace }}\n' },
    ],
  },
  'mirrored-pods-access.yaml': {
    when: `and ${ENABLED} .Values.host.excludeMirrored`,
    substitutions: [NAMESPACE],
  },
  'daemon-set.yaml': { when: ENABLED, substitutions: DAEMON_SET },
}

/** How the file `name` of manifests/host becomes a template. */
export function hostConversion(name: string): Conversion {
  return OWN_CONVERSIONS[name] ?? { when: ENABLED, substitutions: [NAMESPACE] }
}

function podSettings(): string {
  const names = ['imagePullSecrets', 'priorityClassName']
  return names.map((key) => setting(`host.${key}`, { key, indent: 6 })).join('')
}
