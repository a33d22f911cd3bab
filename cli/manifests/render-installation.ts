/** The manifests of an installation: those of the kustomize base, with what somebody wants otherwise. Pure. */
import { parseAllDocuments, type Document } from 'yaml'
import { isObject, valueAt } from '../../webhook/admission/json.ts'

/** What can be chosen. Whatever is left out stays as the manifests have it. */
export interface InstallationChoices {
  /** Where images are: `registry.example.org/podtap` gives `registry.example.org/podtap/webhook`. */
  readonly registry?: string | undefined
  readonly tag?: string | undefined
  readonly replicas?: number | undefined
  /** Variables of the webhook. */
  readonly settings: Readonly<Record<string, string>>
}

/** The namespace and the registry that the manifests are written with. */
const SENSOR_NAMESPACE = 'podtap-sensor'
const REGISTRY = 'podtap'

/** What kustomize adds to every object of the base. */
const PART_OF = 'app.kubernetes.io/part-of'

/** One YAML text of all objects in `files` (texts of YAML), in their order. */
export function renderInstallation(files: readonly string[], choices: InstallationChoices): string {
  const documents = files.flatMap((file) => parseAllDocuments(file) as readonly Document[])
  const objects = documents.filter((document) => isObject(document.toJS()))
  for (const document of objects) adapt(document, choices)
  return objects.map((document) => withoutMarker(document.toString({ lineWidth: 0 }))).join('---\n')
}

function adapt(document: Document, choices: InstallationChoices): void {
  document.setIn(['metadata', 'labels', PART_OF], 'podtap')
  const sensors = choices.settings['SENSOR_NAMESPACE']
  if (sensors !== undefined) moveSensors(document, sensors)
  if (document.get('kind') === 'Deployment') adaptDeployment(document, choices)
}

/** Whatever lies in the sensors' namespace, and that namespace itself. */
function moveSensors(document: Document, namespace: string): void {
  const path =
    document.get('kind') === 'Namespace' ? ['metadata', 'name'] : ['metadata', 'namespace']
  if (document.getIn(path) === SENSOR_NAMESPACE) document.setIn(path, namespace)
}

function adaptDeployment(document: Document, choices: InstallationChoices): void {
  const container = ['spec', 'template', 'spec', 'containers', 0]
  const image = [...container, 'image']
  document.setIn(image, relocate(String(document.getIn(image)), choices))
  if (choices.replicas !== undefined) document.setIn(['spec', 'replicas'], choices.replicas)
  const env = [...container, 'env']
  const sidecar =
    choices.settings['SIDECAR_IMAGE'] ?? relocate(sidecarImage(document, env), choices)
  for (const [name, value] of Object.entries({ ...choices.settings, SIDECAR_IMAGE: sidecar }))
    setVariable(document, env, { name, value })
}

function sidecarImage(document: Document, env: readonly (string | number)[]): string {
  return String(document.getIn([...env, indexOf(document, env, 'SIDECAR_IMAGE'), 'value']))
}

/** `podtap/webhook:0.1.0` in another registry, with another tag. */
function relocate(image: string, { registry = REGISTRY, tag }: InstallationChoices): string {
  const [, name = '', own = ''] = /([^/]+):([^:]+)$/.exec(image) ?? []
  return `${registry.replace(/\/+$/, '')}/${name}:${tag ?? own}`
}

function setVariable(
  document: Document,
  env: readonly (string | number)[],
  variable: { readonly name: string; readonly value: string },
): void {
  const index = indexOf(document, env, variable.name)
  if (index === -1) document.addIn(env, document.createNode(variable))
  else document.setIn([...env, index, 'value'], variable.value)
}

function indexOf(document: Document, env: readonly (string | number)[], name: string): number {
  const variables = valueAt({ list: nodeValue(document, env) }, 'list')
  return Array.isArray(variables)
    ? variables.findIndex((variable) => valueAt(variable, 'name') === name)
    : -1
}

function nodeValue(document: Document, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown> | undefined)?.[key],
    document.toJS(),
  )
}

/** The first document of a file begins with its comments, later ones with a marker. */
function withoutMarker(text: string): string {
  return text.replace(/^---\n/, '')
}
