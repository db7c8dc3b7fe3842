/** Calls and outcomes between a relay's two threads: what comes out is what went in. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deviceIdOf, envelopeIdOf } from '../../protocol/ids.ts'
import type { StoreCall, StoreOutcome } from '../../relay/core/store-calls.ts'
import { packCalls, packOutcome, unpackCalls, unpackOutcome } from '../../relay/io/store-packing.ts'

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const mailbox = bytes(32).map(deviceIdOf)
const id = bytes(16).map(envelopeIdOf)
const nowMs = fc.maxSafeNat()

const enqueue: fc.Arbitrary<StoreCall> = fc.record({
  op: fc.constant('enqueue' as const),
  mailbox,
  nowMs,
  envelope: fc.record({ id, urgency: fc.nat(5), expiresMs: nowMs, sealed: fc.uint8Array({ minLength: 1 }) }),
})
const other: fc.Arbitrary<StoreCall> = fc.oneof(
  fc.record({ op: fc.constant('ack' as const), mailbox, ids: fc.array(id) }),
  fc.record({ op: fc.constant('census' as const), nowMs }),
)

test('calls arrive as they were asked, and in that order', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(enqueue, other)), (calls) => {
      const batch = packCalls(calls)
      const arrived = structuredClone(batch, { transfer: [batch.deposits.buffer] })
      expect(unpackCalls(arrived).map(plain)).toEqual(calls)
    }),
  )
})

test('an outcome says what it said, whatever was asked', () => {
  const answered = fc.oneof(
    fc.record({ state: fc.constant('stored' as const), pruned: fc.array(id), storedMs: nowMs, expiresMs: nowMs }),
    fc.record({ state: fc.constantFrom('crowded' as const, 'unknown-mailbox' as const) }),
    fc.record({ state: fc.constant('full' as const), limit: fc.constant('mailboxBytesMax' as const) }),
  )
  const outcomes: fc.Arbitrary<StoreOutcome> = fc.oneof(
    answered.map((answer) => ({ ok: true as const, op: 'enqueue' as const, answer })),
    fc.constantFrom('busy' as const, 'failed' as const).map((reason) => ({ ok: false as const, reason })),
    fc.constant<StoreOutcome>({ ok: true, op: 'ack', answer: { deleted: 1, storedMs: [3] } }),
  )
  const sealed = new Uint8Array(1)
  fc.assert(
    fc.property(outcomes, mailbox, id, (outcome, box, envelopeId) => {
      const times = storedTimes(outcome)
      const envelope = { id: envelopeId, urgency: 3, expiresMs: times.expiresMs, sealed }
      const call: StoreCall = { op: 'enqueue', mailbox: box, envelope, nowMs: times.storedMs }
      expect(unpackOutcome(structuredClone(packOutcome(outcome)), call)).toEqual(outcome)
    }),
  )
})

/** What is stored was stored when it came, and expires when it says. */
function storedTimes(outcome: StoreOutcome): { readonly storedMs: number; readonly expiresMs: number } {
  const stored = outcome.ok && outcome.op === 'enqueue' && outcome.answer.state === 'stored'
  return stored ? outcome.answer : { storedMs: 0, expiresMs: 0 }
}

/** A Buffer is a Uint8Array, and not equal to one. */
function plain(call: StoreCall): StoreCall {
  if (call.op !== 'enqueue') return call
  return { ...call, envelope: { ...call.envelope, sealed: new Uint8Array(call.envelope.sealed) } }
}
