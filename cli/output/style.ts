/** Colours of the terminal, for what has to be seen first. */

/** What a text is about. */
export type Tone = 'good' | 'warning' | 'bad' | 'quiet' | 'heading'

/** Gives a text the look of a tone; the text itself stays as it is. */
export type Paint = (text: string, tone: Tone | undefined) => string

/** Select Graphic Rendition (ECMA-48 §8.3.117): green, yellow, red, faint, bold. */
const CODES: Readonly<Record<Tone, number>> = {
  good: 32,
  warning: 33,
  bad: 31,
  quiet: 2,
  heading: 1,
}

/** Paints where the terminal has colour, and leaves everything as it is where it has none. */
export function createPaint(colour: boolean): Paint {
  if (!colour) return (text) => text
  return (text, tone) => {
    const painted = tone !== undefined && text !== ''
    return painted ? `\u001b[${CODES[tone]}m${text}\u001b[0m` : text
  }
}
