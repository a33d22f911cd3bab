import { after, afterEach } from 'node:test'
import { Wire } from './wire.ts'

/** A network for all tests of the file: what they start in it ends with each of them, the network with the last. */
export async function openWire(): Promise<Wire> {
  const wire = await Wire.open()
  afterEach(() => wire.endProcesses())
  after(() => wire.close())
  return wire
}
