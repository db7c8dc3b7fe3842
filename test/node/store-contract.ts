/**
 * What every store of a device answers, told once and run against each (`store.test.ts`): each question of `Reads` after
 * each change that bears on it, what a transaction sees, and what is left of it when it is rolled back.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LocalError } from '../../protocol/errors.ts'
import type { Change } from '../../node/core/effects.ts'
import type { DeviceStore } from '../../node/io/store.ts'
import { answersOf, before, changes } from './store-answers.ts'
import { describeMessages } from './store-contract-messages.ts'
import { describePeople } from './store-contract-people.ts'
import { accountOf, deviceOf, envelopeIdOf, keep, messageIdOf, nowMs } from './store-samples.ts'

/** A store and the way to its next life. */
export interface Setting {
  readonly store: DeviceStore
  /** Ends this store, and opens it again as a new process would. */
  reopen(): DeviceStore
  end(): void
}

export function describeStore(name: string, arrange: () => Setting): void {
  describe(name, () => {
    let setting: Setting
    beforeEach(() => {
      setting = arrange()
    })
    afterEach(() => setting.end())
    const at: Setting = {
      get store() {
        return setting.store
      },
      reopen: () => setting.reopen(),
      end: () => setting.end(),
    }

    describeStrangers(at)
    describePeople(at)
    describeMessages(at)
    describeTransactions(at)
  })
}

/** Asked about what it never heard of. */
function describeStrangers(at: Setting): void {
  test('a new store knows nothing', () => {
    expect(at.store.fact('settings')).toBeUndefined()
    expect(at.store.contact(accountOf(1))).toBeUndefined()
    expect(at.store.contactOfDevice(deviceOf(1))).toBeUndefined()
    expect(at.store.contactNamed('person 1')).toBeUndefined()
    expect(at.store.contacts()).toStrictEqual([])
    expect(at.store.message(accountOf(1), true, messageIdOf(1))).toBeUndefined()
    expect(at.store.findMessage(messageIdOf(1))).toBeUndefined()
    expect(at.store.history(accountOf(1), 10)).toStrictEqual([])
    expect(at.store.lastPosition()).toBe(0)
    expect(at.store.held(deviceOf(1))).toStrictEqual([])
    expect(at.store.heldDevices()).toStrictEqual([])
    expect(at.store.heldOf(accountOf(1))).toStrictEqual([])
    expect(at.store.undispatched(accountOf(1))).toStrictEqual([])
    expect(at.store.deliveriesOf(messageIdOf(1))).toStrictEqual([])
    expect(at.store.deliveries()).toStrictEqual([])
    expect(at.store.attempts(messageIdOf(1))).toStrictEqual([])
    expect(at.store.session(deviceOf(1))).toBeUndefined()
    expect(at.store.preKey(1)).toBeUndefined()
    expect(at.store.signedPreKey(1)).toBeUndefined()
    expect(at.store.kyberPreKey(1)).toBeUndefined()
    expect(at.store.wasBaseKeyUsed({ signedPreKeyId: 1, kyberPreKeyId: 1, baseKey: new Uint8Array(33) })).toBe(false)
    expect(at.store.signedPreKeys()).toStrictEqual([])
    expect(at.store.kyberPreKeys()).toStrictEqual([])
    expect(at.store.preKeysOf('relay')).toEqual([])
    expect(at.store.seen(envelopeIdOf(1))).toBeUndefined()
    expect(at.store.invite(new Uint8Array(16))).toBeUndefined()
    expect(at.store.invites()).toStrictEqual([])
    expect(at.store.inbound(deviceOf(1))).toBeUndefined()
    expect(at.store.owed()).toStrictEqual([])
    expect(at.store.events(0, 10)).toStrictEqual([])
    expect(at.store.lastEventSeq()).toBe(0)
  })

  test('dropping what is not there is harmless', () => {
    const token = new Uint8Array(16)
    const owed = { account: accountOf(1), messageId: messageIdOf(1), state: 'read' } as const
    const drops: Change[] = [
      { kind: 'drop-delivery', messageId: messageIdOf(1), device: deviceOf(1) },
      { kind: 'drop-prekey', id: 1 },
      { kind: 'drop-signed-prekey', id: 1 },
      { kind: 'drop-kyber-prekey', id: 1 },
      { kind: 'sweep-seen', beforeMs: nowMs },
      { kind: 'drop-invite', token },
      { kind: 'drop-owed', owed },
      { kind: 'drop-events', upTo: 9 },
    ]
    expect(() => keep(at.store, ...drops)).not.toThrow()
  })
}

function describeTransactions(at: Setting): void {
  describe('transactions', () => {
    test('read what they wrote before it is committed', () => {
      keep(at.store, ...before)
      const old = answersOf(at.store)
      at.store.begin()
      for (const change of changes) at.store.apply(change)
      const during = answersOf(at.store)
      for (const [question, answer] of Object.entries(during)) expect(answer, question).not.toStrictEqual(old[question])
      at.store.commit()
      expect(answersOf(at.store)).toStrictEqual(during)
      expect(answersOf(at.reopen())).toStrictEqual(during)
    })

    test('leave nothing behind when rolled back', () => {
      keep(at.store, ...before)
      const old = answersOf(at.store)
      at.store.begin()
      for (const change of changes) at.store.apply(change)
      at.store.rollback()
      expect(answersOf(at.store)).toStrictEqual(old)
      expect(answersOf(at.reopen())).toStrictEqual(old)
    })

    test('leave nothing behind when the process ends in their midst', () => {
      keep(at.store, ...before)
      const old = answersOf(at.store)
      at.store.begin()
      for (const change of changes) at.store.apply(change)
      expect(answersOf(at.reopen())).toStrictEqual(old)
    })

    test('go on after a rollback', () => {
      at.store.begin()
      for (const change of changes) at.store.apply(change)
      at.store.rollback()
      keep(at.store, ...before)
      keep(at.store, ...changes)
      const again = answersOf(at.store)
      expect(again['lastEventSeq']).toBe(2)
      expect(answersOf(at.reopen())).toStrictEqual(again)
    })

    test('are not nested, and nothing is applied or committed outside them', () => {
      expect(() => at.store.apply(changes[0] as Change)).toThrow(LocalError)
      expect(() => at.store.commit()).toThrow(LocalError)
      at.store.begin()
      expect(() => at.store.begin()).toThrow(LocalError)
      at.store.rollback()
      expect(() => at.store.rollback()).not.toThrow()
      expect(at.store.fact('settings')).toBeUndefined()
    })

    test('are over when the store is closed', () => {
      at.store.close()
      at.store.close()
      expect(() => at.store.begin()).toThrow(LocalError)
      expect(() => at.store.fact('settings')).toThrow(LocalError)
    })
  })
}
