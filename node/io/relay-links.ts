/**
 * Our own relays: connects to each as ourselves, collects what waits in our mailbox as far as credit goes, and gives credit
 * back as the core acknowledges. Each connecting ends in `relay-risen` or `relay-lost`, and what rose is lost once, unless
 * we left. When to try again is the core's.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { idsPerFrameMax, pageMessagesMax } from '../../protocol/limits.ts'
import type { Backlog } from '../../protocol/shell/backlog.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { mailboxFrame, mailboxProtocol, type Envelope, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { Input } from '../core/inputs.ts'
import { placeOf } from './addresses.ts'
import { reasonOf } from './deadline.ts'
import type { Log } from './log.ts'
import type { Reach, Reached } from './reach.ts'

export interface RelayLinksInit {
  readonly push: (input: Input) => void
  readonly backlog: Backlog
  readonly reach: () => Reach
  readonly log: Log
  /** The link to a relay stands, or does not any more. */
  readonly onRisen: (relay: string) => void
  readonly onLost: (relay: string) => void
}

export class RelayLinks {
  readonly #init: RelayLinksInit
  readonly #links = new Map<string, RelayLink>()

  constructor(init: RelayLinksInit) {
    this.#init = init
  }

  connect(relay: string): void {
    if (this.#links.has(relay)) return
    const link = new RelayLink(relay, this.#init, (reason) => {
      if (this.#links.get(relay) !== link) return // We left meanwhile.
      this.#links.delete(relay)
      this.#init.onLost(relay)
      this.#init.push({ kind: 'relay-lost', relay, reason })
    })
    this.#links.set(relay, link)
    void this.#open(link)
  }

  leave(relay: string): void {
    const link = this.#links.get(relay)
    this.#links.delete(relay)
    link?.leave()
  }

  acknowledge(relay: string, ids: readonly EnvelopeId[]): void {
    this.#links.get(relay)?.acknowledge(ids)
  }

  /** Whether this is one of them. */
  has(device: DeviceId): boolean {
    return [...this.#links.keys()].some((relay) => placeOf(relay)?.device === device)
  }

  leaveAll(): void {
    for (const relay of [...this.#links.keys()]) this.leave(relay)
  }

  async #open(link: RelayLink): Promise<void> {
    const place = placeOf(link.relay)
    if (place === undefined) return link.failed('not an address that can be dialled')
    try {
      link.opened(await this.#init.reach().open(place.device, [place.address], mailboxProtocol, { relay: true }))
      if (this.#links.get(link.relay) === link) this.#init.onRisen(link.relay)
    } catch (error) {
      link.failed(reasonOf(error))
    }
  }
}

/** What a relay names is shown to a user, who should not be shown what nobody could dial. */
function isRelay(text: string): boolean {
  return placeOf(text) !== undefined
}

class RelayLink {
  readonly relay: string
  readonly #push: (input: Input) => void
  readonly #backlog: Backlog
  readonly #log: Log
  readonly #lost: (reason: string) => void
  /** Sent to us on this subscription and not yet acknowledged: each of them is one credit given. */
  readonly #collected = new Set<EnvelopeId>()
  #acknowledged: EnvelopeId[] = []
  #reached: Reached | undefined
  #frames: Frames<MailboxFrame> | undefined
  #left = false

  constructor(relay: string, { push, backlog, log }: RelayLinksInit, lost: (reason: string) => void) {
    this.relay = relay
    this.#push = push
    this.#backlog = backlog
    this.#log = log
    this.#lost = lost
  }

  opened(reached: Reached): void {
    this.#reached = reached
    if (this.#left) return this.#hangUp()
    this.#frames = new Frames<MailboxFrame>(reached.stream, {
      codec: mailboxFrame,
      onFrame: (frame) => this.#received(frame),
      // Credit holds back messages only.
      pace: () => this.#backlog.caughtUp,
      onEnd: (reason) => this.#lost(reason),
    })
    this.#frames.send({ kind: 'subscribe', credit: pageMessagesMax })
    this.#push({ kind: 'relay-risen', relay: this.relay })
  }

  failed(reason: string): void {
    this.#lost(reason)
  }

  leave(): void {
    this.#left = true
    this.#hangUp()
  }

  /** Acts of one batch come one after the other; the relay gets one acknowledgement for all of them. */
  acknowledge(ids: readonly EnvelopeId[]): void {
    if (this.#acknowledged.length === 0) queueMicrotask(() => this.#flush())
    this.#acknowledged.push(...ids)
  }

  #flush(): void {
    const ids = this.#acknowledged
    this.#acknowledged = []
    for (let i = 0; i < ids.length; i += idsPerFrameMax) {
      this.#frames?.send({ kind: 'ack', ids: ids.slice(i, i + idsPerFrameMax) })
    }
    const credit = ids.filter((id) => this.#collected.delete(id)).length // Tombstones are acknowledged too, without credit.
    if (credit > 0) this.#frames?.send({ kind: 'more', credit })
  }

  #received(frame: MailboxFrame): void {
    switch (frame.kind) {
      case 'page':
        return this.#collect(frame.envelopes)
      case 'tombstones':
        return this.#push({ kind: 'tombstones-collected', relay: this.relay, lost: frame.lost })
      case 'prekeys-left':
        return this.#push({ kind: 'prekeys-counted', relay: this.relay, left: frame.left })
      case 'closing':
        return this.#closing(frame.elsewhere.filter(isRelay))
      case 'deposit':
      case 'stored':
      case 'delivered':
      case 'refused':
      case 'room':
      case 'lost':
      case 'subscribe':
      case 'more':
      case 'ack':
        return this.#break('a frame that is not for the owner of a mailbox')
    }
  }

  #closing(elsewhere: readonly string[]): void {
    this.#log('warn', 'a relay is shutting down', { relay: this.relay, elsewhere })
    this.#push({ kind: 'relay-closing', relay: this.relay, elsewhere })
  }

  #collect(envelopes: readonly Envelope[]): void {
    if (this.#collected.size + envelopes.length > pageMessagesMax) return this.#break('more than there was credit for')
    for (const envelope of envelopes) {
      this.#collected.add(envelope.id)
      this.#push({ kind: 'envelope-collected', relay: this.relay, envelope })
    }
  }

  #break(reason: string): void {
    this.#reached?.stream.abort(new Error(reason))
  }

  #hangUp(): void {
    this.#frames?.close()
    const connection = this.#reached?.connection
    connection?.close().catch((error: Error) => connection.abort(error))
  }
}
