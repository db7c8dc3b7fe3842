/**
 * What counts as one address when strangers are counted: an IPv4 address; of IPv6 the first 64 bits, since everybody who has one
 * address there has 2^64 of them.
 */
const groupsOfNetwork = 4

/** `host` as Node or a multiaddr writes it. */
export function householdOf(host: string): string {
  if (!host.includes(':')) return host
  const [before = '', after] = host.split('::', 2)
  const first = groups(before)
  const all =
    after === undefined ? first : [...first, ...zeros(8 - first.length - groups(after).length), ...groups(after)]
  return `${all
    .slice(0, groupsOfNetwork)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::`
}

function groups(part: string): string[] {
  return part === '' ? [] : part.split(':')
}

function zeros(count: number): string[] {
  return Array.from({ length: Math.max(0, count) }, () => '0')
}
