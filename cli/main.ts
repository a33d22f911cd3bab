#!/usr/bin/env node
/** The `podtap` command as a process. */
import { text } from 'node:stream/consumers'
import type { CliContext } from './context.ts'
import { runCli } from './program.ts'
import { terminalOf } from './terminal.ts'

const context: CliContext = {
  programPath: process.argv[1] ?? '',
  environment: process.env,
  terminal: () => terminalOf(process.stdout, process.env),
  print: (line) => {
    process.stdout.write(`${line}\n`)
  },
  write: (text) => {
    process.stdout.write(text)
  },
  writeBytes: (bytes) => {
    return new Promise((resolve) => {
      process.stdout.write(bytes, () => {
        resolve()
      })
    })
  },
  report: (line) => {
    process.stderr.write(`${line}\n`)
  },
  writeError: (text) => {
    process.stderr.write(text)
  },
  readInput: () => text(process.stdin),
  interrupted: () => {
    const controller = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        controller.abort()
      })
    }
    return controller.signal
  },
}

// Whoever reads may have seen enough: `podtap status | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

process.exit(await runCli(process.argv.slice(2), context))
