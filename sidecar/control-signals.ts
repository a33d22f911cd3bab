/** The signals that control a mirror, alike for the sidecar and for `podtap mirror`. */
import type { MirrorControl } from './control-mirror.ts'

const EFFECTS = {
  SIGHUP: (control: MirrorControl) => void control.reload(),
  SIGUSR1: (control: MirrorControl) => {
    control.stepDebugLevel(1)
  },
  SIGUSR2: (control: MirrorControl) => {
    control.stepDebugLevel(-1)
  },
}

/** SIGHUP reloads, SIGUSR1 raises the debug level, SIGUSR2 lowers it. */
export type ControlSignal = keyof typeof EFFECTS

/** All of them. */
export const CONTROL_SIGNALS: readonly ControlSignal[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2']

/**
 * Obeys `signals` from now on; without a listener SIGHUP and SIGUSR2 would end the process, and SIGUSR1
 * would open Node's debugger. What comes while there is nothing to control has no effect.
 */
export function obeySignals(
  control: () => MirrorControl | undefined,
  signals: readonly ControlSignal[] = CONTROL_SIGNALS,
): void {
  for (const signal of signals) {
    process.on(signal, () => {
      const controlled = control()
      if (controlled !== undefined) EFFECTS[signal](controlled)
    })
  }
}
