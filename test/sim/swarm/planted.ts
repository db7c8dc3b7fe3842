/**
 * Bugs, each of a kind that messengers have had, put around the product one at a time: a simulator that does not find
 * them proves nothing by finding none. The product itself has no switch for any of them.
 */
import type { Reads } from '../../../node/core/reads.ts'
import type { Input } from '../../../node/core/inputs.ts'
import type { Change, Effect } from '../../../node/core/effects.ts'
import type { Contact, Message } from '../../../node/core/state.ts'
import type { DeviceId, EnvelopeId } from '../../../protocol/ids.ts'
import { requestMessagesMax } from '../../../protocol/limits.ts'
import { readCard } from '../../../protocol/wire/card.ts'
import type { Envelope } from '../../../protocol/wire/mailbox.ts'
import type { Core } from '../../../protocol/step.ts'
import type { Engine } from '../../../relay/io/store.ts'
import type { ModelFaults } from '../crypto/model-sessions.ts'
import type { DeviceFaults } from '../world/device.ts'
import { overriding } from '../world/overriding.ts'

export interface Plant {
  readonly device?: DeviceFaults
  readonly engine?: (real: Engine) => Engine
  readonly model?: ModelFaults
}

export const noPlant: Plant = {}

/** An acknowledgement leaves before what it acknowledges is on disk. */
const ackBeforeCommit: Plant = {
  device: {
    actsFirst: (effect) => effect.kind === 'ack-mailbox' || (effect.kind === 'send' && effect.frame.kind === 'ack'),
  },
}

/** A message that comes twice is not recognised, by envelope, by message or by key. */
const noDedupe: Plant = {
  device: {
    reads: (real: Reads) =>
      overriding(real, {
        seen: () => undefined,
        message: (account, outgoing, id) => (outgoing ? real.message(account, outgoing, id) : undefined),
      }),
  },
  model: { opensTwice: true },
}

/** After a restart, what was on its way is not taken up again. */
const outboxForgotten: Plant = {
  device: { reads: (real: Reads, life) => (life === 1 ? real : overriding(real, { deliveries: () => [] })) },
}

/** A relay's word that it keeps a message is taken for the recipient's that it has it. */
const receiptOnStore: Plant = {
  device: { core: (real) => keeping(real, storedAsDelivered) },
}

/** After a tick, nobody thinks of the next. */
const lostWakeUp: Plant = { device: { forgetsAlarm: true } }

/** A relay gives the same one-time prekey to whoever asks. */
const preKeyReuse: Plant = {
  engine: (real) => {
    const first = new Map<string, ReturnType<Engine['run']>>()
    return {
      run(call) {
        if (call.op !== 'take-prekey') return real.run(call)
        const known = first.get(call.device)
        if (known !== undefined) return known
        const outcome = real.run(call)
        const gave = outcome.ok && outcome.op === 'take-prekey' && outcome.answer.state === 'taken'
        if (gave && outcome.answer.preKey !== undefined) first.set(call.device, outcome)
        return outcome
      },
    }
  },
}

/** A full mailbox drops what it signed for and tells nobody. */
const silentPrune: Plant = {
  engine: (real) => ({
    run(call) {
      const outcome = real.run(call)
      if (call.op !== 'enqueue' || !outcome.ok || outcome.op !== 'enqueue') return outcome
      const { answer } = outcome
      if (answer.state !== 'stored' || answer.pruned.length === 0) return outcome
      real.run({ op: 'ack', mailbox: call.mailbox, ids: answer.pruned })
      return { ok: true, op: 'enqueue', answer: { ...answer, pruned: [] } }
    },
  }),
}

/** A full mailbox takes what it has no room for, and keeps it with the rest. */
const mailboxWithoutEnd: Plant = {
  engine: (real) => {
    const beyond = new Map<EnvelopeId, { readonly mailbox: DeviceId; readonly envelope: Envelope }>()
    return {
      run(call) {
        const outcome = real.run(call)
        if (call.op === 'ack') for (const id of call.ids) beyond.delete(id)
        if (!outcome.ok) return outcome
        if (call.op === 'enqueue' && outcome.op === 'enqueue' && outcome.answer.state === 'full') {
          const { mailbox, envelope, nowMs: storedMs } = call
          beyond.set(envelope.id, { mailbox, envelope })
          const answer = { state: 'stored', storedMs, expiresMs: envelope.expiresMs, pruned: [] } as const
          return { ok: true, op: 'enqueue', answer }
        }
        if (call.op !== 'page' || outcome.op !== 'page') return outcome
        const more = [...beyond.values()].filter(({ mailbox }) => mailbox === call.mailbox)
        const envelopes = [...outcome.answer.envelopes, ...more.map(({ envelope }) => envelope)]
        return { ok: true, op: 'page', answer: { ...outcome.answer, envelopes } }
      },
    }
  },
}

/** However much a stranger has left at the door, there is room for more. */
const doorWithoutEnd: Plant = {
  device: {
    reads: (real: Reads) =>
      overriding(real, { heldOf: (account) => real.heldOf(account).slice(0, requestMessagesMax - 1) }),
  },
}

/** Whoever asks is given a one-time key, however many were given before. */
const keysWithoutEnd: Plant = {
  engine: (real) => ({ run: (call) => real.run(call.op === 'take-prekey' ? { ...call, spend: true } : call) }),
}

