/** The entry of the engine's thread: everything of substance is in worker-loop.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { AppError, messageOf } from '../../../lib/errors.ts'
import { compileFilter } from '../libpcap.ts'
import { captureFilter } from '../own-packets.ts'
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
    const filter = await compileFilter(captureFilter(options.filter, own), SNAPSHOT_BYTES)
    const loop = new WorkerLoop(options, { sockets, filter, port })
    warmUp()
    loop.run()
  } finally {
    releaseResources(resources)
  }
}
