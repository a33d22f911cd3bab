/** What was asked of a cluster: the answer, or why there is none. */
import { AppError, messageOf } from '../../lib/errors.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import { explainFailure } from './explain-failure.ts'

/** `problem` is one line for people. */
export type Known<T> = { readonly value: T } | { readonly problem: string }

/** What `reading` resolves with, or why it failed; never rejects. */
export async function known<T>(reading: Promise<T>): Promise<Known<T>> {
  try {
    return { value: await reading }
  } catch (error) {
    return { problem: error instanceof AppError ? explainFailure(error) : messageOf(error) }
  }
}

/** The same for an object that need not be there: undefined where it is not. */
export async function knownOrMissing<T>(reading: Promise<T>): Promise<Known<T | undefined>> {
  return known(
    reading.catch((error: unknown) => {
      if (error instanceof KubeError && error.status === 404) return undefined
      throw error
    }),
  )
}

/** The answer, or undefined: there is none. */
export function valueOf<T>(answer: Known<T>): T | undefined {
  return 'value' in answer ? answer.value : undefined
}
