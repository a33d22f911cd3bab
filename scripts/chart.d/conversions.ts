/** Which manifest becomes which template, and what of it becomes a setting. */
import { DEPLOYMENT } from './deployment.ts'
import type { Conversion } from './template.ts'

/** Files of manifests/base, by name; those that are not here become templates as they are. */
export const BASE_CONVERSIONS: Readonly<Record<string, Conversion>> = {
  'namespaces.yaml': {
    // Helm needs the namespace of the release before it applies anything, so no chart can make it.
    without: ['podtap'],
    when: '.Values.sensor.createNamespace',
    substitutions: [
      {
        text: '  name: podtap-sensor\n',
        template:
          '  name: {{ .Values.sensor.namespace }}\n' +
          '  annotations:\n' +
          '    # What runs in it is not podtap’s to delete.\n' +
          '    helm.sh/resource-policy: keep\n',
      },
    ],
  },
  'coverage-access.yaml': { when: 'ne (.Values.webhook.coverage | default "on") "off"' },
  'deployment.yaml': { substitutions: DEPLOYMENT },
  'webhook-configuration.yaml': {
    substitutions: [
      {
        text: '  name: podtap\n',
        template:
          '  name: podtap\n' +
          '  {{- with .Values.webhook.certificate.injectCaFrom }}\n' +
          '  annotations:\n' +
          '    cert-manager.io/inject-ca-from: {{ . | quote }}\n' +
          '  {{- end }}\n',
      },
      {
        text: /timeoutSeconds: \d+/g,
        template: 'timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}',
      },
      { text: "'podtap']", template: "'{{ .Release.Namespace }}']" },
    ],
  },
}

/** Manifests outside the base, each behind its setting: file → template. */
export const OPTIONAL_CONVERSIONS: Readonly<Record<string, Conversion>> = {
  'manifests/network-policy/network-policy.yaml': {
    when: '.Values.networkPolicy.enabled',
    substitutions: [
      {
        text: /( +)- protocol: TCP\n +port: 443\n +- protocol: TCP\n +port: 6443\n/g,
        template:
          '        {{- range .Values.networkPolicy.apiServerPorts }}\n' +
          '        - protocol: TCP\n' +
          '          port: {{ . }}\n' +
          '        {{- end }}\n',
      },
    ],
  },
  'manifests/monitoring/pod-monitors.yaml': {
    when: '.Values.monitoring.podMonitors',
    labels: 'podtap.monitoringLabels',
  },
}
