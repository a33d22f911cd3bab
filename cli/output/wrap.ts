/**
 * `text` in lines of at most `width` characters, broken at spaces; a longer word has a line of its own.
 * undefined: one line.
 */
export function wrap(text: string, width: number | undefined): readonly string[] {
  if (width === undefined) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && Array.from(longer).length > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}
