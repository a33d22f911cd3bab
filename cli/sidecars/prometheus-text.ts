/** The text format in which sidecars answer at /metrics. */

/** One sample. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/**
 * The samples of a text in the Prometheus format; lines that are none are left out. Source:
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function parsePrometheusText(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const found = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line)
    const [, name, labels = '', written = ''] = found ?? []
    const value = parseValue(written)
    if (name === undefined || value === undefined) return []
    return [{ name, labels: parseLabels(labels), value }]
  })
}

/** The sum of all samples of a name, whatever their labels. */
export function sumOf(samples: readonly Sample[], name: string): number {
  return samples.reduce((sum, sample) => (sample.name === name ? sum + sample.value : sum), 0)
}

/** Undefined for what is no number of that format. */
function parseValue(text: string): number | undefined {
  if (text === 'NaN') return Number.NaN
  const value = Number(text.replace(/^([+-]?)Inf$/, '$1Infinity'))
  return text === '' || Number.isNaN(value) ? undefined : value
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const found = text.matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, unescape(value)]))
}

function unescape(value: string): string {
  return value.replaceAll(/\\(.)/g, (_, character: string) =>
    character === 'n' ? '\n' : character,
  )
}
