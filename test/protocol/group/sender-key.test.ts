/** Sender keys: one message for all, in any order, by its own sender only. */
import { describe, expect, test } from 'vitest'
import { systemRandom as random } from '../../../protocol/crypto/primitives.ts'
import { LocalError, UsageError } from '../../../protocol/errors.ts'
import { bindToGroup, openBound } from '../../../protocol/group/sender-key-binding.ts'
import {
  decodeOwnSenderKey,
  decodeTheirSenderKeys,
  encodeOwnSenderKey,
  encodeTheirSenderKeys,
} from '../../../protocol/group/sender-key-storage.ts'
import {
  acceptDistribution,
  createSenderKey,
  decryptFromGroup,
  distributionOf,
  encryptToGroup,
} from '../../../protocol/group/sender-key.ts'
import type { OwnSenderKey, TheirSenderKeys } from '../../../protocol/group/sender-key.ts'
import { senderKeyStatesMax, skippedKeysMax } from '../../../protocol/session/limits.ts'
import { flipped, withLargerS } from '../../interop/forgeries.ts'

/** A sender and what each of its readers holds. */
class Sender {
  own: OwnSenderKey = createSenderKey(random.bytes(16), random)

  rotate(): void {
    this.own = createSenderKey(this.own.distributionId, random)
  }

  write(text: string): Uint8Array {
    const result = encryptToGroup(this.own, new TextEncoder().encode(text))
    this.own = decodeOwnSenderKey(encodeOwnSenderKey(result.own))
    return result.bytes
  }
}

class Reader {
  keys: TheirSenderKeys | undefined

  accept(distribution: Uint8Array): string {
    const result = acceptDistribution(this.keys, distribution)
    if (!result.ok) return `[${result.reason}]`
    this.keys = decodeTheirSenderKeys(encodeTheirSenderKeys(result.keys))
    return 'accepted'
  }

  read(bytes: Uint8Array): string {
    const result = decryptFromGroup(this.keys, bytes)
    if (!result.ok) return `[${result.reason}]`
    this.keys = decodeTheirSenderKeys(encodeTheirSenderKeys(result.keys))
    return new TextDecoder().decode(result.plaintext)
  }
}

function senderAndReader(): readonly [Sender, Reader] {
  const [sender, reader] = [new Sender(), new Reader()]
  reader.accept(distributionOf(sender.own))
  return [sender, reader]
}

test('messages are read in any order, once', () => {
  const [sender, reader] = senderAndReader()
  const wires = ['one', 'two', 'three', 'four'].map((text) => sender.write(text))
  expect([2, 0, 3, 1].map((i) => reader.read(wires[i]!))).toEqual(['three', 'one', 'four', 'two'])
  expect(wires.map((wire) => reader.read(wire))).toEqual(Array.from({ length: 4 }, () => '[duplicate]'))
})

test('a message before its key is refused and read after', () => {
  const [sender, reader] = [new Sender(), new Reader()]
  const distribution = distributionOf(sender.own)
  const wire = sender.write('early')
  expect(reader.read(wire)).toBe('[unknown-key]')
  expect(reader.accept(distribution)).toBe('accepted')
  expect(reader.read(wire)).toBe('early')
})

test('a distribution again does not bring back what was read', () => {
  const [sender, reader] = senderAndReader()
  const first = distributionOf(sender.own)
  const wire = sender.write('once')
  expect(reader.read(wire)).toBe('once')
  expect(reader.accept(first)).toBe('accepted')
  expect(reader.read(wire)).toBe('[duplicate]')
})

test('a new member reads what comes and nothing earlier', () => {
  const [sender] = senderAndReader()
  const before = sender.write('before')
  const newcomer = new Reader()
  newcomer.accept(distributionOf(sender.own))
  expect(newcomer.read(before)).toBe('[duplicate]')
  expect(newcomer.read(sender.write('after'))).toBe('after')
})

test('after a rotation late messages of the last keys are read, and only of those', () => {
  const [sender, reader] = senderAndReader()
  const late = [sender.write('key 0')]
  for (let i = 1; i <= senderKeyStatesMax; i++) {
    sender.rotate()
    reader.accept(distributionOf(sender.own))
    late.push(sender.write(`key ${i}`))
  }
  expect(late.map((wire) => reader.read(wire))).toEqual(['[unknown-key]', 'key 1', 'key 2', 'key 3', 'key 4', 'key 5'])
})

test('a jump keeps the newest skipped keys', () => {
  const [sender, reader] = senderAndReader()
  const wires = Array.from({ length: skippedKeysMax + 3 }, (_, i) => sender.write(`message ${i}`))
  expect(reader.read(wires.at(-1)!)).toBe(`message ${skippedKeysMax + 2}`)
  expect(reader.read(wires[1]!)).toBe('[duplicate]')
  expect(reader.read(wires[2]!)).toBe('message 2')
})

