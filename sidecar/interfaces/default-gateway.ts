/** Flags of a route (linux/route.h). */
const RTF_UP = 0x1
const RTF_REJECT = 0x200

/**
 * The interface of the default route with the lowest metric, by the text of /proc/net/route and, where
 * that has none, of /proc/net/ipv6_route (both in proc_pid_net(5)); undefined where there is none.
 *
 *   route        interface destination gateway flags refcount use metric mask …   (hexadecimal; metric decimal)
 *   ipv6_route   destination length source length gateway metric refcount use flags interface
 */
export function defaultGatewayDevice(ipv4: string, ipv6: string): string | undefined {
  const routes4 = rows(ipv4).flatMap(([name, destination, , flags, , , metric, mask]) =>
    destination === '00000000' && mask === '00000000' && isUsable(flags)
      ? [{ name: name ?? '', metric: Number(metric) }]
      : [],
  )
  const routes6 = rows(ipv6).flatMap((row) => {
    const [destination = '', length, , , , metric, , , flags, name = ''] = row
    const isDefault = /^0{32}$/.test(destination) && length === '00' && isUsable(flags)
    return isDefault && name !== 'lo' ? [{ name, metric: Number.parseInt(metric ?? '', 16) }] : []
  })
  return lowest(routes4) ?? lowest(routes6)
}

function rows(text: string): string[][] {
  return text.split('\n').map((line) => line.trim().split(/\s+/))
}

function isUsable(flags: string | undefined): boolean {
  const bits = Number.parseInt(flags ?? '', 16)
  return (bits & RTF_UP) !== 0 && (bits & RTF_REJECT) === 0
}

function lowest(routes: readonly { name: string; metric: number }[]): string | undefined {
  return [...routes].sort((a, b) => a.metric - b.metric)[0]?.name
}