/** What its owner has acknowledged is kept after all, every third time. */
const acknowledgementLost: Plant = {
  engine: (real) => {
    let count = 0
    return {
      run(call) {
        if (call.op !== 'ack' || ++count % 3 > 0) return real.run(call)
        return { ok: true, op: 'ack', answer: { deleted: call.ids.length, storedMs: [] } }
      },
    }
  },
}

/** A message is taken for delivered as soon as a relay has signed for it, and thrown away. */
const storedIsTheEnd: Plant = {
  device: {
    core: (real) =>
      keeping(real, (change) => {
        if (change.kind !== 'put-delivery' || change.delivery.stored === undefined) return change
        const { messageId, device } = change.delivery
        return { kind: 'drop-delivery', messageId, device }
      }),
  },
}

/** The receipt for one message is shown at the one that was said next. */
const receiptForAnother: Plant = {
  device: {
    core: (real) => {
      let last: Message | undefined
      return keeping(real, (change) => {
        if (change.kind !== 'put-message' || !change.message.outgoing) return change
        if (change.message.state === 'queued') last = change.message
        if (change.message.state !== 'delivered' || last?.conversation !== change.message.conversation) return change
        return { ...change, message: { ...last, state: 'delivered' } }
      })
    },
  },
}

/** Whichever card came last is believed. */
const anyCardBelieved: Plant = {
  device: {
    reads: (real: Reads) => {
      const naive = (known: Contact | undefined): Contact | undefined =>
        known?.card === undefined ? known : { ...known, card: { ...known.card, revision: 0 } }
      return overriding(real, { contact: (account) => naive(real.contact(account)) })
    },
    core: (real) =>
      keeping(real, (change) => {
        if (change.kind !== 'put-contact' || change.contact.signedCard === undefined) return change
        const card = readCard(change.contact.signedCard)
        return card === undefined ? change : { ...change, contact: { ...change.contact, card } }
      }),
  },
}

/** Some who ask are never answered. */
const answerLost: Plant = {
  device: {
    core: (real) => ({
      handle(input, nowMs) {
        const { changes, effects } = real.handle(input, nowMs)
        return { changes, effects: effects.filter((effect) => effect.kind !== 'answer' || effect.request % 7 > 0) }
      },
      nextDeadline: () => real.nextDeadline(),
    }),
  },
}

/** What comes is shown as it comes. */
const shownAsItComes: Plant = {
  device: {
    reads: (real: Reads) =>
      overriding(real, {
        inbound: (device) => {
          const known = real.inbound(device)
          return known && { ...known, expected: Number.MAX_SAFE_INTEGER }
        },
      }),
  },
}

/** A gap is told that nothing is missing in. */
const gapUntold: Plant = {
  device: {
    core: (real) =>
      keeping(real, (change) => {
        if (change.kind !== 'add-event' || change.stored.event.type !== 'gap') return change
        const { stored } = change
        return { kind: 'add-event', stored: { ...stored, event: { ...stored.event, missing: 0 } } }
      }),
  },
}

/** Now and then a session is read as it was a message ago. */
const sessionGoesBack: Plant = {
  device: {
    reads: (real: Reads) => {
      const before = new Map<DeviceId, ReturnType<Reads['session']>>()
      let count = 0
      return overriding(real, {
        session: (device) => {
          const [now, older] = [real.session(device), before.get(device)]
          before.set(device, now)
          return ++count % 20 === 0 ? older : now
        },
      })
    },
  },
}

/** Whatever there is to wait for, the next tick is wanted at once. */
const neverAtRest: Plant = {
  device: { core: (real) => ({ handle: (input, nowMs) => real.handle(input, nowMs), nextDeadline: () => 0 }) },
}

/** Listeners are told everything twice. */
const toldTwice: Plant = {
  device: {
    core: (real) => ({
      handle(input, nowMs) {
        const { changes, effects } = real.handle(input, nowMs)
        return { changes, effects: [...effects, ...effects.filter(({ kind }) => kind === 'notify')] }
      },
      nextDeadline: () => real.nextDeadline(),
    }),
  },
}

export const planted: Readonly<Record<string, Plant>> = {
  'ack before commit': ackBeforeCommit,
  'no dedupe': noDedupe,
  'outbox forgotten on restart': outboxForgotten,
  'receipt on store': receiptOnStore,
  'lost wake-up': lostWakeUp,
  'prekey reuse': preKeyReuse,
  'prune without tombstone': silentPrune,
  'mailbox without end': mailboxWithoutEnd,
  'keys without end': keysWithoutEnd,
  'door without end': doorWithoutEnd,
  'acknowledgement lost': acknowledgementLost,
  'stored is the end': storedIsTheEnd,
  'receipt for another': receiptForAnother,
  'any card believed': anyCardBelieved,
  'answer lost': answerLost,
  'shown as it comes': shownAsItComes,
  'gap untold': gapUntold,
  'session goes back': sessionGoesBack,
  'never at rest': neverAtRest,
  'told twice': toldTwice,
}

function keeping(real: Core<Input, Change, Effect>, alter: (change: Change) => Change): Core<Input, Change, Effect> {
  return {
    handle(input, nowMs) {
      const { changes, effects } = real.handle(input, nowMs)
      return { changes: changes.map(alter), effects }
    },
    nextDeadline: () => real.nextDeadline(),
  }
}

function storedAsDelivered(change: Change): Change {
  if (change.kind !== 'put-message' || change.message.state !== 'stored') return change
  return { ...change, message: { ...change.message, state: 'delivered' } }
}
