/**
 * The plain model of what each person should have seen: whatever a device accepted from its person reaches the other, in
 * the order it was said, or its sender is shown that it expired. No lanes, no sessions, no relays: two lists a pair.
 */
import type { AccountId, MessageId } from '../../../protocol/ids.ts'
import type { SimDevice } from '../world/device.ts'
import type { Person } from '../world/person.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

interface Said {
  /** The machine it was said on; what an account said on one that is gone, nobody can wait for. */
  readonly device: SimDevice
  readonly id: MessageId
  readonly to: AccountId
  /** Shown to its sender as this, last. */
  state: string
}

export class Reference {
  readonly #world: World
  /** By the sender's account, in the order they were accepted. */
  readonly #said = new Map<AccountId, Said[]>()
  readonly #byId = new Map<string, Said>()
  /** Where each incoming message was kept. */
  readonly #keptOn = new Map<MessageId, Set<SimDevice>>()
  /** By the recipient's account, what was shown, in order. */
  readonly #shown = new Map<AccountId, { from: AccountId; id: MessageId }[]>()

  constructor(world: World) {
    this.#world = world
  }

  get said(): number {
    return this.#byId.size
  }

  watch(): Watch {
    return {
      committed: (device, changes) => {
        for (const change of changes) {
          if (change.kind === 'put-message' && change.message.outgoing) {
            const { id, conversation: to, state } = change.message
            this.#outgoing(device.account, { device, id, to, state })
          }
          if (change.kind === 'put-message' && !change.message.outgoing) {
            const { id } = change.message
            this.#keptOn.set(id, (this.#keptOn.get(id) ?? new Set()).add(device))
          }
          if (change.kind !== 'add-event') continue
          const { event } = change.stored
          if (event.type === 'message') {
            const list = this.#shown.get(device.account) ?? []
            this.#shown.set(device.account, list)
            list.push({ from: event.conversation, id: event.id })
          }
        }
      },
    }
  }

  #outgoing(from: AccountId, said: Said): void {
    const known = this.#byId.get(said.id)
    if (known !== undefined) {
      known.state = said.state
      return
    }
    this.#byId.set(said.id, said)
    const list = this.#said.get(from) ?? []
    this.#said.set(from, list)
    list.push(said)
  }

  /** What is still to come: neither seen by its recipient nor shown as expired to its sender. */
  outstanding(people: readonly Person[]): string[] {
    const out: string[] = []
    for (const sender of people) {
      for (const { device, id, to, state } of this.#said.get(sender.account) ?? []) {
        if (device !== sender.device) continue
        if (state === 'delivered' || state === 'read' || state === 'expired') continue
        out.push(`${sender.name} to ${people.find((p) => p.account === to)?.name ?? to}: ${id} is ${state}`)
      }
    }
    return out
  }

  /** At the end: nothing shown that was not said, nothing delivered that was not shown. */
  compare(people: readonly Person[]): void {
    for (const recipient of people) {
      const shown = this.#shown.get(recipient.account) ?? []
      const ids = new Set(shown.map(({ id }) => id))
      for (const { from, id } of shown) {
        const said = this.#byId.get(id)
        if (said === undefined || said.to !== recipient.account) {
          this.#world.complain('as in the reference', `${recipient.name} saw ${id} of ${from}, who never said it`)
        }
      }
      for (const sender of people) {
        for (const { id, to, state } of this.#said.get(sender.account) ?? []) {
          if (to !== recipient.account || (state !== 'delivered' && state !== 'read')) continue
          if (ids.has(id) || this.#isHeld(recipient, sender.account, id)) continue
          this.#world.complain(
            'as in the reference',
            `${recipient.name} never saw ${id}, which ${sender.name} is told is ${state}`,
          )
        }
      }
    }
  }

  /** Kept for a person who has not let its sender in, or went with the machine it was kept on. */
  #isHeld(recipient: Person, from: AccountId, id: MessageId): boolean {
    for (const device of this.#keptOn.get(id) ?? []) if (device !== recipient.device) return true
    return recipient.device.store.message(from, false, id)?.state === 'held'
  }
}
