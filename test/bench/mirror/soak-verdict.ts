/** What a long run showed: whether every frame is accounted for, and whether memory stayed what it was. */

/** One load of the run. */
export interface SoakSample {
  /** Frames that were sent past the pod; undefined where only the sidecar counts them (TCP). */
  readonly offered: number | undefined
  /** Of them, how many reached the sensor; undefined as above. */
  readonly delivered: number | undefined
  /** What the sidecar counted. */
  readonly captured: number
  readonly sent: number
  readonly lost: number
  readonly rssMb: number
  /** CPU time of the sidecar and how long the load took, in microseconds. */
  readonly usedUs: number
  readonly tookUs: number
}

/**
 * By how much memory may differ between the second and the last quarter of a run, in MB: it goes up and
 * down by as much, as parts of the program are let go of and used again (release-program.ts).
 */
const FLAT_MB = 8

/** Frames of the sample that nobody can say the whereabouts of: at the pod, in the sidecar, on the way. */
export function unaccountedFrames(sample: SoakSample): number {
  const { offered, delivered, captured, sent, lost } = sample
  const inside = Math.abs(captured - sent - lost)
  const before = offered === undefined ? 0 : Math.abs(offered - captured)
  const behind = delivered === undefined ? 0 : Math.abs(Math.round(sent - delivered))
  return before + inside + behind
}

/** The medians of memory in the second and in the last quarter; the first one compiles and fills caches. */
export function memoryOf(samples: readonly SoakSample[]): { early: number; late: number } {
  const quarter = Math.max(1, Math.floor(samples.length / 4))
  return {
    early: median(samples.slice(quarter, 2 * quarter)),
    late: median(samples.slice(-quarter)),
  }
}

/** What is wrong with the run, in words; nothing when all is well. */
export function problemsOf(samples: readonly SoakSample[]): string[] {
  const problems: string[] = []
  const [missing, lost] = [sum(samples, unaccountedFrames), sum(samples, (each) => each.lost)]
  if (missing > 0) problems.push(`${missing} frames are not accounted for`)
  if (lost > 0) problems.push(`${lost} frames were lost at a rate that the sidecar keeps up with`)
  const { early, late } = memoryOf(samples)
  if (late > early + FLAT_MB) problems.push(`memory grew from ${early} MB to ${late} MB`)
  return problems
}

/** Adds up a figure of all samples. */
export function sum(
  samples: readonly SoakSample[],
  figure: (sample: SoakSample) => number,
): number {
  return samples.reduce((total, sample) => total + figure(sample), 0)
}

function median(samples: readonly SoakSample[]): number {
  const sorted = samples.map(({ rssMb }) => rssMb).sort((a, b) => a - b)
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 10) / 10
}
