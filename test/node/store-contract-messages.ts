/** The part of a store's contract that is about what is said: messages, deliveries and attempts. */
import { describe, expect, test } from 'vitest'
import { attemptsKeptMax } from '../../protocol/limits.ts'
import type { Message } from '../../node/core/state.ts'
import type { Setting } from './store-contract.ts'
import * as sample from './store-samples.ts'
import { accountOf, deviceOf, envelopeIdOf, keep, messageIdOf, nowMs } from './store-samples.ts'

export function describeMessages(at: Setting): void {
  const putMessages = (...messages: readonly Message[]): void =>
    keep(at.store, ...messages.map((message) => ({ kind: 'put-message', message }) as const))
  const ids = (messages: readonly Message[]): number[] => messages.map((m) => Number.parseInt(m.id, 16))

  const sealed = (n: number) => ({ envelopeId: envelopeIdOf(n), type: 3, ciphertext: sample.bytesOf(n, 50) }) as const

  describe('messages', () => {
    test('come back whole, with and without their optional parts', () => {
      const sent = sample.outgoing(1, 1, { waiting: 'no-route', dispatched: false })
      const received = sample.incoming(2, 1)
      putMessages(sent, received)
      at.reopen()
      expect(at.store.message(accountOf(1), true, sent.id)).toStrictEqual(sent)
      expect(at.store.message(accountOf(1), false, received.id)).toStrictEqual(received)
      expect(at.store.message(accountOf(1), false, sent.id)).toBeUndefined()
      expect(at.store.message(accountOf(2), true, sent.id)).toBeUndefined()
    })

    test('of one id are told apart by conversation and side, and the outgoing one is found first', () => {
      putMessages(sample.incoming(1, 2), sample.incoming(1, 1))
      expect(at.store.findMessage(messageIdOf(1))?.conversation).toBe(accountOf(2))
      putMessages(sample.outgoing(1, 3))
      expect(at.store.findMessage(messageIdOf(1))).toStrictEqual(sample.outgoing(1, 3))
      expect(at.store.message(accountOf(1), false, messageIdOf(1))).toStrictEqual(sample.incoming(1, 1))
    })

    test('are paged from the newest back, oldest first, without those held', () => {
      putMessages(...[5, 1, 4, 2, 3].map((n) => (n % 2 === 0 ? sample.incoming(n, 1) : sample.outgoing(n, 1))))
      putMessages(sample.incoming(6, 1, { state: 'held', position: 0 }), sample.outgoing(7, 2))
      expect(ids(at.store.history(accountOf(1), 2))).toStrictEqual([4, 5])
      expect(ids(at.store.history(accountOf(1), 2, 4))).toStrictEqual([2, 3])
      expect(ids(at.store.history(accountOf(1), 2, 2))).toStrictEqual([1])
      expect(at.store.history(accountOf(1), 2, 1)).toStrictEqual([])
      expect(ids(at.store.history(accountOf(1), 100))).toStrictEqual([1, 2, 3, 4, 5])
      expect(ids(at.store.history(accountOf(1), Number.POSITIVE_INFINITY))).toStrictEqual([1, 2, 3, 4, 5])
      expect(at.store.history(accountOf(1), 0)).toStrictEqual([])
    })

    test('give the highest position, in every conversation and after reopening', () => {
      putMessages(sample.outgoing(7, 1), sample.incoming(9, 2), sample.incoming(8, 1))
      expect(at.store.lastPosition()).toBe(9)
      expect(at.reopen().lastPosition()).toBe(9)
    })

    test('held are listed by device in order of seq, by contact in order of arrival, until shown', () => {
      const held = (n: number, from: number, seq: number): Message =>
        sample.incoming(n, from, { seq, state: 'held', position: 0 })
      putMessages(held(1, 2, 30), held(2, 2, 10), held(3, 1, 5), held(4, 2, 20), sample.incoming(5, 2))
      putMessages(held(1, 2, 30))
      expect(ids(at.store.held(deviceOf(2)))).toStrictEqual([2, 4, 1])
      expect(ids(at.store.heldOf(accountOf(2)))).toStrictEqual([1, 2, 4])
      expect(at.store.heldDevices()).toStrictEqual([deviceOf(1), deviceOf(2)])
      putMessages(sample.incoming(3, 1, { position: 6 }))
      expect(at.store.heldDevices()).toStrictEqual([deviceOf(2)])
      expect(at.store.heldOf(accountOf(1))).toStrictEqual([])
    })

    test('undispatched are those sent while no card was known, by seq', () => {
      putMessages(
        sample.outgoing(3, 1, { dispatched: false }),
        sample.outgoing(2, 1, { dispatched: false }),
        sample.outgoing(1, 1),
        sample.outgoing(4, 2, { dispatched: false }),
      )
      expect(ids(at.store.undispatched(accountOf(1)))).toStrictEqual([2, 3])
      putMessages(sample.outgoing(2, 1, { dispatched: true }))
      expect(ids(at.store.undispatched(accountOf(1)))).toStrictEqual([3])
    })
  })

  describe('deliveries', () => {
    test('come back whole, with and without their optional parts', () => {
      const fresh = sample.delivery(1, 1, { visible: false })
      const stored = sample.delivery(2, 1, { sealedFor: sealed(2), stored: { relay: '/dns4/r', atMs: nowMs } })
      keep(at.store, { kind: 'put-delivery', delivery: fresh }, { kind: 'put-delivery', delivery: stored })
      at.reopen()
      expect(at.store.deliveriesOf(fresh.messageId)).toStrictEqual([fresh])
      expect(at.store.deliveriesOf(stored.messageId)).toStrictEqual([stored])
    })

    test('are listed by order, all and of one message, and replaced in place', () => {
      const all = [
        sample.delivery(1, 2, { order: 30 }),
        sample.delivery(2, 1, { order: 10 }),
        sample.delivery(1, 1, { order: 20 }),
      ]
      keep(at.store, ...all.map((delivery) => ({ kind: 'put-delivery', delivery }) as const))
      expect(at.store.deliveries().map((d) => d.order)).toStrictEqual([10, 20, 30])
      expect(at.store.deliveriesOf(messageIdOf(1)).map((d) => d.order)).toStrictEqual([20, 30])
      keep(at.store, { kind: 'put-delivery', delivery: sample.delivery(1, 1, { order: 20, sealedFor: sealed(5) }) })
      keep(at.store, { kind: 'put-delivery', delivery: sample.delivery(1, 1, { order: 20, sealedFor: sealed(6) }) })
      expect(at.store.deliveries().map((d) => d.sealedFor?.envelopeId)).toStrictEqual([
        undefined,
        envelopeIdOf(6),
        undefined,
      ])
    })

    test('of the same order come as they were first put', () => {
      for (const to of [3, 1, 2]) keep(at.store, { kind: 'put-delivery', delivery: sample.delivery(1, to) })
      keep(at.store, { kind: 'put-delivery', delivery: sample.delivery(1, 3, { sealedFor: sealed(1) }) })
      const inOrder = [deviceOf(3), deviceOf(1), deviceOf(2)]
      expect(at.store.deliveries().map((d) => d.device)).toStrictEqual(inOrder)
      expect(
        at
          .reopen()
          .deliveriesOf(messageIdOf(1))
          .map((d) => d.device),
      ).toStrictEqual(inOrder)
    })

    test('are gone once dropped', () => {
      keep(at.store, { kind: 'put-delivery', delivery: sample.delivery(1, 1, { sealedFor: sealed(1) }) })
      keep(at.store, { kind: 'drop-delivery', messageId: messageIdOf(1), device: deviceOf(1) })
      expect(at.store.deliveriesOf(messageIdOf(1))).toStrictEqual([])
      expect(at.store.deliveries()).toStrictEqual([])
    })
  })

  describe('attempts', () => {
    const addAttempts = (n: number, times: readonly number[]): void =>
      keep(at.store, ...times.map((atMs) => ({ kind: 'add-attempt', attempt: sample.attempt(n, atMs) }) as const))

    test('come back whole and in the order they were added', () => {
      const direct = sample.attempt(1, nowMs + 5, { device: deviceOf(1), route: 'direct' })
      putMessages(sample.outgoing(1, 1))
      keep(
        at.store,
        { kind: 'add-attempt', attempt: direct },
        { kind: 'add-attempt', attempt: sample.attempt(1, nowMs) },
      )
      expect(at.reopen().attempts(messageIdOf(1))).toStrictEqual([direct, sample.attempt(1, nowMs)])
    })

    test('beyond the limit leave the first and the newest', () => {
      const times = Array.from({ length: attemptsKeptMax + 10 }, (_, i) => i + 1)
      addAttempts(1, times)
      addAttempts(2, [1])
      const kept = at.store.attempts(messageIdOf(1)).map((a) => a.atMs)
      expect(kept).toStrictEqual([1, ...times.slice(-(attemptsKeptMax - 1))])
      expect(at.store.attempts(messageIdOf(2))).toHaveLength(1)
    })

    test('of a message outlive its delivery', () => {
      putMessages(sample.outgoing(1, 1))
      keep(at.store, { kind: 'put-delivery', delivery: sample.delivery(1, 1) })
      addAttempts(1, [1, 2])
      keep(at.store, { kind: 'drop-delivery', messageId: messageIdOf(1), device: deviceOf(1) })
      addAttempts(1, [3])
      expect(at.reopen().attempts(messageIdOf(1))).toHaveLength(3)
    })

    test('of a receipt go with its last delivery', () => {
      for (const to of [1, 2])
        keep(at.store, { kind: 'put-delivery', delivery: sample.delivery(1, to, { visible: false }) })
      addAttempts(1, [1, 2])
      keep(at.store, { kind: 'drop-delivery', messageId: messageIdOf(1), device: deviceOf(1) })
      expect(at.store.attempts(messageIdOf(1))).toHaveLength(2)
      keep(at.store, { kind: 'drop-delivery', messageId: messageIdOf(1), device: deviceOf(2) })
      expect(at.store.attempts(messageIdOf(1))).toStrictEqual([])
    })
  })
}
