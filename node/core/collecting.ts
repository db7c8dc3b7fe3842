/**
 * What one of our relays held for us: opened, handed to `inbox.ts`, and read for what it tells besides. Whoever sent it is
 * there, may be called, and should have what relays hold for them.
 */
import { messageLifeMs } from '../../protocol/limits.ts'
import type { OwnIdentity } from '../../protocol/session/types.ts'
import type { Sealing } from '../../protocol/wire/sealed.ts'
import type { Announcing } from './announcing.ts'
import type { Draft } from './draft.ts'
import type { Inbox } from './inbox.ts'
import type { Input } from './inputs.ts'
import type { Nearby } from './nearby.ts'
import type { Outbox } from './outbox.ts'
import type { OwnRelays } from './own-relays.ts'

export interface CollectingInit {
  readonly sealing: Sealing
  readonly own: OwnIdentity
  readonly inbox: Inbox
  readonly nearby: Nearby
  readonly outbox: Outbox
  readonly relays: OwnRelays
  readonly announcing: Announcing
}

export class Collecting {
  readonly #init: CollectingInit

  constructor(init: CollectingInit) {
    this.#init = init
  }

  collected({ relay, envelope }: Extract<Input, { kind: 'envelope-collected' }>, draft: Draft): void {
    const { sealing, own, inbox, nearby, outbox, relays, announcing } = this.#init
    const message = sealing.open(own, envelope.sealed)
    if (message !== undefined) {
      const { sender: device, type, ciphertext } = message
      const taken = inbox.arrive({ device, envelopeId: envelope.id, type, ciphertext, via: 'relay' }, draft)
      const sentMs = envelope.expiresMs - messageLifeMs
      // Anybody can deposit garbage in somebody's name, or an envelope again: neither says that they are there.
      if (taken === 'taken' && nearby.seen(device, sentMs, draft.nowMs)) outbox.dialSoon(device, draft)
      if (taken === 'taken') outbox.heardFrom(device, sentMs, draft)
      if (!relays.isHome(relay)) announcing.toOldPlace(draft.contactOfDevice(device), sentMs, draft)
    }
    // Taken, refused or garbage: none of them is worth keeping at the relay.
    draft.act({ kind: 'ack-mailbox', relay, ids: [envelope.id] })
  }
}
