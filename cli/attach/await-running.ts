/** Waiting until an attached container runs. */
import { sleep } from '../../lib/backoff.ts'
import { AppError } from '../../lib/errors.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { attachedState, type AttachedState } from './attached-containers.ts'

/** How a container is waited for. */
export interface Waiting {
  readonly name: string
  /** The pod as it is now. */
  readonly readPod: () => Promise<JsonObject>
  readonly timeoutMs: number
  /** Told each new reason for waiting, in words. */
  readonly report: (line: string) => void
  /** Ends the waiting. */
  readonly signal: AbortSignal
}

/** Between two looks. */
const PAUSE_MS = 500

/** Looks in a row at which it runs: one that cannot work ends within moments. */
const LOOKS = 3

/**
 * Resolves when the container runs and has not ended at once.
 * @throws AppError ERR_POD where it ended or does not start in time, with the kubelet's reason; KubeError.
 */
export async function awaitRunning(waiting: Waiting): Promise<void> {
  const { name, readPod, timeoutMs, report, signal } = waiting
  const deadline = Date.now() + timeoutMs
  let said = ''
  for (let looks = 0; looks < LOOKS && !signal.aborted;) {
    const state = attachedState(await readPod(), name)
    if (state.kind === 'ended') throw endedError(name, state)
    looks = state.kind === 'running' ? looks + 1 : 0
    const reason = reasonOf(state)
    if (reason !== said && reason !== '') report(`waiting for ${name}: ${reason}`)
    said = reason
    if (looks === 0 && Date.now() > deadline) throw lateError(waiting, reason)
    await sleep(PAUSE_MS, signal)
  }
}

function reasonOf(state: AttachedState): string {
  if (state.kind !== 'waiting') return ''
  // The messages of failed pulls can be very long, and begin with what matters.
  return [state.reason, state.message.slice(0, 200)].filter(Boolean).join(': ')
}

function endedError(
  name: string,
  { exitCode, message }: AttachedState & { kind: 'ended' },
): AppError {
  const said = message.trim().split('\n').at(-1) ?? ''
  return new AppError('ERR_POD', `its container ${name} ended with status ${exitCode}: ${said}`)
}

function lateError({ name, timeoutMs }: Waiting, reason: string): AppError {
  return new AppError(
    'ERR_POD',
    `its container ${name} does not run after ${timeoutMs / 1000} s: ` +
      `${reason || 'its kubelet says nothing'}; it stays in the pod and begins when it can`,
  )
}
