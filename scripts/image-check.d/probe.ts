/**
 * Run inside an image of the sidecar: uses what is native in it and mirrors a capture file. What it
 * prints is the same on every architecture.
 */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

/** The image's compiled code; its types are those of the sources. */
const APP = '/app/dist/sidecar'
type Libpcap = typeof import('../../sidecar/engine/libpcap.ts')
type Offline = typeof import('../../sidecar/offline/mirror-file.ts')
/** The part of npm `cap` that is used here. See its README. */
interface Cap {
  readonly deviceList: () => readonly { readonly name: string }[]
}

const FILTER = 'tcp port 80 and not host 192.0.2.1'
const SNAPSHOT_BYTES = 65535

await sayFilter()
sayAddon()
await sayMirrored()

/** koffi calls libpcap. */
async function sayFilter(): Promise<void> {
  const { compileFilters } = (await import(`${APP}/engine/libpcap.js`)) as Libpcap
  const instructions = await compileFilters([FILTER], SNAPSHOT_BYTES)
  const digest = createHash('sha256').update(instructions).digest('hex').slice(0, 16)
  console.log(
    `koffi and libpcap: "${FILTER}" is ${instructions.length / 8} instructions, ${digest}`,
  )
}

/** The addon of cap calls libpcap, whose pseudo-interface `any` is on every Linux. */
function sayAddon(): void {
  const { deviceList } = createRequire(`${APP}/`)('cap') as Cap
  const names = deviceList().map(({ name }) => name)
  console.log(`cap and libpcap: ${names.includes('any') ? 'interface any' : names.join(' ')}`)
}

async function sayMirrored(): Promise<void> {
  const { mirrorFile } = (await import(`${APP}/offline/mirror-file.js`)) as Offline
  const files = { input: '/capture/frames.pcap', output: '/capture/mirrored.pcap' }
  const counts = await mirrorFile({ ...files, vni: 1, mtu: 1500, completeChecksums: false })
  console.log(`mirrored: ${JSON.stringify(counts)}`)
}
