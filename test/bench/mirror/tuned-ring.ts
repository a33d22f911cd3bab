/**
 * The ring engine alone, with settings that the sidecar does not offer.
 *
 *   node tuned-ring.ts SENSOR '{"sourcePorts":4}'
 */
import { VXLAN_PORT } from '../../../sidecar/contract.ts'
import type { RingOptions } from '../../../sidecar/engine/ring/ring-options.ts'
import { RingEngine } from '../../../sidecar/engine/ring/ring-engine.ts'

const [address = '', settings = '{}'] = process.argv.slice(2)
const engine = new RingEngine(
  { interfaceName: 'eth0', vni: 0, filter: '', sensorPort: VXLAN_PORT },
  {
    onStateChange: (state) => {
      process.stdout.write(`${JSON.stringify({ state })}\n`)
    },
  },
  JSON.parse(settings) as Partial<RingOptions>,
)
engine.setDestinations([{ address, family: 4, port: VXLAN_PORT, receiver: 'socket' }])
await engine.start()
process.on('SIGTERM', () => void engine.stop())
