/**
 * Runs in a pod of the cluster tests: ends VXLAN in a socket and prints one line for each numbered
 * datagram of talker.ts, `talker number milliseconds-since-1970`. POST /unready, /ready, /close and /open
 * change what it does; GET /ready is its readiness.
 */
import { createSocket, type Socket } from 'node:dgram'
import { createServer } from 'node:http'

let isReady = true
let socket: Socket | undefined

function open(): void {
  socket ??= createSocket('udp4', (bytes) => {
    const [, what] = /podtap-test (\S+ \d+) /.exec(bytes.toString('latin1')) ?? []
    if (what !== undefined) process.stdout.write(`${what} ${Date.now()}\n`)
  }).bind(4789)
}

function close(): void {
  socket?.close()
  socket = undefined
}

const ORDERS: Readonly<Record<string, () => void>> = {
  '/ready': () => {
    isReady = true
  },
  '/unready': () => {
    isReady = false
  },
  '/open': open,
  '/close': close,
}

open()
createServer((request, response) => {
  if (request.method === 'POST') ORDERS[request.url ?? '']?.()
  response.writeHead(isReady || request.method === 'POST' ? 200 : 503)
  response.end('{}')
}).listen(8080)

// Frames that arrive after it was told to end are printed too.
process.on('SIGTERM', () => setTimeout(() => process.exit(0), 700))
