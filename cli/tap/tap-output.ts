/** Where the frames of a tap go. */
import { open } from 'node:fs/promises'
import { AppError, messageOf } from '../../lib/errors.ts'
import type { CliContext } from '../context.ts'

/** Takes the bytes of a capture file. */
export interface TapOutput {
  /** Resolves when more may come. */
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

/**
 * The file `path`, or standard output for `-` and where nothing is said.
 * @throws AppError ERR_CONFIG where that is a terminal, ERR_CAPTURE_FILE where it cannot be written.
 */
export async function openTapOutput(
  path: string | undefined,
  context: CliContext,
): Promise<TapOutput> {
  if (path !== undefined && path !== '-') return openFile(path)
  if (context.terminal().isTerminal) {
    throw new AppError(
      'ERR_CONFIG',
      'a capture file is not for a terminal: give -w FILE, or send it on: … -w - | wireshark -k -i -',
    )
  }
  return { write: (bytes) => context.writeBytes(bytes), close: () => Promise.resolve() }
}

async function openFile(path: string): Promise<TapOutput> {
  const file = await open(path, 'w').catch((error: unknown) => {
    throw new AppError('ERR_CAPTURE_FILE', `cannot write ${path}: ${messageOf(error)}`)
  })
  return {
    write: async (bytes) => {
      await file.writeFile(bytes)
    },
    close: () => file.close(),
  }
}
