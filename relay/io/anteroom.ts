/**
 * Where connections wait that have not shown who they are: shared out by address, and let on one in each turn of the event loop.
 *
 * A handshake costs more than a hundred messages. When a crowd arrives at once, those who are served already must not wait for
 * all of it; and when somebody fills the room with sockets that say nothing, whoever comes from elsewhere is given the
 * place of one of theirs. Who came together is not sent away together either: a thousand whose time is up at one moment would hold
 * up everybody for a sixth of a second, every ten.
 */
import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface'
import { hostOf } from './doorkeeper.ts'
import { householdOf } from './household.ts'

export interface AnteroomInit {
  /** How many wait at most. */
  readonly max: number
  /** How long each may stay; when all places were taken at once, the last of them twice as long. */
  readonly msMax: number
  /** Somebody was turned away for want of room. */
  readonly full: () => void
}

/** How many more an address must have here than a newcomer's, to lose one to it: else two crowds would only swap places. */
const crowdedBy = 2

/**
 * Handshakes that are begun as fast as they come, while so many are not through: those of everybody who can be served in the time
 * that an answer takes around the world. Whoever is behind them may be silent: then one in so many milliseconds, which is
 * about what it costs to serve one, so that a crowd whose answers are slow is hardly kept waiting.
 */
const freelyMax = 256
const slowlyMs = 2

interface Guest {
  readonly address: string
  readonly socket: MultiaddrConnection
  readonly untilMs: number
  /** Lets it on, or not; undefined once it was. */
  decide: ((isLetOn: boolean) => void) | undefined
}

/** Everybody here from one address, oldest first. */
interface Party {
  readonly guests: Set<Guest>
  /** Those who were let on. */
  letOn: number
}

export class Anteroom {
  readonly #init: AnteroomInit
  /** In the order in which they came. */
  readonly #guests = new Map<MultiaddrConnection, Guest>()
  /** The same by address, that which was served last at the end. */
  readonly #byAddress = new Map<string, Party>()
  #letOn = 0
  #isTurnTaken = false
  #isWatched = false

  constructor(init: AnteroomInit) {
    this.#init = init
  }

  /** Behind the rules of another gater. */
  behind(outer: ConnectionGater): ConnectionGater {
    return {
      ...outer,
      denyInboundConnection: async (socket) =>
        (await outer.denyInboundConnection?.(socket)) === true || !(await this.#enter(socket)),
      denyInboundEncryptedConnection: async (peer, socket) => {
        this.#leave(socket)
        return (await outer.denyInboundEncryptedConnection?.(peer, socket)) === true
      },
    }
  }

  /** Nobody else is let in from there, until somebody leaves. */
  isFull(address: string): boolean {
    return this.#guests.size >= this.#init.max && this.#inTheWayOf(address) === undefined
  }

  #enter(socket: MultiaddrConnection): Promise<boolean> | boolean {
    const address = householdOf(hostOf(socket))
    if (this.#guests.size >= this.#init.max && !this.#makeRoomFor(address)) {
      this.#init.full()
      return false
    }
    const guest: Guest = { address, socket, untilMs: performance.now() + this.#init.msMax, decide: undefined }
    this.#guests.set(socket, guest)
    if (!this.#isWatched) this.#sendAwayIn(this.#init.msMax)
    const party = this.#byAddress.get(address) ?? { guests: new Set(), letOn: 0 }
    party.guests.add(guest)
    this.#byAddress.set(address, party)
    socket.addEventListener('close', () => this.#leave(socket), { once: true })
    if (!this.#isTurnTaken && this.#letOn < freelyMax) {
      this.#served(guest, party)
      return true
    }
    if (!this.#isTurnTaken) this.#takeTurn()
    return new Promise((resolve) => (guest.decide = resolve))
  }

  #leave(socket: MultiaddrConnection): void {
    const guest = this.#guests.get(socket)
    if (guest === undefined) return
    this.#guests.delete(socket)
    const party = this.#byAddress.get(guest.address)
    party?.guests.delete(guest)
    if (party?.guests.size === 0) this.#byAddress.delete(guest.address)
    if (guest.decide !== undefined) return guest.decide(false)
    this.#letOn -= 1
    if (party !== undefined) party.letOn -= 1
  }

  /** Sends one away for the newcomer, if there is one to send away. */
  #makeRoomFor(address: string): boolean {
    const guest = this.#inTheWayOf(address)
    if (guest === undefined) return false
    this.#init.full()
    this.#leave(guest.socket)
    guest.socket.abort(new Error('a newcomer from elsewhere needs the room'))
    return true
  }

  /** The oldest from the address that has the most here, if that is many more than the newcomer's has. */
  #inTheWayOf(address: string): Guest | undefined {
    let most: ReadonlySet<Guest> = new Set()
    for (const { guests } of this.#byAddress.values()) if (guests.size > most.size) most = guests
    const [oldest] = most
    return most.size < (this.#byAddress.get(address)?.guests.size ?? 0) + crowdedBy ? undefined : oldest
  }

  #sendAwayIn(ms: number): void {
    this.#isWatched = true
    setTimeout(() => this.#sendAwayOldest(), ms).unref()
  }

  /** If its time is up; the next one a moment later. */
  #sendAwayOldest(): void {
    const [oldest] = this.#guests.values()
    this.#isWatched = false
    if (oldest === undefined) return
    const leftMs = oldest.untilMs - performance.now()
    const { max, msMax } = this.#init
    this.#sendAwayIn(Math.max(leftMs, msMax / max))
    if (leftMs > 0) return
    this.#leave(oldest.socket)
    oldest.socket.abort(new Error('the handshake took too long'))
  }

  #takeTurn(): void {
    this.#isTurnTaken = true
    const next = (): void => {
      this.#isTurnTaken = false
      this.#letOnNext()
    }
    if (this.#letOn < freelyMax) setImmediate(next)
    else setTimeout(next, slowlyMs).unref()
  }

  /** One from the address of which fewest were let on; of several such, from the one that was served longest ago. */
  #letOnNext(): void {
    let next: Party | undefined
    for (const party of this.#byAddress.values()) {
      if (party.guests.size > party.letOn && party.letOn < (next?.letOn ?? Infinity)) next = party
    }
    if (next === undefined) return
    for (const guest of next.guests) {
      const { decide } = guest
      if (decide === undefined) continue
      guest.decide = undefined
      this.#served(guest, next)
      return decide(true)
    }
  }

  #served({ address }: Guest, party: Party): void {
    party.letOn += 1
    this.#letOn += 1
    this.#byAddress.delete(address)
    this.#byAddress.set(address, party)
    this.#takeTurn()
  }
}
