/**
 * People: invites given and opened, strangers let in or not, cards taken and replaced. A card is believed only when the
 * account's own key signed it and it is newer than the one held; a change of someone's devices is told loudly. Does not
 * send or fetch: it says what changed, and `device.ts` wires who acts on it.
 */
import { equalBytes } from '../../protocol/crypto/bytes.ts'
import type { AccountId, DeviceId } from '../../protocol/ids.ts'
import { inviteLifeMs, inviteRelaysMax, invitesMax, requestsMax, tokenLength } from '../../protocol/limits.ts'
import { openCard, type Card, type SignedCard } from '../../protocol/wire/card.ts'
import type { Introduction } from '../../protocol/wire/content.ts'
import { formatInvite, type Invite } from '../../protocol/wire/invite.ts'
import type { Draft } from './draft.ts'
import type { Input } from './inputs.ts'
import { badName, cleanName, isName, numberedName } from './names.ts'
import type { OwnCard } from './own-card.ts'
import type { Contact } from './state.ts'

export interface ContactsInit {
  readonly own: OwnCard
  /** A card is known for the first time, or names other devices, relays or addresses: send what waits. */
  readonly cardChanged: (contact: Contact, goneDevices: readonly DeviceId[], draft: Draft) => void
  /** We have become their contact or they ours: greet them, show what was held. */
  readonly joined: (contact: Contact, draft: Draft) => void
  readonly wantCard: (contact: Contact, draft: Draft, request?: number) => void
  readonly blocked: (contact: Contact, draft: Draft) => void
}

/** What the user does about people. */
type PersonInput = Extract<
  Input,
  {
    kind:
      | 'invite-requested'
      | 'invite-opened'
      | 'contact-accepted'
      | 'contact-blocked'
      | 'contact-verified'
      | 'contact-renamed'
  }
>

export class Contacts {
  readonly #init: ContactsInit

  constructor(init: ContactsInit) {
    this.#init = init
  }

  asked(input: PersonInput, draft: Draft): void {
    switch (input.kind) {
      case 'invite-requested':
        return this.#giveInvite(input.request, draft)
      case 'invite-opened':
        return this.#openInvite(input.request, input.invite, input.name, draft)
      case 'contact-accepted':
        return this.#accept(input.request, input.account, draft)
      case 'contact-blocked':
        return this.#block(input.request, input.account, draft)
      case 'contact-verified':
        return this.#verify(input.request, input.account, draft)
      case 'contact-renamed':
        return this.#rename(input.request, input.account, input.name, draft)
    }
  }

