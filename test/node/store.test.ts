/** Runs the contract of a device's store against both of them, and lets chance compare the two. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Change } from '../../node/core/effects.ts'
import type { DeviceStore } from '../../node/io/store.ts'
import { MemoryStore } from '../../node/io/store-memory.ts'
import { openSqliteStore } from '../../node/io/store-sqlite.ts'
import { answersOf } from './store-answers.ts'
import { describeStore, type Setting } from './store-contract.ts'
import * as sample from './store-samples.ts'
import { accountOf, deviceOf, envelopeIdOf, messageIdOf } from './store-samples.ts'

function inMemory(): Setting {
  let store = new MemoryStore()
  return {
    get store() {
      return store
    },
    reopen: () => (store = store.reopen()),
    end: () => store.close(),
  }
}

function onDisk(): Setting {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-store-'))
  const open = (): DeviceStore =>
    openSqliteStore({ file: join(folder, 'store.db'), key: sample.bytesOf(9, 32), sessions: sample.wordSessions() })
  let store = open()
  return {
    get store() {
      return store
    },
    reopen() {
      store.close()
      return (store = open())
    },
    end() {
      store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

describeStore('the store in memory', inMemory)
describeStore('the store on disk', onDisk)

const small = fc.integer({ min: 1, max: 5 })
const bit = fc.boolean()

/** Numbers a run hands out once each, as a device does. */
interface Numbers {
  event: number
  readonly positions: Map<string, number>
}

/** A change of any kind about a handful of people, messages and keys, so that they often meet. */
const change: fc.Arbitrary<(numbers: Numbers) => Change> = fc.oneof(
  fc.tuple(fc.constantFrom('settings' as const, 'identity' as const), small).map(
    ([key, n]) =>
      () =>
        ({ kind: 'put-fact', key, value: sample.bytesOf(n, n) }) as const,
  ),
  fc.tuple(small, small, fc.array(small, { maxLength: 3 }), bit).map(([n, name, devices, hasCard]) => () => {
    const more = { name: `person ${name}`, nextSeq: name }
    return {
      kind: 'put-contact',
      contact: hasCard ? sample.carded(n, [...new Set(devices)], more) : sample.contact(n, more),
    }
  }),
  fc
    .tuple(
      small,
      small,
      small,
      fc.constantFrom('queued', 'stored', 'delivered', 'expired'),
      fc.option(bit, { nil: undefined }),
    )
    .map(([n, to, seq, state, dispatched]) => (numbers: Numbers) => {
      const { dispatched: _, ...message } = sample.outgoing(n, to, { seq, state: state as 'queued' })
      const position = positionOf(numbers, `out ${n} ${to}`)
      return {
        kind: 'put-message',
        message: { ...message, position, ...(dispatched === undefined ? {} : { dispatched }) },
      }
    }),
  fc
    .tuple(small, small, small, fc.constantFrom('held', 'shown', 'seen'))
    .map(([n, from, seq, state]) => (numbers: Numbers) => {
      const known = numbers.positions.has(`in ${n} ${from}`)
      const held = state === 'held' && !known
      const position = held ? 0 : positionOf(numbers, `in ${n} ${from}`)
      const shown = state === 'held' ? 'shown' : (state as 'seen')
      return { kind: 'put-message', message: sample.incoming(n, from, { seq, state: held ? 'held' : shown, position }) }
    }),
  fc.tuple(small, small, small, fc.option(small, { nil: undefined })).map(([n, to, order, sealed]) => () => ({
    kind: 'put-delivery',
    delivery: sample.delivery(n, to, {
      order,
      ...(sealed === undefined
        ? {}
        : { sealedFor: { envelopeId: envelopeIdOf(sealed), type: 2, ciphertext: sample.bytesOf(sealed, 9) } }),
    }),
  })),
  fc
    .tuple(small, small)
    .map(([n, to]) => () => ({ kind: 'drop-delivery', messageId: messageIdOf(n), device: deviceOf(to) })),
  fc.tuple(small, small).map(([n, at]) => () => ({ kind: 'add-attempt', attempt: sample.attempt(n, at) })),
  fc
    .tuple(small, fc.string())
    .map(([n, word]) => () => ({ kind: 'put-session', device: deviceOf(n), record: sample.record(word) })),
  fc.uniqueArray(small, { maxLength: 3 }).map((ids) => () => ({
    kind: 'add-prekeys',
    preKeys: ids.map((id) => sample.preKey(id, id % 2 === 0 ? 'a' : 'b')),
  })),
  small.map((id) => () => ({ kind: 'drop-prekey', id })),
  small.map((id) => () => ({ kind: 'put-signed-prekey', preKey: sample.signedPreKey(id) })),
  small.map((id) => () => ({ kind: 'drop-signed-prekey', id })),
  small.map((id) => () => ({ kind: 'put-kyber-prekey', preKey: sample.kyberPreKey(id) })),
  small.map((id) => () => ({ kind: 'drop-kyber-prekey', id })),
  fc.tuple(small, small).map(([signed, kyber]) => () => ({
    kind: 'add-base-key',
    mark: { signedPreKeyId: signed, kyberPreKeyId: kyber, baseKey: sample.bytesOf(signed, 33) },
  })),
  fc.tuple(small, small, bit).map(([n, untilMs, hasMessage]) => () => ({
    kind: 'add-seen',
    envelopeId: envelopeIdOf(n),
    untilMs,
    ...(hasMessage ? { messageId: messageIdOf(n) } : {}),
  })),
  small.map((beforeMs) => () => ({ kind: 'sweep-seen', beforeMs })),
  fc.tuple(small, small, bit).map(([n, at, used]) => () => ({
    kind: 'put-invite',
    invite: { token: sample.bytesOf(n, 16), createdMs: at, expiresMs: at, ...(used ? { usedBy: accountOf(at) } : {}) },
  })),
  small.map((n) => () => ({ kind: 'drop-invite', token: sample.bytesOf(n, 16) })),
  fc.tuple(small, small).map(([n, expected]) => () => ({
    kind: 'put-inbound',
    inbound: { device: deviceOf(n), account: accountOf(n), expected },
  })),
  fc.tuple(small, small, bit, bit).map(([n, who, read, add]) => () => ({
    kind: add ? 'add-owed' : 'drop-owed',
    owed: { account: accountOf(who), messageId: messageIdOf(n), state: read ? 'read' : 'delivered' },
  })),
  fc.constant((numbers: Numbers) => ({ kind: 'add-event', stored: sample.event(++numbers.event) })),
  small.map((back) => (numbers: Numbers) => ({ kind: 'drop-events', upTo: numbers.event - back })),
) as fc.Arbitrary<(numbers: Numbers) => Change>

