/** The files of the chart, and of the monitoring manifests, that are made from other files. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { BASE_CONVERSIONS, OPTIONAL_CONVERSIONS } from './conversions.ts'
import { hostConversion } from './host.ts'
import { toTemplate, type Conversion } from './template.ts'

const BASE = 'manifests/base'
const HOST = 'manifests/host'
const CHART = 'manifests/chart'
const MONITORING = 'manifests/monitoring'

/** Files that Helm includes as they are: what they hold has braces of its own. */
const COPIED = ['alerts.yaml', 'dashboard.json']

/** Path → content of every file that is made, from what the repository at `root` holds now. */
export function madeFiles(root: string): ReadonlyMap<string, string> {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8')
  const template = (file: string, conversion: Conversion = {}): [string, string] => [
    `${CHART}/templates/${basename(file)}`,
    toTemplate(file, read(file), conversion),
  ]
  const hostTemplate = (file: string): [string, string] => [
    `${CHART}/templates/host/${basename(file)}`,
    toTemplate(file, read(file), hostConversion(basename(file))),
  ]
  return new Map([
    ...manifestsOf(root, BASE).map((name) => template(`${BASE}/${name}`, BASE_CONVERSIONS[name])),
    ...manifestsOf(root, HOST).map((name) => hostTemplate(`${HOST}/${name}`)),
    ...Object.entries(OPTIONAL_CONVERSIONS).map(([file, how]) => template(file, how)),
    ...COPIED.map((name) => [`${CHART}/files/${name}`, read(`${MONITORING}/${name}`)] as const),
    [`${MONITORING}/prometheus-rule.yaml`, prometheusRule(read(`${MONITORING}/alerts.yaml`))],
  ])
}

function manifestsOf(root: string, folder: string): readonly string[] {
  const names = globSync('*.yaml', { cwd: join(root, folder) }).sort()
  return names.filter((name) => name !== 'kustomization.yaml')
}

/** The rule file as the object that the Prometheus Operator knows. */
function prometheusRule(rules: string): string {
  const indented = rules.replaceAll(/^(?=.)/gm, '  ')
  return `# Made by scripts/chart from ${MONITORING}/alerts.yaml: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: podtap
  namespace: podtap
spec:
${indented}`
}
