/** Runs in a pod of the cluster tests: sends a hundred numbered datagrams a second to `TARGET`. */
import { createSocket } from 'node:dgram'
import { hostname } from 'node:os'

const target = process.env['TARGET']
const socket = createSocket('udp4').bind(9000)
let number = 0
if (target !== undefined) {
  setInterval(() => {
    number += 1
    socket.send(`podtap-test ${hostname()} ${number} `, 9000, target)
  }, 10)
}
process.on('SIGTERM', () => process.exit(0))
