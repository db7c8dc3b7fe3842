/**
 * Direct links: who is at the other end, and which frame goes to which rule. A stranger's link is kept apart until one of
 * its messages makes them a contact; before that it carries nothing of ours.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import type { DirectFrame } from '../../protocol/wire/direct.ts'
import type { Draft } from './draft.ts'
import type { Inbox } from './inbox.ts'
import type { Input } from './inputs.ts'
import type { Outbox } from './outbox.ts'
import type { Outcomes } from './outcomes.ts'
import { isCircuit } from './routes.ts'
import type { Contact } from './state.ts'

export interface LinksInit {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly outcomes: Outcomes
}

interface Link {
  readonly number: number
  readonly device: DeviceId
  readonly address: string
  readonly sinceMs: number
}

export class Links {
  readonly #init: LinksInit
  readonly #links = new Map<number, Link>()

  constructor(init: LinksInit) {
    this.#init = init
  }

  /** The link that carries what is said to a device, or would: a direct one, if there is one, and the newest of those. */
  to(device: DeviceId): Readonly<Link> | undefined {
    const links = [...this.#links.values()].filter((link) => link.device === device)
    return links.findLast(({ address }) => !isCircuit(address)) ?? links.at(-1)
  }

  deviceOf(number: number): DeviceId | undefined {
    return this.#links.get(number)?.device
  }

  risen({ link: number, device, address }: Extract<Input, { kind: 'link-risen' }>, draft: Draft): void {
    const link = { number, device, address, sinceMs: draft.nowMs }
    this.#links.set(number, link)
    const contact = draft.contactOfDevice(device)
    if (contact === undefined) return
    if (contact.state === 'blocked') draft.act({ kind: 'close-link', link: number, reason: 'not a contact' })
    else if (!this.#isWorse(link)) this.#use(link, contact, draft)
  }

  lost(number: number, reason: string, draft: Draft): void {
    const link = this.#links.get(number)
    if (link === undefined) return
    this.#links.delete(number)
    this.#init.outcomes.linkLost(link, reason, draft)
    // Another link to the same device may still stand.
    const contact = draft.contactOfDevice(link.device)
    const other = this.to(link.device)
    const isUsed = other !== undefined && this.#init.outbox.lane(link.device)?.link?.number === other.number
    if (other !== undefined && contact !== undefined && !isUsed) this.#use(other, contact, draft)
  }

  received(number: number, frame: DirectFrame, draft: Draft): void {
    const link = this.#links.get(number)
    if (link === undefined) return
    switch (frame.kind) {
      case 'message':
        return this.#message(link, frame, draft)
      case 'ack':
        return this.#init.outcomes.acked(link.device, frame.ids, draft)
      case 'refuse':
        if (frame.reason === 'undecryptable') this.#init.outcomes.undecryptable(link.device, [frame.id], draft)
        else this.#init.outcomes.directRefused(link.device, frame.id, frame.reason, draft)
        return
    }
  }

  /** Someone with links already open has become a contact, or their devices have changed. */
  adopt(contact: Contact, draft: Draft): void {
    for (const link of this.#links.values()) {
      if (contact.card?.devices.some((d) => d.device === link.device) !== true) continue
      if (this.#init.outbox.lane(link.device)?.link === undefined) this.#use(link, contact, draft)
    }
  }

  /** A circuit beside a direct link waits in reserve. */
  #isWorse({ device, address }: Link): boolean {
    const used = this.#init.outbox.lane(device)?.link
    return used !== undefined && isCircuit(address) && !isCircuit(used.address)
  }

  #message(link: Link, frame: Extract<DirectFrame, { kind: 'message' }>, draft: Draft): void {
    const { id, type, ciphertext } = frame
    const taken = this.#init.inbox.arrive(
      { device: link.device, envelopeId: id, type, ciphertext, via: 'direct' },
      draft,
    )
    const answer: DirectFrame =
      taken === 'taken' || taken === 'known' ? { kind: 'ack', ids: [id] } : { kind: 'refuse', id, reason: taken }
    draft.act({ kind: 'send', link: link.number, frame: answer })
  }

  #use(link: Link, contact: Contact, draft: Draft): void {
    const lane = this.#init.outbox.laneFor(link.device, contact.account)
    this.#init.outcomes.linkRisen(lane, link, draft)
  }
}