test('damaged stored keys are our own fault', () => {
  const [sender, reader] = senderAndReader()
  expect(() => decodeOwnSenderKey(encodeOwnSenderKey(sender.own).subarray(1))).toThrow(LocalError)
  expect(() => decodeTheirSenderKeys(encodeTheirSenderKeys(reader.keys!).subarray(0, 30))).toThrow(LocalError)
  expect(() => createSenderKey(new Uint8Array(15), random)).toThrow(UsageError)
})

describe('attack 26: what a removed member can and cannot read', () => {
  test('the old key reads nothing sent after a rotation', () => {
    const [sender, reader] = senderAndReader()
    const removed = new Reader()
    removed.keys = reader.keys
    sender.rotate()
    reader.accept(distributionOf(sender.own))
    const wire = sender.write('without you')
    expect(reader.read(wire)).toBe('without you')
    expect(removed.read(wire)).toBe('[unknown-key]')
  })

  test('without a rotation it reads on: removal needs new keys from everyone', () => {
    const [sender, reader] = senderAndReader()
    const removed = new Reader()
    removed.keys = reader.keys
    const wire = sender.write('still here')
    expect([reader.read(wire), removed.read(wire)]).toEqual(['still here', 'still here'])
  })
})

describe('attack 27: one member speaking as another', () => {
  test('a reader holds everything but the signing key', () => {
    const [sender, reader] = senderAndReader()
    const [member, victim] = [new Reader(), new Reader()]
    victim.keys = reader.keys
    const wire = sender.write('the truth')
    const forger = new Sender()
    forger.own = {
      ...forger.own,
      distributionId: sender.own.distributionId,
      chainId: sender.own.chainId,
      chain: sender.own.chain,
    }
    expect(victim.read(forger.write('a lie'))).toBe('[forged]')
    expect(member.read(wire)).toBe('[unknown-key]')
    expect(victim.read(wire)).toBe('the truth')
  })

  test('no changed byte is read, and none moves the keys', () => {
    const [sender, reader] = senderAndReader()
    const wire = sender.write('hello')
    const before = encodeTheirSenderKeys(reader.keys!)
    for (let at = 0; at < wire.length; at++) expect(reader.read(flipped(wire, at, at % 8))).toMatch(/^\[/)
    for (let length = 0; length < wire.length; length += 3) expect(reader.read(wire.subarray(0, length))).toMatch(/^\[/)
    const larger = Uint8Array.from([...wire.slice(0, -64), ...withLargerS(wire.slice(-64))])
    expect(reader.read(larger)).toBe('[forged]')
    expect(encodeTheirSenderKeys(reader.keys!)).toEqual(before)
    expect(reader.read(wire)).toBe('hello')
  })

  test('a forged jump makes nobody work: the signature comes first', () => {
    const [sender, reader] = senderAndReader()
    const forger = new Sender()
    forger.own = { ...forger.own, distributionId: sender.own.distributionId, chainId: sender.own.chainId }
    forger.own = { ...forger.own, chain: { ...forger.own.chain, index: 24_000 } }
    expect(reader.read(forger.write('far'))).toBe('[forged]')
  })

  test('a chain id used again with another signing key replaces only its own sender’s key', () => {
    const [sender, reader] = senderAndReader()
    const late = sender.write('late')
    const { chainId, distributionId } = sender.own
    sender.own = { ...createSenderKey(distributionId, random), chainId }
    expect(reader.accept(distributionOf(sender.own))).toBe('accepted')
    expect(reader.keys!.keys).toHaveLength(1)
    expect(reader.read(late)).toBe('[forged]')
    expect(reader.read(sender.write('now'))).toBe('now')
  })

  test('a distribution of another group is refused', () => {
    const [, reader] = senderAndReader()
    expect(reader.accept(distributionOf(new Sender().own))).toBe('[wrong-distribution]')
    expect(reader.accept(new Uint8Array(10))).toMatch(/^\[/)
    for (const length of [0, 1, 20, 60])
      expect(reader.accept(distributionOf(new Sender().own).subarray(0, length))).toMatch(/^\[/)
  })

  test('a message written under another group, roster or sender does not open', () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
    const context = { groupId: bytes('group'), epoch: bytes('roster 7'), sender: bytes('alice') }
    const bound = bindToGroup(context, bytes('hello'))
    expect(openBound(context, bound)).toEqual(bytes('hello'))
    expect(openBound({ ...context, groupId: bytes('other') }, bound)).toBeUndefined()
    expect(openBound({ ...context, epoch: bytes('roster 8') }, bound)).toBeUndefined()
    expect(openBound({ ...context, sender: bytes('mallory') }, bound)).toBeUndefined()
    // Two contexts whose parts run together into the same text are still two.
    expect(
      openBound({ groupId: bytes('groupr'), epoch: bytes('oster 7'), sender: bytes('alice') }, bound),
    ).toBeUndefined()
    expect(openBound(context, bound.subarray(0, 31))).toBeUndefined()
    expect(openBound(context, new Uint8Array())).toBeUndefined()
  })
})
