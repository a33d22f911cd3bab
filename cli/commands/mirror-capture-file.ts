import { configError, describeProblem, integer, type Parsed } from '../../lib/config.ts'
import { DEFAULT_VNI, parseVni } from '../../sidecar/contract.ts'
import {
  mirrorFile,
  type FileMirrorCounts,
  type FileMirrorOptions,
} from '../../sidecar/offline/mirror-file.ts'
import type { CliContext } from '../context.ts'

/** The options of `podtap mirror` that have a meaning for capture files, as commander reads them. */
export interface CaptureFileOptions {
  readonly read?: string
  readonly write?: string
  readonly vni?: string
  readonly mtu?: string
  readonly completeChecksums?: boolean
}

const DEFAULT_MTU = 1500

/** A path with less does not exist; one with more cannot. */
const parseMtu = integer(256, 65535)

/** Mirrors one capture file into another, and prints what became of its frames. */
export async function mirrorCaptureFile(
  options: CaptureFileOptions,
  context: CliContext,
): Promise<void> {
  const counts = await mirrorFile(readCaptureFileOptions(options))
  context.print(summarizeFile(counts))
}

/**
 * The checked options.
 * @throws AppError ERR_CONFIG that names every bad option at once.
 */
export function readCaptureFileOptions(options: CaptureFileOptions): FileMirrorOptions {
  const problems: string[] = []
  const read = <T>(name: string, raw: string | undefined, parsed: Parsed<T>): T | undefined => {
    if ('value' in parsed) return parsed.value
    problems.push(describeProblem(name, parsed.expected, raw))
    return undefined
  }
  const input = read('--read', options.read, parseFile(options.read))
  const output = read('--write', options.write, parseFile(options.write))
  const vni = read('--vni', options.vni, parseVni(options.vni ?? `${DEFAULT_VNI}`))
  const mtu = read('--mtu', options.mtu, parseMtu(options.mtu ?? `${DEFAULT_MTU}`))
  if (input === undefined || output === undefined || vni === undefined || mtu === undefined) {
    throw configError(problems)
  }
  return { input, output, vni, mtu, completeChecksums: options.completeChecksums ?? false }
}

function parseFile(raw: string | undefined): Parsed<string> {
  return raw === undefined || raw === ''
    ? { expected: 'the name of a pcap file (--read and --write belong together)' }
    : { value: raw }
}

function summarizeFile({
  frames,
  datagrams,
  truncated,
  tooLong,
  broken,
}: FileMirrorCounts): string {
  const parts = [`${frames} frames read`, `${datagrams} datagrams written`]
  if (truncated > 0) parts.push(`${truncated} cut frames skipped`)
  if (tooLong > 0) parts.push(`${tooLong} too long and not to be split`)
  if (broken !== undefined) parts.push(`stopped early: ${broken}`)
  return parts.join(', ')
}
