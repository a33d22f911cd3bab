/** Frames of an interface by npm cap, with guards for what crashes it. */
import cap from 'cap'
import { AppError, messageOf } from '../../lib/errors.ts'
import type { Frame } from './packet.ts'
import { AF_PACKET, attachFilter, findSockets, takePacketDrops } from './socket-options.ts'

/**
 * What libpcap is asked to buffer. npm cap's snapshot length makes slots of 64 KB of it, whatever the
 * size of a frame, so this holds 512 frames; the kernel rounds each slot up and takes 64 MB, which do
 * not count against the memory limit of a container.
 */
const BUFFER_BYTES = 32 * 1024 * 1024

/** The snapshot length that npm cap sets. A frame that fills it may have been longer. */
export const SNAPSHOT_BYTES = 65535

/** Puts IP headers, 14 bytes on, at a multiple of 4, which lets checksums be added by words. */
const ALIGNMENT_BYTES = 2

/** What to capture, and where frames go. */
export interface CaptureOptions {
  readonly interfaceName: string
  /** Must have passed checkFilter(): npm cap crashes when it closes what a bad filter left half open. */
  readonly filter: string
  /** Called for each frame, whose bytes are overwritten by the next; it must not throw. */
  readonly onFrame: (frame: Frame, isTruncated: boolean) => void
}

/** An open capture. */
export interface Capture {
  /** How many frames the buffer had no room for since the last call. */
  takeDrops(): number
  /**
   * Lets pass what `instructions` (8 bytes each, struct sock_filter) accept, from the next frame on.
   * libpcap need not know: the kernel filters, not it.
   */
  setFilter(instructions: Uint8Array): void
  close(): void
}

/**
 * Everything that was opened. Neither may be collected: libpcap writes into a buffer that npm cap does
 * not hold, and the destructor of a Cap that failed to open is a segmentation fault.
 */
const keptAlive: unknown[] = []

/**
 * Opens the one capture of this process (a second one would keep it from ever ending).
 * @throws AppError ERR_CAPTURE without the right to, ERR_INTERFACE for anything but Ethernet.
 */
export function openCapture({ interfaceName, filter, onFrame }: CaptureOptions): Capture {
  const bytes = Buffer.from(new ArrayBuffer(ALIGNMENT_BYTES + SNAPSHOT_BYTES), ALIGNMENT_BYTES)
  const capture = new cap.Cap()
  keptAlive.push(bytes, capture)
  const frame: Frame = { bytes, start: 0, end: 0 }
  capture.on('packet', (length, isTruncated) => {
    frame.end = length
    onFrame(frame, isTruncated || length === SNAPSHOT_BYTES)
  })
  const linkType = openOrExplain(() => capture.open(interfaceName, filter, BUFFER_BYTES, bytes))
  if (linkType !== 'ETHERNET') throw linkTypeError(interfaceName, linkType)
  return withDrops(capture)
}

function withDrops(capture: { close(): boolean }): Capture {
  const [descriptor = -1] = findSockets(AF_PACKET)
  // What came before the filter was in place is no loss.
  takePacketDrops(descriptor)
  return {
    takeDrops: () => takePacketDrops(descriptor),
    setFilter: (instructions) => {
      attachFilter(descriptor, instructions)
    },
    close: () => {
      capture.close()
    },
  }
}

function openOrExplain(open: () => string): string {
  try {
    return open()
  } catch (cause) {
    const reason = messageOf(cause)
    const remedy = /permission|permitted|CAP_NET_RAW/i.test(reason)
      ? '; the process needs the capability CAP_NET_RAW'
      : ''
    throw new AppError('ERR_CAPTURE', `cannot capture: ${reason}${remedy}`, { cause })
  }
}

function linkTypeError(interfaceName: string, linkType: string): AppError {
  return new AppError(
    'ERR_INTERFACE',
    `interface ${interfaceName}: expected Ethernet, which VXLAN carries, received link type ${linkType}`,
  )
}
