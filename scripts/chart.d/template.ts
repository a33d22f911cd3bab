/** Makes a template of the chart from a manifest of the kustomize base. */

/** What of a manifest becomes a setting: text (a RegExp needs the flag g), found at least once, and its template. */
export interface Substitution {
  readonly text: string | RegExp
  readonly template: string
}

/** How one manifest becomes a template. */
export interface Conversion {
  readonly substitutions?: readonly Substitution[]
  /** The setting on which all of it depends, such as `.Values.networkPolicy.enabled`. */
  readonly when?: string
  /** Names of objects that Helm makes itself. */
  readonly without?: readonly string[]
  /** The helper that renders the labels of its objects; podtap.labels unless given. */
  readonly labels?: string
}

/** Settings of every manifest: namespaces that people choose. They need not occur. */
const NAMESPACES: readonly Substitution[] = [
  { text: /namespace: podtap$/gm, template: 'namespace: {{ .Release.Namespace }}' },
  { text: /namespace: podtap-sensor$/gm, template: 'namespace: {{ .Values.sensor.namespace }}' },
]

/**
 * The template for the manifest `text` of `file`.
 * @throws Error naming a substitution whose text does not occur: the manifest has changed.
 */
export function toTemplate(file: string, text: string, conversion: Conversion): string {
  const { substitutions = [], when, without = [], labels = 'podtap.labels' } = conversion
  const documents = text
    .split(/^---\n/m)
    .filter((document) => !without.some((name) => isNamed(document, name)))
  const missing = substitutions.find((each) => substitute(text, each) === text)
  if (missing !== undefined) throw unmatched(file, missing)
  const labelled = documents.map((document) => addLabels(document, labels)).join('---\n')
  const body = [...substitutions, ...NAMESPACES].reduce(substitute, labelled)
  const guarded = when === undefined ? body : `{{- if ${when} }}\n${body}{{- end }}\n`
  return `{{- /* Made by scripts/chart from ${file}: change it there. */ -}}\n${guarded}`
}

function isNamed(document: string, name: string): boolean {
  return new RegExp(`^metadata:\\n {2}name: ${name}$`, 'm').test(document)
}

/** kustomize labels every object; so does the chart. */
function addLabels(document: string, helper: string): string {
  const labels = `{{- include "${helper}" . | nindent 4 }}`
  const metadata = /^metadata:\n(?: .*\n)+/m.exec(document)?.[0]
  if (metadata === undefined) return document
  const labelled = /^ {2}labels:$/m.test(metadata)
    ? metadata.replace(/^ {2}labels:$/m, `  labels:\n    ${labels}`)
    : `${metadata}  labels:\n    ${labels}\n`
  return document.replace(metadata, () => labelled)
}

function substitute(text: string, { text: from, template }: Substitution): string {
  return text.replaceAll(from, () => template)
}

function unmatched(file: string, { text }: Substitution): Error {
  return new Error(
    `${file}: expected ${String(text)}, found none: ` +
      'change what scripts/chart.d says of this file to what the manifest says now',
  )
}