function positionOf(numbers: Numbers, key: string): number {
  const position = numbers.positions.get(key) ?? numbers.positions.size + 1
  numbers.positions.set(key, position)
  return position
}

const transaction = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 12 }),
  end: fc.constantFrom('commit', 'commit', 'commit', 'rollback', 'crash'),
})

/** The assertion explains a difference well, and takes long to find none. */
function expectSameAnswers(one: DeviceStore, other: DeviceStore): void {
  const [answers, others] = [answersOf(one), answersOf(other)]
  if (!isDeepStrictEqual(answers, others)) expect(answers).toStrictEqual(others)
}

describe('any history', () => {
  test('gives the same answers from both stores, inside transactions, after them and after reopening', () => {
    fc.assert(
      fc.property(fc.array(transaction, { minLength: 1, maxLength: 12 }), (transactions) => {
        const settings = [inMemory(), onDisk()]
        const [memory, disk] = settings as [Setting, Setting]
        const numbers: Numbers = { event: 0, positions: new Map() }
        try {
          for (const { changes, end } of transactions) {
            for (const { store } of settings) store.begin()
            for (const next of changes) {
              const applied = next(numbers)
              for (const { store } of settings) store.apply(applied)
            }
            expectSameAnswers(disk.store, memory.store)
            for (const setting of settings) {
              if (end === 'crash') setting.reopen()
              else setting.store[end]()
            }
            expectSameAnswers(disk.store, memory.store)
          }
          for (const setting of settings) setting.reopen()
          expectSameAnswers(disk.store, memory.store)
        } finally {
          for (const setting of settings) setting.end()
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('the store in memory', () => {
  test('is copied whole, and the copy goes its own way', () => {
    const store = new MemoryStore()
    sample.keep(
      store,
      { kind: 'add-event', stored: sample.event(1) },
      { kind: 'put-contact', contact: sample.carded(1, [1]) },
    )
    const copy = store.copy()
    expect(answersOf(copy)).toStrictEqual(answersOf(store))
    sample.keep(
      copy,
      { kind: 'add-event', stored: sample.event(2) },
      { kind: 'put-contact', contact: sample.contact(2) },
    )
    expect(copy.contacts()).toHaveLength(2)
    expect(store.contacts()).toHaveLength(1)
    expect(store.lastEventSeq()).toBe(1)
  })

  test('leaves whoever held it before a crash with an error', () => {
    const store = new MemoryStore()
    store.reopen()
    expect(() => store.contacts()).toThrow('closed')
  })
})
