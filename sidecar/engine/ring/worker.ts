/** The entry of the engine's thread: everything of substance is in worker-loop.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { AppError, messageOf } from '../../../lib/errors.ts'
import type { InterfaceChange } from '../engine.ts'
import { compileFilter } from '../libpcap.ts'
import { captureFilter, nodeFilter } from '../own-packets.ts'
import type { AttachmentFactory } from './attachment.ts'
import { OneInterface } from './one-interface.ts'
import { openPortSockets } from './port-sockets.ts'
import { releaseResources } from './resources.ts'
import { RESOURCE, type Report, type RingOptions } from './ring-options.ts'
import { warmUp } from './warm-up.ts'
import { WorkerLoop } from './worker-loop.ts'

/** Longest frame that the filter lets through uncut: more than Linux builds (512 KiB, BIG TCP). */
const SNAPSHOT_BYTES = 1 << 20

if (parentPort === null) throw new Error('worker.ts: expected to run in a worker thread')
const port = parentPort
try {
  await run(workerData as RingOptions)
} catch (error) {
  const code = error instanceof AppError ? error.code : 'ERR_CAPTURE'
  port.postMessage({ kind: 'failed', code, message: messageOf(error) } satisfies Report)
}
port.close()

async function run(options: RingOptions): Promise<void> {
  const sockets = openPortSockets(options.sourcePorts, options.fit === 'fragment')
  const descriptors = [...sockets.ipv4, ...sockets.ipv6]
  const resources = new Float64Array(options.resources)
  resources.set(descriptors, RESOURCE.firstSocket)
  try {
    const direction = options.interfaceName === 'lo' ? 'any' : 'outbound'
    const own = { sensorPort: options.sensorPort, sourcePorts: sockets, direction } as const
    const expression = options.interfaces
      ? nodeFilter(options.filter)
      : captureFilter(options.filter, own)
    const filter = await compileFilter(expression, SNAPSHOT_BYTES)
    const attachTo = await attachmentOf(options)
    const loop = new WorkerLoop(options, { sockets, filter, port, attachTo })
    warmUp()
    loop.run()
  } finally {
    releaseResources(resources)
  }
}

/** Who captures on one interface pays nothing for what a choice among many takes. */
async function attachmentOf(options: RingOptions): Promise<AttachmentFactory> {
  const { interfaces: rules, interfaceName } = options
  if (rules === undefined) return (fd) => new OneInterface(fd, interfaceName)
  const { ChosenInterfaces } = await import('./chosen-interfaces.ts')
  return (fd, onFilter) => {
    const onChange = (change: InterfaceChange): void => {
      port.postMessage({ kind: 'interfaces', change } satisfies Report)
    }
    return new ChosenInterfaces(fd, rules, { onFilter, onChange })
  }
}
