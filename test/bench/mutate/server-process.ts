/** A server under measurement: a process of its own on a CPU of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection, requestBytes } from './connection.ts'

const START_MS = 20_000

/** How a server is started. */
export interface ServerProgram {
  /** Arguments of node; the port is put in the place of PORT. */
  readonly args: readonly string[]
  /** Environment beside PATH, likewise. */
  readonly env?: Readonly<Record<string, string>>
  readonly cpu: number
}

/** A running server. */
export class ServerProcess {
  /** Where it listens, on the loopback interface. */
  readonly port: number
  readonly #child: ChildProcess

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
  }

  /** Starts it and waits until its /readyz says 200. What it logs is thrown away. */
  static async start({ args, env = {}, cpu }: ServerProgram): Promise<ServerProcess> {
    const port = await freePort()
    const place = (text: string): string => text.replaceAll('PORT', String(port))
    const entries = Object.entries(env).map(([key, value]) => [key, place(value)] as const)
    const child = spawn('taskset', ['-c', String(cpu), process.execPath, ...args.map(place)], {
      env: { PATH: process.env.PATH ?? '', ...Object.fromEntries(entries) },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const server = new ServerProcess(port, child)
    await server.#ready()
    return server
  }

  /** CPU time of all its threads so far, in microseconds. */
  cpuUs(): number {
    const tasks = `/proc/${this.#child.pid ?? 0}/task`
    const spent = readdirSync(tasks).map((id) =>
      Number(readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ')[0]),
    )
    return spent.reduce((sum, ns) => sum + ns / 1000, 0)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill()
    await exited
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + START_MS
    while (performance.now() < deadline && this.#child.exitCode === null) {
      if ((await this.#probe()) === 200) return
      await delay(100)
    }
    await this.stop()
    throw new Error(`not ready within ${START_MS} ms: ${this.#child.spawnargs.join(' ')}`)
  }

  async #probe(): Promise<number> {
    try {
      const connection = await Connection.open(this.port)
      const { status } = await connection.exchange(requestBytes())
      connection.close()
      return status
    } catch {
      return 0 // It does not listen yet.
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
