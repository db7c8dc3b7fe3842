/** Attacks on what is spoken: older versions, stripped parts, and messages that do not parse. */
import { describe, expect, test } from 'vitest'
import { flipped, fieldsOf, message, replaced, without } from '../../../interop/forgeries.ts'
import type { Field } from '../../../interop/forgeries.ts'
import { encodePqMessage, encryptFrom } from './forge.ts'
import type { Device } from '../device.ts'
import { everyoneCanTalk, expectRead, friends, strangers } from '../device.ts'

test('attack 12: version 3, in either message, is refused', () => {
  const [alice, bob] = strangers()
  const first = alice.encrypt(bob, 'hello')
  const fields = fieldsOf(first.bytes, 0)
  expect(bob.read(alice, { type: 3, bytes: message(0x34, fields) })).toBe('[version]')
  expect(bob.read(alice, { type: 3, bytes: message(0x44, without(fields, 7, 8)) })).toBe('[version]')
  const inner = fields.find(({ field }) => field === 4)!.value as Uint8Array
  const older = Uint8Array.from([0x34, ...inner.slice(1)])
  expect(bob.read(alice, { type: 3, bytes: message(0x44, replaced(fields, 4, older)) })).toBe('[version]')
  expectRead(bob, alice, first, 'hello')
})

test('attack 12: a message without its post-quantum part is refused', () => {
  const [alice, bob] = friends()
  const wire = alice.encrypt(bob, 'hello')
  const stripped = message(0x44, without(fieldsOf(wire.bytes, 8), 5), wire.bytes.slice(-8))
  expect(bob.read(alice, { type: 2, bytes: stripped })).toBe('[version]')
  const emptied = encryptFrom(alice, bob, 'hello', { pqRatchet: () => new Uint8Array() })
  expect(bob.read(alice, { type: 2, bytes: emptied.bytes })).toBe('[malformed]')
  expectRead(bob, alice, wire, 'hello')
})

describe('attack 24: a peer that lies in the post-quantum ratchet is refused and moves nothing', () => {
  test('an epoch nobody can be in yet', () => {
    const [alice, bob] = friends()
    const before = bob.stored(alice)
    for (const epoch of [2, 3, 1000]) {
      const { bytes } = encryptFrom(alice, bob, 'hello', {
        pqRatchet: (honest) => encodePqMessage({ ...honest, epoch }),
      })
      expect(bob.read(alice, { type: 2, bytes })).toBe('[forged]')
    }
    expect(bob.stored(alice)).toEqual(before)
  })

  test('an index of 0, one of long ago, and one far ahead', () => {
    const [alice, bob] = friends()
    const before = bob.stored(alice)
    const reasons = [0, 1, 26_000].map((index) => {
      const { bytes } = encryptFrom(alice, bob, 'hello', {
        pqRatchet: (honest, sent) =>
          index === 0
            ? Uint8Array.from([...sent.slice(0, 2), 0, ...sent.slice(3)])
            : encodePqMessage({ ...honest, index }),
      })
      return bob.read(alice, { type: 2, bytes })
    })
    expect(reasons).toEqual(['[malformed]', '[duplicate]', '[too-far-ahead]'])
    expect(bob.stored(alice)).toEqual(before)
  })

  test('chunk indices beyond 65,535, unknown types, versions, and cuts', () => {
    const [alice, bob] = friends()
    const before = bob.stored(alice)
    const bend = (change: (bytes: Uint8Array) => Uint8Array): string => {
      const { bytes } = encryptFrom(alice, bob, 'hello', { pqRatchet: (_, honest) => change(honest) })
      return bob.read(alice, { type: 2, bytes })
    }
    expect(bend((bytes) => Uint8Array.from([...bytes.slice(0, 4), 0xff, 0xff, 0x7f, ...bytes.slice(5)]))).toBe(
      '[malformed]',
    )
    expect(bend((bytes) => Uint8Array.from([...bytes.slice(0, 3), 9, ...bytes.slice(4)]))).toBe('[malformed]')
    expect(bend((bytes) => Uint8Array.from([0, ...bytes.slice(1)]))).toBe('[malformed]')
    expect(bend((bytes) => Uint8Array.from([2, ...bytes.slice(1)]))).toBe('[malformed]')
    for (let length = 0; length < 37; length++) expect(bend((bytes) => bytes.slice(0, length))).toBe('[malformed]')
    expect(bend((bytes) => Uint8Array.from([...bytes, 0]))).toBe('[malformed]')
    expect(bob.stored(alice)).toEqual(before)
    everyoneCanTalk(alice, bob)
  })

  test('a header whose MAC is wrong', () => {
    const [alice, bob] = friends()
    const reasons = sendLiesAs(alice, bob, 'Hdr')
    expect(reasons).toContain('[forged]')
  })

  test('a key that is not the one whose hash was in the header', () => {
    const [alice, bob] = friends()
    expect(sendLiesAs(alice, bob, 'Ek')).toContain('[forged]')
  })

  test('a ciphertext that was not authenticated', () => {
    const [alice, bob] = friends()
    expect(sendLiesAs(bob, alice, 'Ct2')).toContain('[forged]')
  })

  test('a chunk again and one that contradicts an earlier one add nothing', () => {
    const [alice, bob] = friends()
    for (let i = 0; i < 3; i++) {
      const { record, bytes } = encryptFrom(alice, bob, 'again', {
        pqRatchet: (honest) => {
          if (!('chunk' in honest.payload)) return encodePqMessage(honest)
          const { type } = honest.payload
          return encodePqMessage({
            ...honest,
            payload: { type, chunk: { index: 0, bytes: new Uint8Array(32).fill(i) } },
          })
        },
      })
      alice.records.set(bob.name, record)
      expectRead(bob, alice, { type: 2, bytes }, 'again')
    }
    everyoneCanTalk(alice, bob)
  })
})

