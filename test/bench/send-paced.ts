/** Until so many frames are due that sending them is worth waking up for, in milliseconds. */
const PACE_MS = 0.5

/** What is to be sent. */
export interface Pace {
  /** Frames in all, and at most so many a second. */
  readonly frames: number
  readonly perSecond: number
  /** When to give up, in seconds; no end unless said otherwise. */
  readonly seconds?: number
}

const pause = new Int32Array(new SharedArrayBuffer(4))

/**
 * Lets `send` send at a steady rate; it is told how many frames are due and how many were sent by now, and
 * returns how many it sent, 0 or less where that failed. Blocks the thread; returns how many were sent, and
 * in how many seconds.
 */
export function sendPaced(
  { frames, perSecond, seconds = Infinity }: Pace,
  send: (due: number, sent: number) => number,
): { readonly sent: number; readonly seconds: number } {
  const began = performance.now()
  const secondsSince = (): number => (performance.now() - began) / 1000
  let sent = 0
  for (let elapsed = 0; sent < frames && elapsed < seconds; elapsed = secondsSince()) {
    const due = Math.min(frames, Math.floor(elapsed * perSecond)) - sent
    if (due > 0) sent += Math.max(0, send(due, sent))
    else Atomics.wait(pause, 0, 0, PACE_MS)
  }
  return { sent, seconds: secondsSince() }
}
