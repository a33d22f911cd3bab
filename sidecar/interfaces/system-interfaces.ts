/** What this network namespace says about its interfaces, asked once at start. */
import { existsSync, readFileSync } from 'node:fs'
import { AppError } from '../../lib/errors.ts'
import { defaultGatewayDevice } from './default-gateway.ts'

/** The device of the default gateway, or undefined. */
export function findDefaultDevice(): string | undefined {
  return defaultGatewayDevice(readOr('/proc/net/route'), readOr('/proc/net/ipv6_route'))
}

/** @throws AppError ERR_INTERFACE that names those of `names` that do not exist. */
export function requireInterfaces(names: readonly string[]): void {
  const missing = names.filter((name) => !existsSync(`/sys/class/net/${name}`))
  if (missing.length === 0) return
  throw new AppError(
    'ERR_INTERFACE',
    `INTERFACE: expected interfaces that exist, because INTERFACE_MISSING is fail; missing: ${missing.join(', ')}`,
  )
}

/** A kernel without IPv6 has no such file. */
function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
