/**
 * The plain way to mirror with npm cap: its own example, a VXLAN header in front, dgram. No checksum is
 * completed, nothing is split, nothing is counted: what people write who need a mirror by tonight.
 *
 *   node npm-cap.ts SENSOR
 */
import cap from 'cap'
import { createSocket } from 'node:dgram'

const VXLAN_PORT = 4789
const BUFFER_BYTES = 10 * 1024 * 1024

const [sensor = ''] = process.argv.slice(2)
const header = Buffer.from('0800000000000000', 'hex')
const bytes = Buffer.alloc(65535)
const capture = new cap.Cap()
const socket = createSocket('udp4')

capture.open('eth0', `not (udp and dst port ${VXLAN_PORT})`, BUFFER_BYTES, bytes)
capture.on('packet', (length) => {
  socket.send([header, Buffer.from(bytes.subarray(0, length))], VXLAN_PORT, sensor)
})
process.stdout.write('{"state":"capturing"}\n')
process.on('SIGTERM', () => process.exit())
