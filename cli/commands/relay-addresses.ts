/**
 * Which of a relay's addresses to print first: the one its operator most likely wants to hand on. What was asked for with
 * `--listen` comes first, in that order; where that was “every interface”, what others can dial before what only this
 * machine can.
 */
export function dialableFirst(addresses: readonly string[], listen: readonly string[]): readonly string[] {
  const rank = (address: string): number => {
    const asked = listen.findIndex((one) => hostOf(one) === hostOf(address) && samePort(one, address))
    if (asked !== -1) return asked
    return listen.length + reach(hostOf(address))
  }
  return addresses.toSorted((a, b) => rank(a) - rank(b))
}

function reach(host: string): number {
  if (host.startsWith('/dns')) return 0
  if (host.startsWith('/ip4/127.')) return 4
  if (host === '/ip6/::1') return 5
  if (host.startsWith('/ip6/fe80:')) return 6 // Means nothing without naming the interface.
  return host.startsWith('/ip4/') ? 1 : 2
}

/** `/ip4/192.0.2.7` of `/ip4/192.0.2.7/tcp/4001/p2p/…`. */
function hostOf(address: string): string {
  return address.split('/').slice(0, 3).join('/')
}

/** Port 0 asked the system to choose. */
function samePort(asked: string, address: string): boolean {
  const port = asked.split('/')[4]
  return port === '0' || port === address.split('/')[4]
}
