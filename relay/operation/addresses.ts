/** What a relay can listen on, or tell others instead: a multiaddr of a TCP port. */
import { isIP } from 'node:net'

export function isRelayAddress(address: string): boolean {
  const [, kind, host = '', port] = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})$/u.exec(address) ?? []
  const family = kind === 'ip4' ? 4 : kind === 'ip6' ? 6 : 0
  return port !== undefined && Number(port) < 65_536 && (family === 0 || isIP(host) === family)
}
