/** pcap-filter expressions: which ones are filters, and the instructions that they come to. */
import { networkInterfaces } from 'node:os'
import { AppError } from '../../lib/errors.ts'
import { joinFilters } from './join-filters.ts'
import { loadLibpcap, type Libpcap, type Pointer } from './libpcap-library.ts'
import { INSTRUCTION_BYTES, MAX_INSTRUCTIONS } from './ring/instructions.ts'

/** Longest filter of a user, in characters: far beyond any filter that a person writes. */
export const MAX_FILTER_LENGTH = 2048

/** Left free for the instructions that exclude podtap's own packets (about 100). */
const OWN_INSTRUCTIONS = 128

let loading: Promise<Libpcap> | undefined

/**
 * Resolves if `expression` is a filter that captures can use; an empty one is. Safe with any input,
 * and the event loop goes on meanwhile. Host names with a dot are refused: looking one up would wait
 * for a name server of the author's choice, and the address would be fixed for the pod's life anyway.
 * @throws AppError ERR_FILTER with libpcap's reason, or ERR_NATIVE_LIBRARY.
 */
export async function checkFilter(expression: string): Promise<void> {
  if (expression.trim() === '') return
  const problem = findTextProblem(expression)
  if (problem !== undefined) throw filterError(expression, problem)
  loading ??= loadLibpcap()
  const libpcap = await loading
  const instructions = await compileFor(libpcap, libpcap.openDead(), expression)
  // libpcap would silently filter a longer one in the process, where `outbound` is not known.
  const most = MAX_INSTRUCTIONS - OWN_INSTRUCTIONS
  if (instructions.length <= most * INSTRUCTION_BYTES) return
  throw filterError(expression, `more than ${most} instructions`)
}

/**
 * What is wrong with a pcap-filter expression, or undefined.
 * @throws AppError ERR_NATIVE_LIBRARY where libpcap is missing.
 */
export async function filterProblemOf(expression: string): Promise<string | undefined> {
  try {
    await checkFilter(expression)
    return undefined
  } catch (error) {
    if (error instanceof AppError && error.code === 'ERR_FILTER') return error.message
    throw error
  }
}

/** What is wrong with the text itself, before any compiler sees it. */
function findTextProblem(expression: string): string | undefined {
  if (expression.length > MAX_FILTER_LENGTH) {
    return `expected at most ${MAX_FILTER_LENGTH} characters, received ${expression.length}`
  }
  if (!/^[\t\n\r\x20-\x7e]*$/.test(expression)) return 'expected printable ASCII characters only'
  const name = expression.match(/[\w.-]+/g)?.find(isHostName)
  return name === undefined ? undefined : `expected an address instead of the host name ${name}`
}

/** Of the words with a dot only IPv4 addresses, networks and MAC addresses are no host names. */
function isHostName(word: string): boolean {
  if (!word.includes('.') || /^\d+(\.\d+){1,3}$/.test(word)) return false
  return !/^([\da-f]{1,2}(\.[\da-f]{1,2}){5}|[\da-f]{4}(\.[\da-f]{4}){2})$/i.test(word)
}

/**
 * The instructions of `expressions`, 8 bytes each (`struct sock_filter`), for a capture on this host:
 * each judges what those before it let through, and `snapshotBytes` of what passes all of them are let
 * through. Every one must have passed checkFilter(), or be our own; empty ones let everything through.
 * They are programs in a row, because in one of them libpcap keeps the place of a VLAN tag in the same
 * scratch memory as what it calculates for the expression in front of `vlan`.
 * @throws AppError ERR_FILTER with libpcap's reason, ERR_NATIVE_LIBRARY, or ERR_CAPTURE where VLAN tags
 * are asked for and no capture can be opened.
 */
export async function compileFilters(
  expressions: readonly string[],
  snapshotBytes: number,
): Promise<Uint8Array> {
  loading ??= loadLibpcap()
  const libpcap = await loading
  const wanted = expressions.filter((each) => each.trim() !== '')
  const programs: Uint8Array[] = []
  for (const expression of wanted.length > 0 ? wanted : ['']) {
    const handle = asksForVlan(expression) ? openAnyCapture(libpcap) : libpcap.openDead()
    programs.push(await compileFor(libpcap, handle, expression))
  }
  return joinFilters(programs, snapshotBytes)
}

/** Whether an expression asks for VLAN tags. */
export function asksForVlan(expression: string): boolean {
  return /\bvlan\b/.test(expression)
}

/**
 * An open capture, for expressions that ask for VLAN tags. Linux takes the tag off a frame that comes in
 * and notes it beside the packet (packet(7), PACKET_AUXDATA), and only for a live capture does libpcap
 * look there (gen_vlan() in gencode.c); for any other the tag would have to be in the frame.
 */
function openAnyCapture(libpcap: Libpcap): Pointer {
  const problems: string[] = []
  for (const name of new Set(['lo', ...Object.keys(networkInterfaces())])) {
    const opened = libpcap.openLive(name)
    if ('handle' in opened) return opened.handle
    problems.push(`${name}: ${opened.problem}`)
  }
  const reason = `expected an interface to open a capture on, received ${problems.join('; ')}`
  throw new AppError('ERR_CAPTURE', `cannot compile a filter with "vlan": ${reason}`)
}

/** Closes `handle`. */
async function compileFor(
  libpcap: Libpcap,
  handle: Pointer,
  expression: string,
): Promise<Uint8Array> {
  try {
    const compiled = await libpcap.compile(handle, expression)
    if ('problem' in compiled) throw filterError(expression, compiled.problem)
    return compiled.instructions
  } finally {
    libpcap.close(handle)
  }
}

function filterError(expression: string, reason: string): AppError {
  const shown = expression.length > 100 ? `${expression.slice(0, 100)}…` : expression
  return new AppError(
    'ERR_FILTER',
    `filter ${JSON.stringify(shown)}: expected a pcap-filter expression: ${reason} (see pcap-filter(7))`,
  )
}
