/** The parts of a Grafana dashboard that the picture shows. */

/** A panel; positions and sizes in units of Grafana's grid, which is 24 wide. */
export interface Panel {
  readonly title: string
  readonly type: 'row' | 'stat' | 'table' | 'timeseries'
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets?: readonly Target[]
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit: string
      readonly decimals?: number
      readonly max?: number
      readonly thresholds?: { readonly steps: readonly Threshold[] }
      readonly custom?: { readonly stacking?: { readonly mode: string } }
    }
  }
}

/** A colour from a value on; null: from the lowest on. */
export interface Threshold {
  readonly color: string
  readonly value: number | null
}

/** One query. */
export interface Target {
  readonly expr: string
  readonly legendFormat: string
}

/** A dashboard. */
export interface Dashboard {
  readonly title: string
  readonly panels: readonly Panel[]
}

/** An expression with Grafana's variables filled in: all namespaces, rates over `window`, such as `1m`. */
export function expressionOf({ expr }: Target, window: string): string {
  return expr.replaceAll('$__rate_interval', window).replaceAll('$namespace', '.*')
}

/** The legend of a series: `{{label}}` is replaced by the label's value. */
export function legendOf(
  { legendFormat }: Target,
  labels: Readonly<Record<string, string>>,
): string {
  return legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => labels[name] ?? '')
}
