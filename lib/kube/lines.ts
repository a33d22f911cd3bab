/** Cuts text that arrives in chunks into lines. */
export interface LineSplitter {
  /** The lines that `chunk` completes, without their ends and without empty ones. */
  push(chunk: string): readonly string[]
}

/**
 * A splitter for the stream of a watch: one JSON document per line. What follows the last line end
 * stays inside until its rest arrives; after a cut connection that is half an event, which is
 * rightly lost, because the watch is resumed from the event before it.
 */
export function createLineSplitter(): LineSplitter {
  let pieces: string[] = []
  return {
    push: (chunk) => {
      if (!chunk.includes('\n')) {
        // Kept apart until the line is complete: joining at each chunk would be quadratic.
        pieces.push(chunk)
        return []
      }
      const lines = [...pieces, chunk].join('').split('\n')
      pieces = [lines.pop() ?? '']
      return lines.filter((line) => line.trim() !== '')
    },
  }
}
