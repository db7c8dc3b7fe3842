/**
 * A device's rules, joined: which input goes to which rule, and when the next one is due. No rule of its own stands here.
 */
import type { Random } from '../../protocol/crypto/random.ts'
import type { DeviceId, MessageId } from '../../protocol/ids.ts'
import type { OwnIdentity, Sessions } from '../../protocol/session/types.ts'
import type { Core, Step } from '../../protocol/step.ts'
import type { Publication } from '../../protocol/wire/directory.ts'
import type { Sealing } from '../../protocol/wire/sealed.ts'
import { Announcing } from './announcing.ts'
import { Asks } from './asks.ts'
import { ClockWatch } from './clock-watch.ts'
import { Collecting } from './collecting.ts'
import { Contacts } from './contacts.ts'
import { ConversationSessions } from './conversation-sessions.ts'
import { Depositing } from './depositing.ts'
import { Counters, Draft } from './draft.ts'
import type { Change, Effect } from './effects.ts'
import { Homes } from './homes.ts'
import { Inbox } from './inbox.ts'
import type { Input } from './inputs.ts'
import { Links } from './links.ts'
import { Nearby } from './nearby.ts'
import { OtherRelays } from './other-relays.ts'
import { Ordering } from './ordering.ts'
import { Outbox } from './outbox.ts'
import { Outcomes } from './outcomes.ts'
import { OwnCard, type Settings } from './own-card.ts'
import { OwnDirectory } from './own-directory.ts'
import { OwnRelays, type RelayStanding } from './own-relays.ts'
import { PreKeyPool } from './prekey-pool.ts'
import type { Reads } from './reads.ts'
import { Receipts } from './receipts.ts'
import { Repeats } from './repeats.ts'
import { eventsShown, sayText } from './saying.ts'
import { Sending } from './sending.ts'

export interface DeviceInit {
  readonly reads: Reads
  readonly sessions: Sessions
  readonly sealing: Sealing
  readonly random: Random
  readonly own: OwnIdentity
  /** 32 bytes. */
  readonly accountSeed: Uint8Array
  /** Display name, unless the kept settings say otherwise. */
  readonly name: string
  /** A relay of ours that is away for so long is replaced; see `homes.ts`. */
  readonly relayPatienceMs?: number
}

const sweepEveryMs = 3_600_000

export class Device implements Core<Input, Change, Effect> {
  readonly #init: DeviceInit
  readonly #counters: Counters
  readonly #card: OwnCard
  readonly #pool: PreKeyPool
  readonly #homes: Homes
  readonly #relays: OwnRelays
  readonly #directory: OwnDirectory
  readonly #asks: Asks
  readonly #outbox: Outbox
  readonly #announcing: Announcing
  readonly #outcomes: Outcomes
  readonly #contacts: Contacts
  readonly #ordering: Ordering
  readonly #receipts: Receipts
  readonly #repeats: Repeats
  readonly #collecting: Collecting
  readonly #links: Links
  /** What waits for a time: looked at in this order, so that what one hands to the next leaves with the same step. */
  readonly #timed: readonly { tick: (draft: Draft) => void; nextDeadline: () => number }[]
  readonly #nearby = new Nearby()
  readonly #others = new OtherRelays()
  readonly #clock = new ClockWatch()
  #begun = false
  #sweepMs = 0