/**
 * Bends every chunk of one kind that `liar` sends, over a long honest conversation, and gathers what the victim says.
 */
function sendLiesAs(liar: Device, victim: Device, kind: string): string[] {
  const reasons: string[] = []
  for (let i = 0; i < 120 && !reasons.includes('[forged]'); i++) {
    const stored = liar.recordOf(victim)
    let isBent = false
    const { record, bytes } = encryptFrom(liar, victim, 'hello', {
      pqRatchet: (honest, honestBytes) => {
        if (!('chunk' in honest.payload) || !honest.payload.type.startsWith(kind)) return honestBytes
        isBent = true
        const { type, chunk } = honest.payload
        const changed = { index: chunk.index, bytes: flipped(chunk.bytes, 5, 1) }
        return encodePqMessage({ ...honest, payload: { type, chunk: changed } })
      },
    })
    liar.records.set(victim.name, record)
    const before = victim.stored(liar)
    const read = victim.read(liar, { type: 2, bytes })
    reasons.push(read)
    if (read.startsWith('[')) expect(victim.stored(liar)).toEqual(before)
    if (isBent && read.startsWith('[')) liar.records.set(victim.name, stored)
    expectRead(liar, victim, victim.encrypt(liar, 'turn'), 'turn')
  }
  return reasons
}

describe('attack 29: protobuf', () => {
  const [alice, bob] = friends()
  const wire = alice.encrypt(bob, 'hello')
  const fields = fieldsOf(wire.bytes, 8)
  const mac = wire.bytes.slice(-8)
  const remade = (changed: readonly Field[]): string => bob.read(alice, { type: 2, bytes: message(0x44, changed, mac) })
  const raw = (bytes: readonly number[]): string =>
    bob.read(alice, { type: 2, bytes: Uint8Array.from([0x44, ...bytes, ...mac]) })

  test('a field twice is malformed', () => {
    for (const field of fields) expect(remade([...fields, field])).toBe('[malformed]')
  })

  test('a missing field is malformed', () => {
    for (const number of [1, 2, 4]) expect(remade(without(fields, number))).toBe('[malformed]')
  })

  test('a field of another wire type is malformed', () => {
    expect(remade(replaced(fields, 2, new Uint8Array(4)))).toBe('[malformed]')
    expect(remade(replaced(fields, 4, 7))).toBe('[malformed]')
    expect(remade(replaced(fields, 5, 7))).toBe('[malformed]')
  })

  test('an unknown field is skipped, and then the MAC speaks', () => {
    expect(remade([...fields, { field: 15, value: 1 }])).toBe('[forged]')
  })

  test('overlong and endless varints, groups, field 0 and lengths beyond the end are malformed', () => {
    expect(raw([0x10, 0x80, 0x00])).toBe('[malformed]')
    expect(raw([0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])).toBe('[malformed]')
    expect(raw([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f])).toBe('[malformed]')
    expect(raw([0x0b, 0x0c])).toBe('[malformed]')
    expect(raw([0x00, 0x01])).toBe('[malformed]')
    expect(raw([0x0a, 0xff, 0xff, 0xff, 0x0f])).toBe('[malformed]')
    expect(raw([0x0a, 0x21, 0x05])).toBe('[malformed]')
    expect(raw([0x0d, 0x01])).toBe('[malformed]')
  })

  test('what is malformed after all that is needed makes the whole so', () => {
    const needed = message(0x44, fields).slice(1)
    for (const tail of [[0x10, 0x80, 0x00], [0x0b, 0x0c], [0x7a, 0x05], [0x7d, 0x01], [0x80]]) {
      expect(raw([...needed, ...tail])).toBe('[malformed]')
    }
  })

  test('of a first message nothing but the registration id may be missing, and nothing stands twice', () => {
    const [stranger, reader] = strangers(false)
    const first = stranger.encrypt(reader, 'hello')
    const parts = fieldsOf(first.bytes, 0)
    const said = (changed: readonly Field[]): string =>
      reader.read(stranger, { type: 3, bytes: message(0x44, changed) })
    for (const { field } of parts.filter((one) => one.field !== 5)) {
      expect(said(without(parts, field)), `${field}`).toMatch(/^\[(malformed|version)\]$/)
    }
    for (const part of parts) expect(said([...parts, part]), `${part.field}`).toBe('[malformed]')
    expectRead(reader, stranger, first, 'hello')
  })

  test('nothing, a byte, and a megabyte and more', () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(9), new Uint8Array(1_048_577).fill(0x44)]) {
      expect(bob.decrypt(alice, { type: 2, bytes }).ok).toBe(false)
      expect(bob.decrypt(alice, { type: 3, bytes }).ok).toBe(false)
    }
    expectRead(bob, alice, wire, 'hello')
  })
})
