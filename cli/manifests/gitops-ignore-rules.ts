/** What a GitOps tool must be told, so that it does not undo what podtap's webhook writes. */

/** The GitOps tools that podtap has rules for. */
export const GITOPS_TOOLS = ['argocd', 'flux'] as const

/** One of GITOPS_TOOLS. */
export type GitOpsTool = (typeof GITOPS_TOOLS)[number]

/**
 * The ignore rules for a tool, as commented YAML to paste.
 * - `argocd`: `spec` of an Application; ends with two parts, one for podtap's own Application and one
 *   for those of mirrored applications
 * - `flux`: `spec` of a HelmRelease (podtap's own); mirrored applications need nothing
 */
export function gitOpsIgnoreRules(tool: GitOpsTool): string {
  return { argocd: ARGOCD, flux: FLUX }[tool]
}

/**
 * Argo CD compares what is live with Git. Lists are addressed by JQ, since a JSON pointer would name a
 * position. RespectIgnoreDifferences also leaves the fields alone while syncing.
 * Source: https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/
 */
const ARGOCD = `# For the Application that installs podtap: what the webhook writes into podtap's own objects.
spec:
  ignoreDifferences:
    - group: admissionregistration.k8s.io
      kind: MutatingWebhookConfiguration
      name: podtap
      jqPathExpressions:
        - .webhooks[].clientConfig.caBundle
        - .webhooks[].namespaceSelector
        - .metadata.annotations["podtap.dev/scope"]
    - group: rbac.authorization.k8s.io
      kind: RoleBinding
      name: podtap-sensor-reader
      jsonPointers:
        - /subjects
  syncPolicy:
    syncOptions:
      - RespectIgnoreDifferences=true
---
# For Applications whose namespaces are mirrored: the sidecar, its volume and its status annotation.
spec:
  ignoreDifferences:
    - group: apps
      kind: '*'
      jqPathExpressions:
        - .spec.template.metadata.annotations["podtap.dev/status"]
        - .spec.template.spec.initContainers[]? | select(.name == "podtap")
        - .spec.template.spec.containers[]? | select(.name == "podtap")
        - .spec.template.spec.volumes[]? | select(.name == "podtap-token")
    - group: batch
      kind: CronJob
      jqPathExpressions:
        - .spec.jobTemplate.spec.template.metadata.annotations["podtap.dev/status"]
        - .spec.jobTemplate.spec.template.spec.initContainers[]? | select(.name == "podtap")
        - .spec.jobTemplate.spec.template.spec.containers[]? | select(.name == "podtap")
        - .spec.jobTemplate.spec.template.spec.volumes[]? | select(.name == "podtap-token")
  syncPolicy:
    syncOptions:
      - RespectIgnoreDifferences=true
`

/**
 * Flux applies on the server's side, with a field manager of its own: fields that it does not set are
 * not its business, neither the CA bundle nor a sidecar. A HelmRelease with drift detection compares
 * by a dry run, in which the webhook answers as it would in earnest.
 * Source: https://fluxcd.io/flux/components/helm/helmreleases/#drift-detection
 */
const FLUX = `# A Kustomization needs nothing: it applies on the server's side and leaves fields alone that it does
# not set. For the HelmRelease that installs podtap, where drift detection is on:
spec:
  driftDetection:
    mode: enabled
    ignore:
      - target:
          kind: MutatingWebhookConfiguration
          name: podtap
        paths:
          - /webhooks/0/clientConfig/caBundle
          - /webhooks/0/namespaceSelector
          - /metadata/annotations/podtap.dev~1scope
      - target:
          kind: RoleBinding
          name: podtap-sensor-reader
        paths:
          - /subjects
`