  #giveInvite(request: number, draft: Draft): void {
    const { relays } = this.#init.own
    const { account } = this.#init.own.settings
    const addresses = this.#init.own.fullAddresses().slice(0, relays.length > 0 ? 0 : inviteRelaysMax)
    if (relays.length === 0 && addresses.length === 0) {
      return draft.refuse(request, 'no-route-in', 'nobody could follow an invite: name a relay, or listen somewhere')
    }
    for (const old of draft.reads.invites()) {
      if (old.expiresMs <= draft.nowMs) draft.keep({ kind: 'drop-invite', token: old.token })
    }
    const open = draft.reads.invites().filter((i) => i.usedBy === undefined && i.expiresMs > draft.nowMs)
    if (open.length >= invitesMax) {
      return draft.refuse(
        request,
        'too-many-invites',
        `${invitesMax} invites wait to be used; they lapse after 30 days`,
      )
    }
    const token = draft.random.bytes(tokenLength)
    draft.keep({
      kind: 'put-invite',
      invite: { token, createdMs: draft.nowMs, expiresMs: draft.nowMs + inviteLifeMs },
    })
    const link = formatInvite({ account, token, relays: relays.slice(0, inviteRelaysMax), addresses })
    draft.answer(request, { ok: true, kind: 'invited', link })
  }

  #openInvite(request: number, invite: Invite, name: string | undefined, draft: Draft): void {
    if (invite.account === this.#init.own.settings.account) {
      return draft.refuse(request, 'own-invite', 'this is your own invite: send it to the person you want to talk to')
    }
    if (name !== undefined && !isName(name)) return draft.refuse(request, 'invalid-name', badName)
    if (name !== undefined && draft.nameTaken(name, invite.account)) {
      return draft.refuse(request, 'name-taken', `another contact is called ${name}: choose another name with --as`)
    }
    const hints = [...invite.relays, ...invite.addresses]
    const known = draft.contact(invite.account)
    if (known === undefined) {
      const contact = draft.putContact({
        account: invite.account,
        name: name ?? freeName(invite.account.slice(0, 8), invite.account, draft),
        state: 'adding',
        hints,
        token: invite.token,
        introduced: false,
        verified: false,
        nextSeq: 1,
        addedMs: draft.nowMs,
      })
      return this.#init.wantCard(contact, draft, request)
    }
    const contact = draft.putContact({
      ...known,
      hints,
      name: name ?? known.name,
      token: invite.token,
      state: known.card === undefined ? 'adding' : 'added',
    })
    if (contact.state === 'adding') return this.#init.wantCard(contact, draft, request)
    if (known.state !== 'added' || !known.introduced) this.#init.joined(contact, draft)
    draft.answer(request, { ok: true, kind: 'contact', contact })
  }

  #accept(request: number, account: AccountId, draft: Draft): void {
    const known = draft.contact(account)
    if (known === undefined) return draft.refuse(request, 'unknown-contact', 'no such contact')
    if (known.state === 'added' || known.state === 'adding') {
      return draft.answer(request, { ok: true, kind: 'contact', contact: known })
    }
    if (known.card === undefined) return draft.refuse(request, 'no-card', 'nothing is known of them: ask for an invite')
    const contact = draft.putContact({ ...known, state: 'added' })
    draft.tell({ type: 'contact', account, name: contact.name, state: 'added' })
    this.#init.joined(contact, draft)
    draft.answer(request, { ok: true, kind: 'contact', contact })
  }

  #block(request: number, account: AccountId, draft: Draft): void {
    const known = draft.contact(account)
    if (known === undefined) return draft.refuse(request, 'unknown-contact', 'no such contact')
    const contact = draft.putContact({ ...known, state: 'blocked' })
    this.#init.blocked(contact, draft)
    draft.answer(request, { ok: true, kind: 'contact', contact })
  }

  #verify(request: number, account: AccountId, draft: Draft): void {
    const known = draft.contact(account)
    if (known === undefined) return draft.refuse(request, 'unknown-contact', 'no such contact')
    draft.answer(request, { ok: true, kind: 'contact', contact: draft.putContact({ ...known, verified: true }) })
  }

  #rename(request: number, account: AccountId, name: string, draft: Draft): void {
    const known = draft.contact(account)
    if (known === undefined) return draft.refuse(request, 'unknown-contact', 'no such contact')
    if (!isName(name)) return draft.refuse(request, 'invalid-name', badName)
    if (draft.nameTaken(name, account)) {
      return draft.refuse(request, 'name-taken', `another contact is called ${name} already`)
    }
    draft.answer(request, { ok: true, kind: 'contact', contact: draft.putContact({ ...known, name }) })
  }

  // What others do.

  /** A card from a directory or from the contact; undefined when it is theirs and valid, else what is wrong with it. */
  takeCard(account: AccountId, signed: SignedCard, draft: Draft): string | undefined {
    if (isKnown(signed, draft.contact(account), draft.nowMs)) return undefined
    const opened = openCard(signed, draft.nowMs)
    if (!opened.ok) return opened.reason
    if (opened.card.account !== account) return 'someone else’s'
    const contact = draft.contact(account)
    if (contact === undefined) return 'not asked for'
    if (contact.card === undefined || opened.card.revision > contact.card.revision) {
      this.#replaceCard(contact, opened.card, signed, draft)
    }
    return undefined
  }

  /**
   * Someone's device wrote to us and showed its card. Returns the contact they are now, or undefined when they may not
   * come in: the card is not theirs, or too many strangers wait already.
   */
  introduce(device: DeviceId, { card: signed, token }: Introduction, draft: Draft): Contact | undefined {
    const opened = openCard(signed, draft.nowMs)
    if (!opened.ok || !opened.card.devices.some((d) => d.device === device)) return undefined
    const { card } = opened
    if (card.account === this.#init.own.settings.account) return undefined
    const known = draft.contact(card.account)
    if (known !== undefined) return this.#reintroduce(known, card, signed, token, draft)

    const invited = token !== undefined && this.#useToken(token, card.account, draft)
    if (!invited && draft.reads.contacts().filter((c) => c.state === 'requested').length >= requestsMax)
      return undefined
    const contact = draft.putContact({
      account: card.account,
      name: freeName(card.name, card.account, draft),
      state: invited ? 'added' : 'requested',
      card,
      signedCard: signed,
      hints: [],
      introduced: false,
      verified: false,
      nextSeq: 1,
      addedMs: draft.nowMs,
    })
    draft.tell({
      type: 'contact',
      account: contact.account,
      name: contact.name,
      state: invited ? 'added' : 'requested',
    })
    if (invited) this.#init.joined(contact, draft)
    return contact
  }

  #reintroduce(known: Contact, card: Card, signed: SignedCard, token: Uint8Array | undefined, draft: Draft): Contact {
    let contact = known
    if (known.card === undefined || card.revision > known.card.revision) {
      contact = this.#replaceCard(known, card, signed, draft)
    }
    if (contact.state !== 'requested' || token === undefined) return contact
    if (!this.#useToken(token, card.account, draft)) return contact
    contact = draft.putContact({ ...contact, state: 'added' })
    draft.tell({ type: 'contact', account: contact.account, name: contact.name, state: 'added' })
    this.#init.joined(contact, draft)
    return contact
  }

  #replaceCard(known: Contact, card: Card, signed: SignedCard, draft: Draft): Contact {
    const first = known.card === undefined
    const before = (known.card?.devices ?? []).map((d) => d.device)
    const after = card.devices.map((d) => d.device)
    const gone = before.filter((device) => !after.includes(device))
    const changed = gone.length > 0 || (!first && after.length > before.length)
    const provisional = known.name === known.account.slice(0, 8)
    const contact = draft.putContact({
      ...known,
      card,
      signedCard: signed,
      name: first && provisional ? freeName(card.name, known.account, draft) : known.name,
      state: known.state === 'adding' ? 'added' : known.state,
      verified: known.verified && !changed,
      introduced: known.introduced && gone.length === 0,
    })
    if (changed) {
      draft.tell({
        type: 'contact',
        account: contact.account,
        name: contact.name,
        state: 'key-changed',
        reason: 'they use other devices now; compare safety numbers before you trust them with a secret',
      })
    }
    this.#init.cardChanged(contact, gone, draft)
    if (known.state === 'adding') {
      draft.tell({ type: 'contact', account: contact.account, name: contact.name, state: 'added' })
      this.#init.joined(contact, draft)
    }
    return contact
  }

  /** True when the token is one of ours, unused or used by the same person before, and not lapsed. */
  #useToken(token: Uint8Array, account: AccountId, draft: Draft): boolean {
    const invite = draft.reads.invite(token)
    if (invite === undefined || invite.expiresMs <= draft.nowMs) return false
    if (invite.usedBy !== undefined) return invite.usedBy === account
    draft.keep({ kind: 'put-invite', invite: { ...invite, usedBy: account } })
    return true
  }
}

/** The very bytes that were checked before, and still good: nothing is to be learned from checking them again. */
function isKnown(signed: SignedCard, contact: Contact | undefined, nowMs: number): boolean {
  const known = contact?.signedCard
  if (contact?.card === undefined || known === undefined || contact.card.expiresMs <= nowMs) return false
  return equalBytes(known.card, signed.card) && equalBytes(known.signature, signed.signature)
}

/** The name they gave themselves, made unlike any other contact's. */
function freeName(wanted: string, account: AccountId, draft: Draft): string {
  const base = cleanName(wanted)
  const start = isName(base) ? base : account.slice(0, 8)
  for (let n = 1; ; n++) {
    const name = numberedName(start, n)
    if (!draft.nameTaken(name, account)) return name
  }
}
