/**
 * Multiaddrs as this device understands them: which can be dialled, whose they are, and in which order ours are told.
 */
import { CODE_P2P, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { TCP } from '@multiformats/multiaddr-matcher'
import { deviceIdOfPeerId, type DeviceId } from '../../protocol/ids.ts'
import { addressBytesMax, addressesMax } from '../../protocol/limits.ts'

/** A full multiaddr taken apart: where, and who must answer there. */
export interface Place {
  readonly device: DeviceId
  /** Without the PeerId. */
  readonly address: string
}

/** Undefined when the text is no multiaddr over a transport we have, ending in the PeerId of an Ed25519 key. */
export function placeOf(text: string): Place | undefined {
  const whole = parse(text)
  if (whole === undefined) return undefined
  const device = deviceOf(whole)
  const address = withoutPeer(whole)
  return device === undefined || !isDialable(address) ? undefined : { device, address: address.toString() }
}

export function parse(text: string): Multiaddr | undefined {
  if (text.length > addressBytesMax) return undefined
  try {
    return multiaddr(text)
  } catch {
    return undefined // The library throws on anything that is not a multiaddr; for us that is merely not an address.
  }
}

/** Whether our transport can dial, or listen on, this address. */
export function isDialable(address: Multiaddr): boolean {
  return TCP.exactMatch(address)
}

export function withoutPeer(whole: Multiaddr): Multiaddr {
  const parts = whole.getComponents()
  return parts.at(-1)?.code === CODE_P2P ? multiaddr(parts.slice(0, -1)) : whole
}

function deviceOf(whole: Multiaddr): DeviceId | undefined {
  const last = whole.getComponents().at(-1)
  return last?.code === CODE_P2P && last.value !== undefined ? deviceIdOfPeerId(last.value) : undefined
}

/**
 * What others are told: without PeerId, each once, as many as a card may carry. Loopback stays, for two people on one
 * machine, but last; so do IPv6 link-local addresses not at all, since they mean nothing without an interface.
 */
export function toTell(addresses: readonly Multiaddr[]): readonly string[] {
  const texts = addresses.map((address) => withoutPeer(address).toString())
  const usable = [...new Set(texts)].filter((text) => !text.startsWith('/ip6/fe80:') && text.length <= addressBytesMax)
  const isLoopback = (text: string): boolean => text.startsWith('/ip4/127.') || text.startsWith('/ip6/::1/')
  return [...usable.filter((text) => !isLoopback(text)), ...usable.filter(isLoopback)].slice(0, addressesMax)
}
