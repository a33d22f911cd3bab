/** What is measured: at which rates, how long, how often. */
import type { SubjectName } from './subject.ts'
import type { Mix } from './traffic.ts'

/** A kind of traffic: a mix of frames, or real TCP. */
export type Traffic = Mix | 'tcp'

/** Frames per second at which the CPU time of a frame is measured. */
export const STEADY_RATES: Readonly<Record<Mix, number>> = {
  '60': 50_000,
  '1400': 20_000,
  '1514': 15_000,
  imix: 25_000,
}

/** The CPU quota of the sidecar in Kubernetes: 250m. */
export const QUOTA_US = 25_000

/** Share of frames that may be missing at a rate that counts as free of loss. */
export const LOSS_FREE = 0.0005

/** Real TCP inside the quota: both directions together, in Mbit/s. */
export const TCP_STEPS_MBITS = [600, 1200, 1500, 2000, 2500] as const

/** All that a run does. */
export interface Plan {
  readonly subjects: readonly SubjectName[]
  readonly traffics: readonly Traffic[]
  /** Rounds of the CPU figures, interleaved over the subjects; the median counts. */
  readonly rounds: number
  readonly seconds: number
  /** How often per round the load is measured with the kernel's mirror and without. */
  readonly kernelPairs: number
  /** TCP in each direction, Mbit/s. */
  readonly megabits: number
  /** Whose loss-free rate is looked for, and where the search begins. */
  readonly limits: readonly { subject: SubjectName; traffic: Mix; from: number }[]
  /** Whose TCP inside the quota is measured. */
  readonly tcpLimits: readonly SubjectName[]
  /** Seconds of a step of these searches. */
  readonly limitSeconds: number
  /** Whose CPU time is measured while nothing happens, and for how long. */
  readonly idle: readonly SubjectName[]
  readonly idleSeconds: number
}

const FULL: Plan = {
  subjects: ['ring', 'ring-nogso', 'ring-fragment', 'cap', 'npm-cap', 'kernel'],
  traffics: ['60', '1400', '1514', 'imix', 'tcp'],
  rounds: 3,
  seconds: 1.5,
  kernelPairs: 3,
  megabits: 600,
  limits: [
    { subject: 'ring', traffic: '60', from: 150_000 },
    { subject: 'ring-nogso', traffic: '60', from: 50_000 },
    { subject: 'cap', traffic: '60', from: 4000 },
    { subject: 'npm-cap', traffic: '60', from: 4000 },
    { subject: 'ring', traffic: 'imix', from: 60_000 },
    { subject: 'cap', traffic: 'imix', from: 4000 },
    { subject: 'npm-cap', traffic: 'imix', from: 4000 },
  ],
  tcpLimits: ['ring', 'cap'],
  limitSeconds: 2,
  idle: ['ring', 'cap'],
  idleSeconds: 10,
}

const QUICK: Plan = {
  ...FULL,
  subjects: ['ring', 'ring-nogso', 'cap', 'npm-cap', 'kernel'],
  traffics: ['60', 'imix', 'tcp'],
  rounds: 1,
  seconds: 1,
  tcpLimits: ['ring'],
  idle: ['ring'],
  idleSeconds: 5,
  limits: [
    { subject: 'ring', traffic: '60', from: 150_000 },
    { subject: 'cap', traffic: '60', from: 4000 },
    { subject: 'npm-cap', traffic: '60', from: 4000 },
  ],
  limitSeconds: 1,
}

/** The plan of `npm run bench`, or of `-- --quick`. */
export function planOf({ quick }: { readonly quick: boolean }): Plan {
  return quick ? QUICK : FULL
}
