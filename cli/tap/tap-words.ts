/** What the tap in the container says on its standard error. */

/** Its last line, as far as it could be read. */
export interface TapWords {
  readonly frames?: number
  /** Frames that the kernel had no room for. */
  readonly dropped?: number
  /** Why it could not do what was asked. */
  readonly error?: string
}

/** Reads the last line of `said` that is its own. */
export function readTapWords(said: string): TapWords {
  for (const line of said.trim().split('\n').reverse()) {
    const words = parseObject(line)
    if (words !== undefined) return words
  }
  return {}
}

function parseObject(line: string): TapWords | undefined {
  try {
    const parsed: unknown = JSON.parse(line)
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}

/** Why a tap that ended with `code` did, in one line. */
export function explainTapEnd(code: number, said: string): string {
  const { error } = readTapWords(said)
  if (error !== undefined) return error
  if (/Cannot find module|no such file/i.test(said))
    return 'its sidecar is older than this podtap and has no tap: restart the workload'
  return `the tap in the sidecar ended with ${code}: ${said.trim().slice(-300) || 'no message'}`
}
