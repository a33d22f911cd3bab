/** The entry of the engine's thread: everything of substance is in worker-loop.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { AppError, messageOf } from '../../../lib/errors.ts'
import type { InterfaceChange } from '../engine.ts'
import { allocateMemory } from './allocate-memory.ts'
import type { AttachmentFactory } from './attachment.ts'
import { captureBytes } from './capture.ts'
import type { Memory } from './memory.ts'
import { OneInterface } from './one-interface.ts'
import { openPortSockets } from './port-sockets.ts'
import { ringFilter } from './ring-filter.ts'
import { releaseResources } from './resources.ts'
import { RESOURCE, type Report, type RingOptions } from './ring-options.ts'
import { warmUp } from './warm-up.ts'
import { WorkerLoop } from './worker-loop.ts'

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
  const resources = new Float64Array(options.resources)
  let place: number = RESOURCE.firstSocket
  try {
    const sockets = openPortSockets({
      count: options.sourcePorts,
      mayFragment: options.fit === 'fragment',
      onOpen: (descriptors) => {
        resources.set(descriptors, place)
        place += descriptors.length
      },
    })
    const { first, last } = sockets
    port.postMessage({ kind: 'ports', ports: { first, last } } satisfies Report)
    const filter = await ringFilter(options, sockets)
    const attachTo = await attachmentOf(options)
    const memory = allocate(options, resources)
    warmUp(memory)
    new WorkerLoop(options, { sockets, filter, port, attachTo, memory }).run()
  } finally {
    releaseResources(resources)
  }
}

function allocate({ ring }: RingOptions, resources: Float64Array): Memory {
  const { memory, isMapped } = allocateMemory(captureBytes(ring))
  if (!isMapped) return memory
  resources[RESOURCE.mapAddress] = memory.address
  resources[RESOURCE.mapLength] = memory.bytes.length
  return memory
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
