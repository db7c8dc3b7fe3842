/**
 * Who may come in at all: how many connections one address and one peer may hold. Half-open ones count, so that an address
 * which opens sockets and says nothing fills its own share and nobody else's.
 */
import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

export interface DoorLimits {
  /** Connections from one address: a household or an office behind one router, not a farm. */
  readonly connectionsPerAddressMax: number
  /** Connections of one peer: the one in use, and a few that a network change left behind and nobody has noticed. */
  readonly connectionsPerPeerMax: number
}

export function doorkeeper(limits: DoorLimits, ofPeer: (peer: PeerId) => number): ConnectionGater {
  const perAddress = new Map<string, number>()
  return {
    denyInboundConnection: (socket) => {
      const address = hostOf(socket.remoteAddr)
      const held = perAddress.get(address) ?? 0
      if (held >= limits.connectionsPerAddressMax) return true
      perAddress.set(address, held + 1)
      onceClosed(socket, () => {
        const left = (perAddress.get(address) ?? 1) - 1
        if (left === 0) perAddress.delete(address)
        else perAddress.set(address, left)
      })
      return false
    },
    denyInboundEncryptedConnection: (peer) => ofPeer(peer) >= limits.connectionsPerPeerMax,
    // A relay calls nobody: dialling the addresses that peers claim would let strangers aim it at others.
    denyDialPeer: () => true,
    denyDialMultiaddr: () => true,
  }
}

function onceClosed(socket: MultiaddrConnection, act: () => void): void {
  socket.addEventListener('close', act, { once: true })
}

export function hostOf(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? address.toString()
}
