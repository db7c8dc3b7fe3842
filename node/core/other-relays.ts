/**
 * How other people's relays have behaved lately, for all contacts together, since several may be at one relay: which of them
 * keep silent, and how long one takes to answer. Kept in memory only, and forgotten when our own surroundings change, since
 * it may have been they.
 */
import { deviceIdOfPeerId, type DeviceId } from '../../protocol/ids.ts'

interface Manners {
  /** When it last answered, and how long that took. */
  readonly answeredMs: number
  readonly tookMs: number
  readonly silent: boolean
}

/** A relay that has not answered for so long is not waited for alone; a slow one is given thrice what it took before. */
const patience = { minMs: 300, maxMs: 5_000 }
/** How long one takes that has never answered: a dial, and a few round trips. */
const tookMsUsual = 350
/** What the slowest uplink worth a thought carries in a millisecond. */
const bytesPerMs = 50
/** Relays remembered; their names come from contacts' cards. */
const relaysKnownMax = 1_024

const unknown: Manners = { answeredMs: 0, tookMs: tookMsUsual, silent: false }

export class OtherRelays {
  readonly #known = new Map<string, Manners>()

  /** Something it was asked at `askedMs`, if that is known. */
  answered(relay: string, askedMs: number | undefined, nowMs: number): void {
    const { tookMs } = this.#of(relay)
    this.#note(relay, { answeredMs: nowMs, tookMs: askedMs === undefined ? tookMs : nowMs - askedMs, silent: false })
  }

  keepsSilent(relay: string): void {
    const known = this.#of(relay)
    if (!known.silent) this.#note(relay, { ...known, silent: true })
  }

  isSilent(relay: string): boolean {
    return this.#of(relay).silent
  }

  /** When something of so many bytes, asked at `askedMs`, is to be asked of another relay too. */
  patientUntilMs(relay: string, askedMs: number, bytes: number): number {
    const { answeredMs, tookMs, silent } = this.#of(relay)
    if (silent) return askedMs
    const pauseMs = Math.min(patience.maxMs, Math.max(patience.minMs, 3 * tookMs))
    return Math.max(askedMs, answeredMs) + pauseMs + Math.round(bytes / bytesPerMs)
  }

  forget(): void {
    this.#known.clear()
  }

  #of(relay: string): Manners {
    return this.#known.get(relay) ?? unknown
  }

  #note(relay: string, manners: Manners): void {
    if (this.#known.size >= relaysKnownMax && !this.#known.has(relay)) this.#known.clear()
    this.#known.set(relay, manners)
  }
}

/** The key of a relay, from the PeerId at the end of its multiaddr. */
export function relayDevice(relay: string): DeviceId | undefined {
  return deviceIdOfPeerId(relay.slice(relay.lastIndexOf('/') + 1))
}
