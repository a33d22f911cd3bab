/** Numbers as people read them. */

/** Whole and grouped from 10 on, with one digit after the point below: `12,345`, `0.4`. */
export function rate(value: number): string {
  if (value !== 0 && value < 10) return value < 0.05 ? '<0.1' : value.toFixed(1)
  return grouped(Math.round(value))
}

/** With commas between thousands. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** A part of one as percent: `0%`, `<0.01%`, `1.25%`, `100%`. Only what is zero is shown as zero. */
export function percent(part: number): string {
  if (part === 0) return '0%'
  if (part < 0.0001) return '<0.01%'
  const digits = part < 0.1 ? 2 : 1
  return `${Number((part * 100).toFixed(digits))}%`
}

/** With the prefix that leaves one to three digits before the point: `812 k`, `1.2 G`, `0 `. */
export function bits(value: number): string {
  const power = value < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3))
  const scaled = value / 1000 ** power
  const digits = power > 0 && scaled < 10 ? 1 : 0
  return `${scaled.toFixed(digits)} ${['', 'k', 'M', 'G', 'T'][power] ?? ''}`
}
