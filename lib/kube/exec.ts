/**
 * A program in a container, run through the API as `kubectl exec` does it. Messages are binary, and
 * their first byte is the channel: 0 standard input, 1 output, 2 error, 3 how it ended (a Status as
 * JSON), 255 the channel that is closed (protocol v5 only).
 * Source: https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
 */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { KubeClient } from './client.ts'
import { KubeError } from './kube-error.ts'
import { clientFrame, OPCODE, WebSocketReader, type WebSocketMessage } from './web-socket-frames.ts'

/** What is run, and where. */
export interface ExecTarget {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly command: readonly string[]
}

/** What becomes of its output, and when it is enough. */
export interface ExecOptions {
  /** Called for each piece of standard output; the next is read when this has resolved. */
  readonly onOutput: (bytes: Buffer) => Promise<void>
  readonly onError: (bytes: Buffer) => void
  /** Ends the program's standard input, by which it is to end. */
  readonly signal: AbortSignal
  /** How often a line is written to its standard input, in milliseconds: somebody still reads. */
  readonly heartbeatMs: number
}

const CHANNEL = { input: 0, output: 1, error: 2, status: 3, close: 255 } as const
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const

/** How long a program may take to end once its standard input has, in milliseconds. */
const LAST_WORDS_MS = 5000

/**
 * Runs a program to its end; returns its exit code.
 * @throws KubeError where it cannot be started, or the connection breaks; what onOutput throws.
 */
export async function execInPod(
  client: KubeClient,
  target: ExecTarget,
  options: ExecOptions,
): Promise<number> {
  const { namespace, pod, container, command } = target
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/exec`
  const query: [string, string][] = [
    ['container', container],
    ...['stdin', 'stdout', 'stderr'].map((name): [string, string] => [name, 'true']),
    ...command.map((part): [string, string] => ['command', part]),
  ]
  const { socket, head, protocol } = await client.openWebSocket(path, {
    query,
    protocols: PROTOCOLS,
  })
  const stop = keepInput(socket, protocol, options)
  try {
    return await follow(socket, head, options)
  } finally {
    stop()
    socket.destroy()
  }
}

/** Writes heartbeats until the signal aborts, and then the end of input; returns what stops that. */
function keepInput(
  socket: Duplex,
  protocol: string,
  { signal, heartbeatMs }: ExecOptions,
): () => void {
  const heartbeat = setInterval(() => {
    send(socket, OPCODE.binary, Buffer.of(CHANNEL.input, 0x0a))
  }, heartbeatMs)
  let patience: NodeJS.Timeout | undefined
  const end = (): void => {
    clearInterval(heartbeat)
    patience = setTimeout(() => socket.destroy(), LAST_WORDS_MS)
    if (protocol === PROTOCOLS[0])
      send(socket, OPCODE.binary, Buffer.of(CHANNEL.close, CHANNEL.input))
    else socket.destroy()
  }
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  return () => {
    clearInterval(heartbeat)
    clearTimeout(patience)
    signal.removeEventListener('abort', end)
  }
}

async function follow(socket: Duplex, head: Buffer, options: ExecOptions): Promise<number> {
  socket.unshift(head)
  try {
    for await (const message of messagesFrom(socket)) {
      const code = await take(socket, message, options)
      if (code !== undefined) return code
    }
  } catch (error) {
    if (!options.signal.aborted) throw error
  }
  if (options.signal.aborted) return 0
  throw new KubeError('the connection to the container ended before its program did')
}

async function* messagesFrom(socket: Duplex): AsyncGenerator<WebSocketMessage> {
  const reader = new WebSocketReader()
  for await (const bytes of socket as AsyncIterable<Buffer>) yield* reader.push(bytes)
}

/** Returns the exit code with the message that has it. */
async function take(
  socket: Duplex,
  { opcode, payload }: WebSocketMessage,
  options: ExecOptions,
): Promise<number | undefined> {
  if (opcode === OPCODE.ping) send(socket, OPCODE.pong, payload)
  if (opcode !== OPCODE.binary && opcode !== OPCODE.text) return undefined
  const [channel] = payload
  const content = payload.subarray(1)
  if (channel === CHANNEL.status) return exitCodeOf(content.toString('utf8'))
  if (channel === CHANNEL.output && content.length > 0) await options.onOutput(content)
  if (channel === CHANNEL.error && content.length > 0) options.onError(content)
  return undefined
}

/** @throws KubeError where the program was not even started. */
function exitCodeOf(text: string): number {
  const status = JSON.parse(text) as {
    readonly status?: string
    readonly message?: string
    readonly details?: { readonly causes?: readonly { reason?: string; message?: string }[] }
  }
  if (status.status === 'Success') return 0
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')
  if (cause?.message !== undefined) return Number(cause.message)
  throw new KubeError(`the program cannot be run: ${status.message ?? 'no message'}`)
}

function send(socket: Duplex, opcode: number, payload: Uint8Array): void {
  if (!socket.destroyed && socket.writable)
    socket.write(clientFrame(opcode, payload, randomBytes(4)))
}
