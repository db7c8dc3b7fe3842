/**
 * Routers of every kind, as nftables rules: how each maps what goes out and what it lets in (RFC 4787). The rules know
 * three names: `wan` and `lan`, the router's two sides, and the one machine behind it.
 */

export const kinds = [
  'open',
  'full cone',
  'address-restricted',
  'port-restricted',
  'symmetric',
  'firewall',
  'udp blocked',
] as const

export type Kind = (typeof kinds)[number]

/** Neither translates: the machine behind it has a public address of its own. */
export function isTransparent(kind: Kind): boolean {
  return kind === 'open' || kind === 'firewall'
}

export function rulesFor(kind: Kind, inner: string, outer: string): string {
  return [translation(kind, inner, outer), kind === 'open' ? '' : firewall(kind)].join('\n')
}

function translation(kind: Kind, inner: string, outer: string): string {
  if (isTransparent(kind)) return ''
  const out = {
    'full cone': `snat to ${outer}`,
    'address-restricted': `snat to ${outer}`,
    'port-restricted': 'masquerade',
    'udp blocked': 'masquerade',
    symmetric: 'masquerade random,fully-random',
    open: '',
    firewall: '',
  }[kind]
  const inward = {
    'full cone': `iifname wan ip daddr ${outer} dnat to ${inner}`,
    'address-restricted': `iifname wan ip daddr ${outer} ip saddr @spoken dnat to ${inner}`,
  }
  return `
    table ip nat {
      set spoken { type ipv4_addr; flags timeout; timeout 5m; }
      chain note {
        type filter hook forward priority 10;
        iifname lan oifname wan update @spoken { ip daddr }
      }
      chain outward {
        type nat hook postrouting priority 100;
        oifname wan ip saddr ${inner}/24 ${out}
      }
      chain inward {
        type nat hook prerouting priority -100;
        ${inward[kind as keyof typeof inward] ?? ''}
      }
    }`
}

/** What nobody inside asked for is dropped without a word, as a home router does. */
function firewall(kind: Kind): string {
  const invited = kind === 'full cone' || kind === 'address-restricted' ? 'ct status dnat accept' : ''
  const udp = kind === 'udp blocked' ? 'meta l4proto udp drop' : ''
  return `
    table inet firewall {
      chain input {
        type filter hook input priority 0; policy drop;
        iifname { lo, lan } accept
        ct state established,related accept
      }
      chain forward {
        type filter hook forward priority 0; policy drop;
        ${udp}
        iifname lan accept
        ct state established,related accept
        ${invited}
      }
    }`
}
