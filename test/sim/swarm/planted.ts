/**
 * Seven bugs, each of a kind that messengers have had, put around the product one at a time: a simulator that does not find
 * them proves nothing by finding none. The product itself has no switch for any of them.
 */
import type { Reads } from '../../../node/core/reads.ts'
import type { Input } from '../../../node/core/inputs.ts'
import type { Change, Effect } from '../../../node/core/effects.ts'
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

export const planted: Readonly<Record<string, Plant>> = {
  'ack before commit': ackBeforeCommit,
  'no dedupe': noDedupe,
  'outbox forgotten on restart': outboxForgotten,
  'receipt on store': receiptOnStore,
  'lost wake-up': lostWakeUp,
  'prekey reuse': preKeyReuse,
  'prune without tombstone': silentPrune,
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
