/** Finds what a caller means by a name or an id, or says that there is no such thing. */
import { isAccountId, type DeviceId, type MessageId } from '../protocol/ids.ts'
import { NodeError } from './api.ts'
import type { Contact, Message } from './core/state.ts'
import type { DeviceStore } from './io/store.ts'
import type { Friend } from './presence.ts'

export class Lookups {
  readonly #store: () => DeviceStore

  /** `store` throws once the node is over. */
  constructor(store: () => DeviceStore) {
    this.#store = store
  }

  contact(who: string): Contact {
    const store = this.#store()
    // The account first: a contact may have taken another's account id for a name.
    const contact = (isAccountId(who) ? store.contact(who) : undefined) ?? store.contactNamed(who)
    if (contact === undefined) throw new NodeError('not-found', `no contact is called ${who}`)
    return contact
  }

  message(id: MessageId): Message {
    const message = this.#store().findMessage(id)
    if (message === undefined) throw new NodeError('not-found', `no message has the id ${id}`)
    return message
  }

  outgoing(id: MessageId): Message | undefined {
    const message = this.#store().findMessage(id)
    return message?.outgoing === true ? message : undefined
  }

  /** The user has let them in, or asked to be let in by them. */
  isFriend(device: DeviceId): boolean {
    const state = this.#store().contactOfDevice(device)?.state
    return state === 'added' || state === 'adding'
  }

  /** The devices of accepted contacts. */
  friends(): readonly Friend[] {
    const added = this.#store()
      .contacts()
      .filter(({ state }) => state === 'added')
    return added.flatMap(({ account, card }) => (card?.devices ?? []).map(({ device }) => ({ account, device })))
  }
}
