/**
 * Lets a relay announce the addresses it listens on. libp2p announces a public address only once someone outside has
 * confirmed it, which nobody does for the first relay of a network; whoever runs a relay says so by running it.
 */
import type { Libp2pEvents, Startable, TypedEventTarget } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

export interface OwnAddressesComponents {
  readonly addressManager: {
    getAddressesWithMetadata(): readonly { readonly multiaddr: Multiaddr; readonly verified: boolean }[]
    confirmObservedAddr(address: Multiaddr, options?: { readonly ttl?: number }): void
  }
  readonly transportManager: { getAddrs(): Multiaddr[] }
  readonly events: TypedEventTarget<Libp2pEvents>
}

const foreverMs = 100 * 365 * 86_400_000

export function ownAddresses(): (components: OwnAddressesComponents) => Startable {
  return ({ addressManager, transportManager, events }) => {
    const confirm = (): void => {
      const own = new Set(transportManager.getAddrs().map(String))
      for (const { multiaddr, verified } of addressManager.getAddressesWithMetadata()) {
        if (!verified && own.has(multiaddr.toString()))
          addressManager.confirmObservedAddr(multiaddr, { ttl: foreverMs })
      }
    }
    // Not after the start: libp2p begins to listen then, and services are told of it before it does.
    events.addEventListener('transport:listening', confirm)
    return { start: () => undefined, stop: () => events.removeEventListener('transport:listening', confirm) }
  }
}
