/** The part of a store's contract that is about everything but messages: people, keys, envelopes, events and facts. */
import { describe, expect, test } from 'vitest'
import type { Setting } from './store-contract.ts'
import * as sample from './store-samples.ts'
import { accountOf, deviceOf, envelopeIdOf, keep, messageIdOf, nowMs } from './store-samples.ts'

export function describePeople(at: Setting): void {
  describe('facts', () => {
    test('are replaced by name', () => {
      keep(at.store, { kind: 'put-fact', key: 'settings', value: Uint8Array.of(1) })
      keep(at.store, { kind: 'put-fact', key: 'settings', value: Uint8Array.of(2, 3) })
      expect(at.store.fact('settings')).toStrictEqual(Uint8Array.of(2, 3))
      expect(at.store.fact('identity')).toBeUndefined()
    })

    test('may be empty', () => {
      keep(at.store, { kind: 'put-fact', key: 'identity', value: new Uint8Array(0) })
      expect(at.store.fact('identity')).toStrictEqual(new Uint8Array(0))
    })
  })

  describe('contacts', () => {
    test('come back whole, with and without their optional parts', () => {
      const bare = sample.contact(1, { state: 'adding', hints: ['/dns4/a', '/dns4/b'], token: sample.bytesOf(7, 16) })
      const full = sample.carded(2, [21, 22], { introduced: true, verified: true, nextSeq: 2 ** 40 })
      keep(at.store, { kind: 'put-contact', contact: bare }, { kind: 'put-contact', contact: full })
      at.reopen()
      expect(at.store.contact(accountOf(1))).toStrictEqual(bare)
      expect(at.store.contact(accountOf(2))).toStrictEqual(full)
      expect(at.store.contactNamed('person 2')).toStrictEqual(full)
      expect(at.store.contactOfDevice(deviceOf(22))).toStrictEqual(full)
    })

    test('are listed as they were added, also after changes', () => {
      for (const n of [3, 1, 2]) keep(at.store, { kind: 'put-contact', contact: sample.contact(n) })
      keep(at.store, { kind: 'put-contact', contact: sample.contact(3, { name: 'renamed' }) })
      expect(at.store.contacts().map((c) => c.name)).toStrictEqual(['renamed', 'person 1', 'person 2'])
      expect(
        at
          .reopen()
          .contacts()
          .map((c) => c.name),
      ).toStrictEqual(['renamed', 'person 1', 'person 2'])
    })

    test('leave their old name and their old devices', () => {
      keep(at.store, { kind: 'put-contact', contact: sample.carded(1, [11, 12]) })
      keep(at.store, { kind: 'put-contact', contact: sample.carded(1, [12, 13], { name: 'other' }) })
      expect(at.store.contactNamed('person 1')).toBeUndefined()
      expect(at.store.contactOfDevice(deviceOf(11))).toBeUndefined()
      expect(at.store.contactOfDevice(deviceOf(13))?.name).toBe('other')
    })

    test('that claim the same device or name give way to whoever was added first', () => {
      keep(at.store, { kind: 'put-contact', contact: sample.carded(5, [50], { name: 'same' }) })
      keep(at.store, { kind: 'put-contact', contact: sample.carded(4, [50], { name: 'same' }) })
      expect(at.store.contactOfDevice(deviceOf(50))?.account).toBe(accountOf(5))
      expect(at.store.contactNamed('same')?.account).toBe(accountOf(5))
    })
  })

  describe('keys', () => {
    const mark = (signed: number, kyber: number, n: number) => ({
      signedPreKeyId: signed,
      kyberPreKeyId: kyber,
      baseKey: sample.bytesOf(n, 33),
    })

    test('sessions are replaced', () => {
      keep(at.store, { kind: 'put-session', device: deviceOf(1), record: sample.record('old') })
      keep(at.store, { kind: 'put-session', device: deviceOf(1), record: sample.record('new') })
      expect(at.store.session(deviceOf(1))).toStrictEqual(sample.record('new'))
      expect(at.reopen().session(deviceOf(1))).toStrictEqual(sample.record('new'))
    })

    test('one-time prekeys are listed by relay and used once', () => {
      keep(at.store, {
        kind: 'add-prekeys',
        preKeys: [sample.preKey(2, 'a'), sample.preKey(1, 'a'), sample.preKey(3, 'b')],
      })
      expect(at.store.preKeysOf('a')).toEqual([1, 2])
      expect(at.store.preKey(2)).toStrictEqual(sample.preKey(2, 'a'))
      keep(at.store, { kind: 'drop-prekey', id: 2 })
      expect(at.store.preKey(2)).toBeUndefined()
      expect(at.store.preKeysOf('a')).toEqual([1])
      expect(at.store.preKeysOf('b')).toEqual([3])
    })

    test('signed and Kyber prekeys come back whole, listed by id', () => {
      for (const id of [2, 1]) {
        keep(at.store, { kind: 'put-signed-prekey', preKey: sample.signedPreKey(id) })
        keep(at.store, { kind: 'put-kyber-prekey', preKey: sample.kyberPreKey(id) })
      }
      at.reopen()
      expect(at.store.signedPreKey(2)).toStrictEqual(sample.signedPreKey(2))
      expect(at.store.kyberPreKey(2)).toStrictEqual(sample.kyberPreKey(2))
      expect(at.store.signedPreKeys()).toStrictEqual([sample.signedPreKey(1), sample.signedPreKey(2)])
      expect(at.store.kyberPreKeys()).toStrictEqual([sample.kyberPreKey(1), sample.kyberPreKey(2)])
      keep(at.store, { kind: 'drop-signed-prekey', id: 1 }, { kind: 'drop-kyber-prekey', id: 2 })
      expect(at.store.signedPreKeys().map((k) => k.id)).toStrictEqual([2])
      expect(at.store.kyberPreKeys().map((k) => k.id)).toStrictEqual([1])
    })

    test('a first message is remembered under exactly its keys', () => {
      keep(at.store, { kind: 'add-base-key', mark: mark(1, 2, 7) }, { kind: 'add-base-key', mark: mark(1, 2, 7) })
      at.reopen()
      expect(at.store.wasBaseKeyUsed(mark(1, 2, 7))).toBe(true)
      expect(at.store.wasBaseKeyUsed(mark(1, 2, 8))).toBe(false)
      expect(at.store.wasBaseKeyUsed(mark(2, 2, 7))).toBe(false)
      expect(at.store.wasBaseKeyUsed(mark(1, 1, 7))).toBe(false)
    })

    test('its mark goes with either of its prekeys, and stays when they are put again', () => {
      const marks = [mark(1, 1, 1), mark(1, 2, 2), mark(2, 1, 3), mark(2, 2, 4)]
      for (const id of [1, 2]) keep(at.store, { kind: 'put-signed-prekey', preKey: sample.signedPreKey(id) })
      keep(at.store, ...marks.map((m) => ({ kind: 'add-base-key', mark: m }) as const))
      keep(at.store, { kind: 'put-signed-prekey', preKey: sample.signedPreKey(2) })
      expect(marks.map((m) => at.store.wasBaseKeyUsed(m))).toStrictEqual([true, true, true, true])
      keep(at.store, { kind: 'drop-signed-prekey', id: 1 })
      expect(marks.map((m) => at.store.wasBaseKeyUsed(m))).toStrictEqual([false, false, true, true])
      keep(at.store, { kind: 'drop-kyber-prekey', id: 1 })
      expect(marks.map((m) => at.store.wasBaseKeyUsed(m))).toStrictEqual([false, false, false, true])
    })
  })

  describe('envelopes seen', () => {
    test('are remembered with and without the message in them, until swept', () => {
      keep(
        at.store,
        { kind: 'add-seen', envelopeId: envelopeIdOf(1), messageId: messageIdOf(1), untilMs: nowMs },
        { kind: 'add-seen', envelopeId: envelopeIdOf(2), untilMs: nowMs + 1 },
      )
      expect(at.store.seen(envelopeIdOf(1))).toStrictEqual({ messageId: messageIdOf(1) })
      expect(at.store.seen(envelopeIdOf(2))).toStrictEqual({})
      keep(at.store, { kind: 'sweep-seen', beforeMs: nowMs })
      expect(at.store.seen(envelopeIdOf(1))).toBeDefined()
      keep(at.store, { kind: 'sweep-seen', beforeMs: nowMs + 1 })
      expect(at.store.seen(envelopeIdOf(1))).toBeUndefined()
      expect(at.reopen().seen(envelopeIdOf(2))).toStrictEqual({})
    })
  })

  describe('acquaintances', () => {
    const invite = (n: number) => ({ token: sample.bytesOf(n, 16), createdMs: nowMs, expiresMs: nowMs + n })

    test('invites come back by token, in the order they were made', () => {
      for (const n of [2, 1, 3]) keep(at.store, { kind: 'put-invite', invite: invite(n) })
      keep(at.store, { kind: 'put-invite', invite: { ...invite(2), usedBy: accountOf(4) } })
      keep(at.store, { kind: 'drop-invite', token: sample.bytesOf(1, 16) })
      at.reopen()
      expect(at.store.invite(sample.bytesOf(2, 16))).toStrictEqual({ ...invite(2), usedBy: accountOf(4) })
      expect(at.store.invite(sample.bytesOf(1, 16))).toBeUndefined()
      expect(at.store.invites()).toStrictEqual([{ ...invite(2), usedBy: accountOf(4) }, invite(3)])
    })

    test('how far a device has come is replaced', () => {
      const inbound = { device: deviceOf(1), account: accountOf(1), expected: 4 }
      keep(at.store, { kind: 'put-inbound', inbound: { ...inbound, expected: 1 } }, { kind: 'put-inbound', inbound })
      expect(at.reopen().inbound(deviceOf(1))).toStrictEqual(inbound)
    })

    test('receipts are owed once, in the order they were added', () => {
      const owed = (n: number, state: 'delivered' | 'read') => ({
        account: accountOf(1),
        messageId: messageIdOf(n),
        state,
      })
      for (const n of [2, 1, 2]) keep(at.store, { kind: 'add-owed', owed: owed(n, 'delivered') })
      keep(at.store, { kind: 'add-owed', owed: owed(2, 'read') })
      expect(at.store.owed()).toStrictEqual([owed(2, 'delivered'), owed(1, 'delivered'), owed(2, 'read')])
      keep(at.store, { kind: 'drop-owed', owed: owed(2, 'delivered') })
      keep(at.store, { kind: 'add-owed', owed: owed(2, 'delivered') })
      expect(at.reopen().owed()).toStrictEqual([owed(1, 'delivered'), owed(2, 'read'), owed(2, 'delivered')])
    })
  })

  describe('events', () => {
    test('are read on from a number, oldest first', () => {
      keep(at.store, ...[1, 2, 3, 4].map((seq) => ({ kind: 'add-event', stored: sample.event(seq) }) as const))
      expect(at.store.events(0, 2)).toStrictEqual([sample.event(1), sample.event(2)])
      expect(at.store.events(2, 10)).toStrictEqual([sample.event(3), sample.event(4)])
      expect(at.store.events(4, 10)).toStrictEqual([])
      expect(at.store.events(0, 0)).toStrictEqual([])
    })

    test('keep their numbering when they are gone, also after reopening', () => {
      keep(at.store, ...[1, 2, 3].map((seq) => ({ kind: 'add-event', stored: sample.event(seq) }) as const))
      keep(at.store, { kind: 'drop-events', upTo: 2 })
      expect(at.store.events(0, 10)).toStrictEqual([sample.event(3)])
      keep(at.store, { kind: 'drop-events', upTo: 3 })
      expect(at.store.lastEventSeq()).toBe(3)
      at.reopen()
      expect(at.store.lastEventSeq()).toBe(3)
      expect(at.store.events(0, 10)).toStrictEqual([])
    })
  })
}
