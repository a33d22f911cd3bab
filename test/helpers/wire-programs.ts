/** What the wire tests need of the machine; they fail with the remedy where it is missing, never skip. */
import { execFileSync } from 'node:child_process'

/** Program → Debian package. */
const PROGRAMS: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  iperf3: 'iperf3',
  ethtool: 'ethtool',
  setpriv: 'util-linux',
}

/** @throws Error with one line that says what to do, without root or one of the programs. */
export function requireWirePrograms(): void {
  if (process.getuid?.() !== 0) {
    throw new Error('wire tests make network namespaces: run them as root, for example with sudo')
  }
  const missing = Object.keys(PROGRAMS).filter((program) => !isInstalled(program))
  if (missing.length === 0) return
  const packages = missing.map((program) => PROGRAMS[program]).join(' ')
  throw new Error(`missing ${missing.join(', ')}: install with: apt-get install -y ${packages}`)
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`])
    return true
  } catch {
    return false
  }
}
