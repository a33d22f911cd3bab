import type { OwnObjects } from '../../webhook/config.ts'

/** The names that the manifests use. */
export const OWN: OwnObjects = {
  namespace: 'podtap',
  service: 'podtap-webhook',
  webhookConfiguration: 'podtap',
  tlsSecret: 'podtap-webhook-tls',
  sensorRoleBinding: 'podtap-sensor-reader',
  lease: 'podtap-webhook',
}

/** Where the API has them. */
export const PATHS = {
  secret: '/api/v1/namespaces/podtap/secrets/podtap-webhook-tls',
  configuration: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/podtap',
  lease: '/apis/coordination.k8s.io/v1/namespaces/podtap/leases/podtap-webhook',
  binding:
    '/apis/rbac.authorization.k8s.io/v1/namespaces/podtap-sensor/rolebindings/podtap-sensor-reader',
} as const
