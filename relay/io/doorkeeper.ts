/**
 * Who may come in at all: how many connections one address and one peer may hold. Half-open ones count, so that an address
 * which opens sockets and says nothing fills its own share and nobody else's.
 */
import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { householdOf } from './household.ts'

export interface DoorLimits {
  /** Connections from one address: a household or an office behind one router, not a farm. */
  readonly connectionsPerAddressMax: number
  /** Connections of one peer: the one in use, and a few that a network change left behind and nobody has noticed. */
  readonly connectionsPerPeerMax: number
}

export class Doorkeeper {
  readonly #limits: DoorLimits
  readonly #perAddress = new Map<string, number>()
  readonly gater: ConnectionGater

  constructor(limits: DoorLimits, ofPeer: (peer: PeerId) => number) {
    this.#limits = limits
    this.gater = {
      denyInboundConnection: (socket) => !this.#letIn(socket),
      denyInboundEncryptedConnection: (peer) => ofPeer(peer) >= limits.connectionsPerPeerMax,
      // A relay calls nobody: dialling the addresses that peers claim would let strangers aim it at others.
      denyDialPeer: () => true,
      denyDialMultiaddr: () => true,
    }
  }

  /** Nobody else is let in from there. */
  isFull(household: string): boolean {
    return (this.#perAddress.get(household) ?? 0) >= this.#limits.connectionsPerAddressMax
  }

  #letIn(socket: MultiaddrConnection): boolean {
    const household = householdOf(hostOf(socket))
    if (this.isFull(household)) return false
    this.#perAddress.set(household, (this.#perAddress.get(household) ?? 0) + 1)
    const leave = (): void => {
      const left = (this.#perAddress.get(household) ?? 1) - 1
      if (left === 0) this.#perAddress.delete(household)
      else this.#perAddress.set(household, left)
    }
    socket.addEventListener('close', leave, { once: true })
    return true
  }
}

export function hostOf({ remoteAddr }: MultiaddrConnection): string {
  return remoteAddr.getComponents()[0]?.value ?? remoteAddr.toString()
}
