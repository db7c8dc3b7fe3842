/**
 * The door of a relay: an operator's lists first, then the doorkeeper's counts, and whoever is turned away is counted. Once
 * shut, as when the relay is about to stop, nobody new comes in.
 */
import type { ConnectionGater, PeerId } from '@libp2p/interface'
import { deviceIdOf } from '../../protocol/ids.ts'
import type { Access } from './access.ts'
import { hostOf } from './doorkeeper.ts'
import type { TurnedAway } from './observer.ts'

export interface DoorInit {
  readonly access: Access
  readonly turnedAway: (why: TurnedAway) => void
}

export class Door {
  readonly #init: DoorInit
  #shut = false

  constructor(init: DoorInit) {
    this.#init = init
  }

  shut(): void {
    this.#shut = true
  }

  /** Why nobody is let in from there, if so. */
  refusal(host: string): 'shut' | 'denied' | undefined {
    if (this.#shut) return 'shut'
    return this.#init.access.deniesAddress(host) ? 'denied' : undefined
  }

  /** The lists in front of another gater's rules. */
  before(inner: ConnectionGater): ConnectionGater {
    return {
      ...inner,
      denyInboundConnection: async (socket) =>
        this.#shut ||
        this.#counted('denied', this.#init.access.deniesAddress(hostOf(socket))) ||
        this.#counted('connectionsPerAddressMax', (await inner.denyInboundConnection?.(socket)) === true),
      denyInboundEncryptedConnection: async (peer, socket) =>
        this.#counted('denied', this.#deniesPeer(peer)) ||
        this.#counted('connectionsPerPeerMax', (await inner.denyInboundEncryptedConnection?.(peer, socket)) === true),
    }
  }

  #deniesPeer(peer: PeerId): boolean {
    return peer.type === 'Ed25519' && this.#init.access.deniesPeer(deviceIdOf(peer.publicKey.raw))
  }

  #counted(why: TurnedAway, denied: boolean): boolean {
    if (denied) this.#init.turnedAway(why)
    return denied
  }
}
