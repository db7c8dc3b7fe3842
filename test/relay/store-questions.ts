/** A store asked in the way its contract's tests ask. */
import type { DeviceId } from '../../protocol/ids.ts'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import type { Answer, Ask, StoreCall, StoreOp } from '../../relay/core/store-calls.ts'
import type { Store } from '../../relay/io/store.ts'
import { bundleOf, cardOf, createPerson, preKeys, type Person } from './people.ts'

export const nowMs: number = 1_800_000_000_000

/** Asks with the answer's own type, and with the usual things filled in. */
export class Questions {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async ask<O extends StoreOp>(op: O, ask: Ask<O>): Promise<Answer<O>> {
    const outcome = await this.#store.ask({ op, ...ask } as unknown as StoreCall)
    if (!outcome.ok) throw new Error(`refused: ${outcome.reason}`)
    return outcome.answer
  }

  enqueue(mailbox: DeviceId, sent: Envelope): Promise<Answer<'enqueue'>> {
    return this.ask('enqueue', { mailbox, envelope: sent, nowMs })
  }

  page(mailbox: DeviceId, changes: Partial<Ask<'page'>> = {}): Promise<Answer<'page'>> {
    const usual = { mailbox, except: [], countMax: 100, bytesMax: 1_000_000, overheadBytes: 0, nowMs }
    return this.ask('page', { ...usual, ...changes })
  }

  tombstones(mailbox: DeviceId, changes: Partial<Ask<'tombstones'>> = {}): Promise<Answer<'tombstones'>> {
    return this.ask('tombstones', { mailbox, except: [], countMax: 100, ...changes })
  }

  publish(person: Person, changes: Partial<Ask<'publish'>>): Promise<Answer<'publish'>> {
    return this.ask('publish', {
      device: person.device,
      account: person.account,
      version: 1,
      revision: 1,
      card: cardOf(person, nowMs),
      bundle: bundleOf(person, nowMs),
      preKeys: preKeys(1, 2),
      nowMs,
      ...changes,
    })
  }

  /** A device that has published. */
  async resident(count = 2, atMs: number = nowMs): Promise<Person> {
    const person = createPerson()
    await this.publish(person, { preKeys: preKeys(1, count), nowMs: atMs })
    return person
  }
}
