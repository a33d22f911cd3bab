/** Where in its memory the engine writes; the capture ring follows behind. */
import { HEADER_BYTES } from './batch.ts'
import { MAX_MESSAGES, MAX_MESSAGE_PIECES, messagesBytes } from './messages.ts'

const PAGE_BYTES = 4096

/** Offsets: the structs of poll(2), 8 bytes for what wakes it, messages, one message, headers, the ring. */
export const LAYOUT = layOut()

function layOut() {
  const messages = PAGE_BYTES
  const single = messages + messagesBytes(MAX_MESSAGES, MAX_MESSAGE_PIECES)
  const headers = single + messagesBytes(1, 1)
  const used = headers + HEADER_BYTES
  const end = Math.ceil(used / PAGE_BYTES) * PAGE_BYTES
  return { poll: 0, wake: 64, messages, single, headers, end }
}
