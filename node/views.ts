/** Rows of the store as the library shows them: names instead of keys, ISO 8601 instead of milliseconds. Decides nothing. */
import { peerIdOf, type AccountId, type DeviceId, type MessageId } from '../protocol/ids.ts'
import { body } from '../protocol/wire/content.ts'
import type { ContactView, MessageView, NodeIdentity, RelayStanding, Why } from './api.ts'
import type { Settings } from './core/own-card.ts'
import type { RelayStanding as OwnStanding } from './core/own-relays.ts'
import type { Reads } from './core/reads.ts'
import { isCircuit } from './core/routes.ts'
import type { Contact, Delivery, Message } from './core/state.ts'

export function identityView(
  { account, device, name }: Settings,
  addresses: readonly string[],
  standings: readonly OwnStanding[],
): NodeIdentity {
  const peerId = peerIdOf(device)
  return {
    account,
    device,
    peerId,
    name,
    addresses: addresses.map((address) => `${address}/p2p/${peerId}`),
    relays: standings.map(standingView),
  }
}

function standingView({ sinceMs, missedSinceMs, untilMs, ...standing }: OwnStanding): RelayStanding {
  return {
    ...standing,
    ...(sinceMs !== undefined && { since: iso(sinceMs) }),
    ...(missedSinceMs !== undefined && { missedSince: iso(missedSinceMs) }),
    ...(untilMs !== undefined && { collectedUntil: iso(untilMs) }),
  }
}

export function contactView(
  contact: Contact,
  linkTo: (device: DeviceId) => { readonly address: string; readonly sinceMs: number } | undefined,
  signs?: { readonly here: boolean; readonly typing: boolean },
): ContactView {
  const devices = contact.card?.devices.map(({ device }) => device) ?? []
  return {
    account: contact.account,
    name: contact.name,
    state: contact.state,
    verified: contact.verified,
    devices,
    relays: contact.card?.relays ?? [],
    online: signs?.here === true || devices.some((device) => linkTo(device) !== undefined),
    ...(signs?.typing === true && { typing: true }),
    ...linkView(devices.map(linkTo).find((link) => link !== undefined)),
  }
}

function linkView(link: { address: string; sinceMs: number } | undefined): Pick<ContactView, 'link'> {
  if (link === undefined) return {}
  const { address, sinceMs } = link
  return { link: { kind: isCircuit(address) ? 'circuit' : 'direct', address, since: iso(sinceMs) } }
}

export function messageView(message: Message, reads: Pick<Reads, 'contact'>): MessageView {
  const said = body.decode(message.body)
  return {
    id: message.id,
    conversation: message.conversation,
    from: message.outgoing ? 'me' : nameOf(message.conversation, reads),
    ...(said?.kind === 'text' ? { text: said.text } : { unsupported: true as const }),
    sentAt: iso(message.sentMs),
    ...(message.receivedMs !== undefined && { receivedAt: iso(message.receivedMs) }),
    state: message.state,
    ...(message.waiting !== undefined && { waiting: message.waiting }),
  }
}

export function whyView(
  message: Message,
  reads: Pick<Reads, 'contact' | 'deliveriesOf' | 'attempts'>,
  nextTryMs: (id: MessageId, device: DeviceId) => number | undefined,
): Why {
  const { id } = message
  return {
    message: messageView(message, reads),
    devices: message.outgoing ? deviceViews(message, reads, nextTryMs) : [],
    attempts: reads.attempts(id).map(({ atMs, ...attempt }) => ({ ...attempt, at: iso(atMs) })),
  }
}

type DeviceView = Why['devices'][number]

/** Devices with a delivery are still on its way; those of the card without one have it, or it was given up. */
function deviceViews(
  message: Message,
  reads: Pick<Reads, 'contact' | 'deliveriesOf'>,
  nextTryMs: (id: MessageId, device: DeviceId) => number | undefined,
): readonly DeviceView[] {
  const underWay = new Map(reads.deliveriesOf(message.id).map((delivery) => [delivery.device, delivery]))
  const listed = reads.contact(message.conversation)?.card?.devices.map(({ device }) => device) ?? []
  return [...new Set([...listed, ...underWay.keys()])].map((device) => {
    const delivery = underWay.get(device)
    if (delivery === undefined) return { device, state: settledState(message) }
    const nextMs = nextTryMs(message.id, device)
    return {
      device,
      state: deliveryState(delivery),
      ...(delivery.stored !== undefined && {
        heldBy: delivery.stored.relay,
        heldSince: iso(delivery.stored.atMs),
      }),
      ...(nextMs !== undefined && { nextTryAt: iso(nextMs) }),
    }
  })
}

function deliveryState({ stored, sealedFor }: Delivery): DeviceView['state'] {
  if (stored !== undefined) return 'stored'
  return sealedFor === undefined ? 'unsent' : 'queued'
}

function settledState({ state, dispatched }: Message): DeviceView['state'] {
  if (dispatched === false) return 'unsent'
  return state === 'expired' ? 'expired' : 'delivered'
}

function nameOf(account: AccountId, reads: Pick<Reads, 'contact'>): string {
  return reads.contact(account)?.name ?? account
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
