/** The contract of `protocol/session/types.ts`, told as stories. */
import { describe, expect, test } from 'vitest'
import { LocalError, UsageError } from '../../../protocol/errors.ts'
import { archivedSessionsMax, prekeyIdMax, unansweredMsMax } from '../../../protocol/session/limits.ts'
import { createIdentity, signalSessions } from '../../../protocol/session/signal.ts'
import { seededRandom } from '../../interop/seeded-random.ts'
import { dayMs, Device, everyoneCanTalk, expectRead, friends, strangers } from './device.ts'

describe('opening a session', () => {
  test('a first message is read, and answered with an ordinary one', () => {
    const [alice, bob] = strangers()
    const first = alice.encrypt(bob, 'hello')
    expect(first.type).toBe(3)
    const result = bob.decrypt(alice, first)
    expect(result.ok && result.used?.preKeyId).toBeTypeOf('number')
    const answer = bob.encrypt(alice, 'hello yourself')
    expect(answer.type).toBe(2)
    expectRead(alice, bob, answer, 'hello yourself')
    expect(alice.encrypt(bob, 'now we talk').type).toBe(2)
  })

  test('without a one-time key it works too, and only the mark is used up', () => {
    const [alice, bob] = strangers(false)
    const result = bob.decrypt(alice, alice.encrypt(bob, 'hello'))
    expect(result.ok && result.used).toEqual({ mark: expect.anything() })
    everyoneCanTalk(alice, bob)
  })

  test('every message before the answer opens the session, in any order', () => {
    const [alice, bob] = strangers()
    const wires = ['one', 'two', 'three'].map((text) => alice.encrypt(bob, text))
    expect(wires.map(({ type }) => type)).toEqual([3, 3, 3])
    expectRead(bob, alice, wires[2]!, 'three')
    const again = bob.decrypt(alice, wires[0]!)
    expect(again.ok && again.used).toBeUndefined()
    expectRead(bob, alice, wires[1]!, 'two')
    everyoneCanTalk(alice, bob)
  })

  test('simultaneous opening converges on one session', () => {
    const [alice, bob] = [new Device('alice'), new Device('bob')]
    alice.initiate(bob)
    bob.initiate(alice)
    const [fromAlice, fromBob] = [alice.encrypt(bob, 'from alice'), bob.encrypt(alice, 'from bob')]
    expectRead(bob, alice, fromAlice, 'from alice')
    expectRead(alice, bob, fromBob, 'from bob')
    everyoneCanTalk(alice, bob)
    expect([...alice.sessionsWith(bob).current.baseKey]).toEqual([...bob.sessionsWith(alice).current.baseKey])
  })

  test('a message of an archived session is read and makes it current again', () => {
    const [alice, bob] = friends()
    const late = alice.encrypt(bob, 'late')
    const later = alice.encrypt(bob, 'later')
    const before = bob.sessionsWith(alice).current.baseKey
    alice.initiate(bob)
    expectRead(bob, alice, alice.encrypt(bob, 'anew'), 'anew')
    expect(bob.sessionsWith(alice).archived).toHaveLength(1)
    const result = bob.decrypt(alice, late)
    expect(result.ok && result.promoted).toBe(true)
    expect([...bob.sessionsWith(alice).current.baseKey]).toEqual([...before])
    expectRead(bob, alice, later, 'later')
    everyoneCanTalk(alice, bob)
  })

  test('the oldest session beyond the limit is let go', () => {
    const [alice, bob] = friends()
    const old = alice.encrypt(bob, 'from the first session')
    for (let i = 0; i <= archivedSessionsMax; i++) bob.initiate(alice)
    expect(bob.sessionsWith(alice).archived).toHaveLength(archivedSessionsMax)
    expect(bob.read(alice, old)).toMatch(/^\[/)
  }, 60_000)

  test('a session nobody answers for 30 days stops sending', () => {
    const [alice, bob] = strangers()
    alice.nowMs = unansweredMsMax
    alice.encrypt(bob, 'still in time')
    alice.nowMs = 31 * dayMs
    const record = alice.recordOf(bob)
    expect(signalSessions.hasSession(record, alice.nowMs)).toBe(false)
    const { own, random, nowMs } = alice
    const result = signalSessions.encrypt({ own, record, plaintext: new Uint8Array(), random, nowMs })
    expect(result).toEqual({ ok: false, reason: 'no-session' })
  })
})

describe('a record', () => {
  test('is the same after storing, in the middle of a conversation', () => {
    const [alice, bob] = friends()
    for (let i = 0; i < 120; i++) {
      const [from, to] = i % 3 === 0 ? [bob, alice] : [alice, bob]
      const wire = from.encrypt(to, `message ${i}`)
      if (i % 7 !== 0) expectRead(to, from, wire, `message ${i}`)
      alice.restore(bob, alice.stored(bob))
      bob.restore(alice, bob.stored(alice))
    }
    everyoneCanTalk(alice, bob)
  })

  test('is the same after storing while nobody has answered, with a one-time key and without', () => {
    for (const oneTime of [true, false]) {
      const [alice, bob] = strangers(oneTime)
      const wires = ['one', 'two'].map((text) => {
        alice.restore(bob, alice.stored(bob))
        return alice.encrypt(bob, text)
      })
      expect(wires.map(({ type }) => type)).toEqual([3, 3])
      expectRead(bob, alice, wires[1]!, 'two')
      expectRead(bob, alice, wires[0]!, 'one')
      alice.nowMs = unansweredMsMax + 1
      alice.restore(bob, alice.stored(bob))
      expect(signalSessions.hasSession(alice.recordOf(bob), alice.nowMs)).toBe(false)
    }
  })

  test('refuses damaged bytes as our own fault', () => {
    const [alice, bob] = friends()
    const stored = alice.stored(bob)
    expect(() => signalSessions.decodeRecord(stored.subarray(0, stored.length - 1))).toThrow(LocalError)
    expect(() => signalSessions.decodeRecord(new Uint8Array([9, 9]))).toThrow(LocalError)
    expect(() => signalSessions.decodeRecord(new Uint8Array())).toThrow(LocalError)
    expect(() => signalSessions.decodeRecord(Uint8Array.from([...stored, 0]))).toThrow(LocalError)
  })

  test('of another layer is the caller’s fault', () => {
    expect(() => signalSessions.encodeRecord({ kind: 'session-record' })).toThrow(UsageError)
  })

  test('is a value: the old one still works after the new one was made', () => {
    const [alice, bob] = friends()
    const wires = ['one', 'two'].map((text) => alice.encrypt(bob, text))
    const before = bob.recordOf(alice)
    expectRead(bob, alice, wires[1]!, 'two')
    bob.records.set(alice.name, before)
    expectRead(bob, alice, wires[1]!, 'two')
    expectRead(bob, alice, wires[0]!, 'one')
  })

  test('prints nothing of what is inside', () => {
    const [alice, bob] = friends()
    expect(JSON.stringify(alice.recordOf(bob))).toBe('{"kind":"session-record"}')
  })
})

test('the same randomness makes the same bytes', () => {
  const run = (): string => {
    const [alice, bob] = [new Device('alice', seededRandom('alice')), new Device('bob', seededRandom('bob'))]
    alice.initiate(bob)
    const bytes: number[] = []
    for (let i = 0; i < 40; i++) {
      const [from, to] = i % 2 === 0 ? [alice, bob] : [bob, alice]
      const wire = from.encrypt(to, `message ${i}`)
      expectRead(to, from, wire, `message ${i}`)
      bytes.push(...wire.bytes)
    }
    return String(bytes)
  }
  expect(run()).toBe(run())
})

test('plaintexts of every size around the block, and a large one', () => {
  const [alice, bob] = friends()
  for (const size of [0, 1, 15, 16, 17, 31, 32, 33, 511, 512, 513, 2047, 2048, 2049, 65_536, 1_000_000]) {
    const plaintext = alice.random.bytes(size)
    const result = bob.decrypt(alice, alice.encrypt(bob, plaintext))
    expect(result.ok && Buffer.from(result.plaintext).equals(plaintext)).toBe(true)
  }
  expect(() => alice.encrypt(bob, new Uint8Array(2_000_000))).toThrow(UsageError)
})

test('an identity has a registration id of 14 bits', () => {
  expect(() => createIdentity(new Uint8Array(32), 0)).toThrow(UsageError)
  expect(() => createIdentity(new Uint8Array(32), 16_381)).toThrow(UsageError)
  expect(() => createIdentity(new Uint8Array(31), 1)).toThrow(UsageError)
  expect(createIdentity(new Uint8Array(32), 16_380).identityKey).toHaveLength(33)
})

test('prekey ids have 24 bits', () => {
  const { random } = new Device('alice')
  const ids = (first: number, count: number): number[] =>
    signalSessions.generatePreKeys(first, count, random).map(({ id }) => id)
  expect(ids(prekeyIdMax - 1, 2)).toEqual([prekeyIdMax - 1, prekeyIdMax])
  for (const [first, count] of [
    [prekeyIdMax, 2],
    [-1, 3],
    [0.5, 1],
  ] as const) {
    expect(() => ids(first, count)).toThrow(UsageError)
  }
})
