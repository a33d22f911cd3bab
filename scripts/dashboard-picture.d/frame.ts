/** Boxes, texts and colours of the picture. */

/** A place in the picture, in pixels. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Colours that are told apart in print and by most eyes (Okabe and Ito, 2008). */
export const PALETTE = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#7f7f7f',
  '#b8a800',
] as const

/** What Grafana calls colours. */
const NAMED: Readonly<Record<string, string>> = {
  green: '#2e8b57',
  orange: '#d98200',
  red: '#c4162a',
}

/** A colour by its name in a dashboard. */
export function colourNamed(name: string): string {
  return NAMED[name] ?? name
}

/** How a text is set. */
export interface TextStyle {
  readonly size?: number
  readonly colour?: string
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly bold?: boolean
}

/** A text whose baseline begins, or ends, at x, y. */
export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 12, colour = '#444', anchor = 'start', bold = false } = style
  const weight = bold ? ' font-weight="600"' : ''
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`
  return `<text ${place} font-size="${size}" fill="${colour}" text-anchor="${anchor}"${weight}>${escape(content)}</text>`
}

/** A panel's border and title. */
export function panelFrame({ x, y, width, height }: Box, title: string): string {
  const border = `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4" fill="#fff" stroke="#d8d9da"/>`
  return border + text(x + 10, y + 20, title, { size: 13, colour: '#222', bold: true })
}

/** A text that is at most `limit` characters long. */
export function shortened(content: string, limit: number): string {
  return content.length <= limit ? content : `${content.slice(0, limit - 1)}…`
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