  constructor(init: DeviceInit) {
    const { reads } = init
    this.#init = init
    this.#counters = new Counters(reads)
    this.#card = new OwnCard(init, reads)
    this.#pool = new PreKeyPool(init.sessions, init.own, reads)
    this.#homes = new Homes(this.#card, reads, init.relayPatienceMs)
    const relays = (this.#relays = new OwnRelays({
      card: this.#card,
      pool: this.#pool,
      homes: this.#homes,
      moved: (draft) => this.#announcing.everybody(draft),
    }))
    this.#directory = new OwnDirectory(this.#card, this.#pool)
    this.#ordering = new Ordering(reads)
    const [nearby, others] = [this.#nearby, this.#others]
    const sessions = new ConversationSessions(init.sessions, init.own)
    const sending = new Sending({
      sessions,
      depositing: new Depositing({ sealing: init.sealing, ownDevice: this.#card.settings.device, others }),
      ownCard: () => this.#card.signed,
      nearby,
      wantBundle: (lane, contact, draft) => this.#asks.wantBundle(lane, contact, draft),
    })
    const outbox = (this.#outbox = new Outbox(reads, sending))
    const announcing = (this.#announcing = new Announcing(this.#card, outbox))
    this.#asks = new Asks({
      sessions,
      nearby,
      others,
      lane: (device) => outbox.lane(device),
      move: (device, draft) => outbox.move(device, draft),
      takeCard: (account, card, draft) => this.#contacts.takeCard(account, card, draft),
    })
    this.#outcomes = new Outcomes({
      outbox,
      sending,
      others,
      refreshCard: (contact, draft) => this.#asks.wantCard(contact, draft),
      doubtCard: (contact, draft) => this.#asks.doubtCard(contact, draft),
    })
    this.#receipts = new Receipts(reads, (contact, body, draft) => outbox.submitControl(contact, body, draft))
    this.#contacts = this.#joinContacts()
    this.#repeats = new Repeats(outbox)
    const inbox = new Inbox({
      sessions,
      contacts: this.#contacts,
      ordering: this.#ordering,
      receipts: this.#receipts,
      repeats: this.#repeats,
      outbox,
      outcomes: this.#outcomes,
    })
    this.#collecting = new Collecting({ ...init, inbox, nearby, outbox, relays, announcing })
    this.#links = new Links({ inbox, outbox, outcomes: this.#outcomes })
    this.#timed = [this.#receipts, this.#repeats, outbox, this.#asks, this.#ordering, relays]
  }

  handle(input: Input, nowMs: number): Step<Change, Effect> {
    const draft = new Draft({ reads: this.#init.reads, random: this.#init.random, counters: this.#counters }, nowMs)
    if (!this.#begun) this.#begin(draft)
    else if (this.#clock.wasSetBack(nowMs)) this.#clockSetBack(draft)
    this.#route(input, draft)
    return draft
  }

  nextDeadline(): number | undefined {
    let earliestMs = Math.min(this.#sweepMs, this.#pool.nextDeadline())
    for (const rule of this.#timed) earliestMs = Math.min(earliestMs, rule.nextDeadline())
    return Number.isFinite(earliestMs) ? earliestMs : undefined
  }

  get settings(): Settings {
    return this.#card.settings
  }

  /** Full multiaddrs of relays of ours through which our card says that we can be reached. */
  get circuitRelays(): readonly string[] {
    return this.#card.circuitRelays
  }

  outboxStanding(): { readonly waiting: number; readonly oldestMs?: number } {
    return this.#outbox.standing()
  }

  relayStandings(): readonly RelayStanding[] {
    return this.#relays.standings()
  }

  /** As our relays have it; it may be said to them again at any time. */
  publication(): Publication | undefined {
    return this.#pool.publication(this.#card.signed)
  }

  /** The link that stands to a device. */
  linkTo(device: DeviceId): { readonly address: string; readonly sinceMs: number } | undefined {
    return this.#links.to(device)
  }

  /** When a message to a device is tried again, if that is waited for. */
  nextTryMs(messageId: MessageId, device: DeviceId): number | undefined {
    return this.#outbox.nextTryMs(messageId, device)
  }

  /** The first input of a life: what was under way is taken up again. */
  #begin(draft: Draft): void {
    this.#begun = true
    this.#sweepMs = draft.nowMs
    this.#pool.rotate(draft)
    this.#homes.named(draft) // Others, perhaps, while nothing ran.
    this.#relays.renewCard(draft)
    this.#ordering.begin(draft)
    for (const contact of draft.reads.contacts()) if (contact.state === 'adding') this.#asks.wantCard(contact, draft)
  }

  #route(input: Input, draft: Draft): void {
    this.#nearby.note(input, (link) => this.#links.deviceOf(link), draft.nowMs)
    switch (input.kind) {
      case 'tick':
        return this.#tick(draft)
      case 'listening':
        return this.#listening(input.addresses, draft)
      case 'device-nearby':
        return this.#deviceNearby(input.device, input.addresses, draft)
      case 'surroundings-changed':
        return this.#surroundingsChanged(draft)
      case 'text-submitted':
        return sayText(input, this.#outbox, draft)
      case 'events-shown':
        return eventsShown(input.request, input.upTo, this.#receipts, draft)
      case 'relays-chosen':
        return this.#relaysChosen(input, draft)
      case 'invite-requested':
      case 'invite-opened':
      case 'contact-accepted':
      case 'contact-blocked':
      case 'contact-verified':
      case 'contact-renamed':
        return this.#contacts.asked(input, draft)
      case 'link-risen':
        return this.#links.risen(input, draft)
      case 'link-lost':
        return this.#links.lost(input.link, input.reason, draft)
      case 'dial-failed':
        return this.#outcomes.dialFailed(input, draft)
      case 'frame-received':
        return this.#links.received(input.link, input.frame, draft)
      case 'relay-risen':
        this.#relays.risen(input.relay, draft)
        return this.#outcomes.relayBack(input.relay, draft)
      case 'relay-lost':
      case 'relay-closing':
      case 'publish-answered':
      case 'prekeys-counted':
        return this.#relays.heard(input, draft)
      case 'envelope-collected':
        return this.#collecting.collected(input, draft)
      case 'tombstones-collected':
        // The sender still has them and offers them again; the gap is told if they never come.
        return draft.act({ kind: 'ack-mailbox', relay: input.relay, ids: input.lost.map((lost) => lost.id) })
      case 'deposit-answered':
        return this.#outcomes.depositAnswered(input, draft)
      case 'relay-silent':
        this.#others.keepsSilent(input.relay)
        return this.#outbox.moveAll(draft)
      case 'room-noticed':
        return this.#outcomes.roomNoticed(input.relay, input.mailbox, draft)
      case 'loss-noticed':
        return this.#outcomes.lossNoticed(input.relay, input.id, input.reason, draft)
      case 'directory-answered':
        return this.#asks.answered(input.ask, input.answer, draft)
      case 'directory-asked':
        return this.#directory.asked(input.asker, input.frame, draft)
    }
  }

  #tick(draft: Draft): void {
    for (const rule of this.#timed) rule.tick(draft)
    if (this.#sweepMs > draft.nowMs && this.#pool.nextDeadline() > draft.nowMs) return
    this.#sweepMs = draft.nowMs + sweepEveryMs
    draft.keep({ kind: 'sweep-seen', beforeMs: draft.nowMs })
    for (const contact of draft.reads.contacts()) this.#outbox.expireWaiting(contact, draft)
    const rotated = this.#pool.rotate(draft)
    if (!this.#relays.renewCard(draft) && rotated) this.#relays.publishAll(draft)
  }

  #listening(addresses: readonly string[], draft: Draft): void {
    this.#card.setAddresses(addresses)
    const renewed = this.#relays.choose(draft)
    if (renewed && this.settings.relays.length === 0) this.#announcing.everybody(draft) // Nobody else can.
    this.#outbox.moveAll(draft)
  }

  #deviceNearby(device: DeviceId, addresses: readonly string[], draft: Draft): void {
    this.#nearby.heard(device, addresses, draft.nowMs)
    const contact = draft.contactOfDevice(device)
    if (contact === undefined) this.#asks.lookAround(draft)
    else this.#outbox.dialNearby(device, this.#nearby.dialFromMs(device, draft.nowMs), draft)
  }

  #surroundingsChanged(draft: Draft): void {
    this.#others.forget()
    this.#relays.hurry(draft)
    this.#asks.hurry(draft)
    this.#outbox.hurry(draft)
  }

  #clockSetBack(draft: Draft): void {
    this.#sweepMs = draft.nowMs
    this.#repeats.clockSetBack(draft)
    this.#receipts.hurry(draft)
    this.#ordering.begin(draft)
    this.#nearby.clockSetBack()
    this.#surroundingsChanged(draft)
  }

  #relaysChosen({ request, relays, tokens }: Extract<Input, { kind: 'relays-chosen' }>, draft: Draft): void {
    if (!this.#homes.chosen(request, relays, draft)) return
    this.#relays.choose(draft, tokens)
    draft.answer(request, { ok: true, kind: 'done' })
  }

  #joinContacts(): Contacts {
    return new Contacts({
      own: this.#card,
      wantCard: (contact, draft, request) => this.#asks.wantCard(contact, draft, request),
      cardChanged: (contact, gone, draft) => {
        this.#outbox.devicesChanged(contact, gone, draft)
        this.#links.adopt(contact, draft)
      },
      joined: (contact, draft) => {
        this.#links.adopt(contact, draft)
        if (!contact.introduced) this.#outbox.submitControl(contact, { kind: 'hello' }, draft)
        this.#outbox.dispatchWaiting(contact, draft)
        this.#receipts.oweHeld(contact, draft)
        this.#ordering.accepted(contact, draft)
      },
      blocked: (contact, draft) => this.#outbox.forget(contact, draft),
    })
  }
}
