/**
 * Multiaddrs as this device understands them: which can be dialled, whose they are, and in which order ours are told.
 */
import { CODE_P2P, CODE_P2P_CIRCUIT, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { TCP, WebSockets, WebSocketsSecure } from '@multiformats/multiaddr-matcher'
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
  return TCP.exactMatch(address) || WebSockets.exactMatch(address) || WebSocketsSecure.exactMatch(address)
}

/** Bare TCP, whose ports are the socket's own. */
export function isTcp(address: Multiaddr): boolean {
  return TCP.exactMatch(address)
}

/** `…/p2p/RELAY/p2p-circuit`: through a relay, which is dialled first. */
export function isCircuit(address: Multiaddr): boolean {
  return relayOf(address) !== undefined
}

/** The full multiaddr of the relay that carries a circuit. */
export function relayOf(circuit: Multiaddr): Multiaddr | undefined {
  const parts = circuit.getComponents()
  const at = parts.findIndex(({ code }) => code === CODE_P2P_CIRCUIT)
  if (at < 1 || at < parts.length - 2) return undefined
  const relay = multiaddr(parts.slice(0, at))
  return deviceOf(relay) !== undefined && isDialable(withoutPeer(relay)) ? relay : undefined
}

export function isLoopback(address: Multiaddr): boolean {
  const text = address.toString()
  return text.startsWith('/ip4/127.') || text.startsWith('/ip6/::1/')
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
 * What others are told: without PeerId, each once, as many as a card may carry; circuits through `relays` among them, and
 * loopback last, for two people on one machine. IPv6 link-local addresses mean nothing without an interface.
 */
export function toTell(addresses: readonly Multiaddr[], relays: readonly string[]): readonly string[] {
  const usable = addresses.map(withoutPeer).filter((address) => !address.toString().startsWith('/ip6/fe80:'))
  const near = usable.filter(isLoopback)
  const direct = usable.filter((address) => !isLoopback(address)).slice(0, addressesMax - relays.length)
  const told = [...direct.map(String), ...relays.map((relay) => `${relay}/p2p-circuit`), ...near.map(String)]
  return [...new Set(told)].filter((text) => text.length <= addressBytesMax).slice(0, addressesMax)
}
