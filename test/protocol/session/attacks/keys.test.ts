/** Attacks through keys and signatures: wrong ones, weak ones, and one key written two ways. */
import { describe, expect, test } from 'vitest'
import { identityKeyOf, systemRandom, x25519PrivateOf } from '../../../../protocol/crypto/primitives.ts'
import { xeddsaSign, xeddsaSignWithSeed, xeddsaVerify } from '../../../../protocol/crypto/xeddsa.ts'
import { signalSessions } from '../../../../protocol/session/signal.ts'
import type { PreKeyBundle } from '../../../../protocol/session/types.ts'
import { seededRandom } from '../../../interop/seeded-random.ts'
import {
  fieldsOf,
  flipped,
  message,
  nonCanonical,
  replaced,
  smallOrderKeys,
  withLargerS,
  withTorsion,
} from '../../../interop/forgeries.ts'
import { encryptFrom } from './forge.ts'
import { Device, expectRead, friends, strangers } from '../device.ts'

test('attack 8: an identity key swapped in the bundle is caught by its signatures', () => {
  const [alice, bob, mallory] = [new Device('alice'), new Device('bob'), new Device('mallory')]
  const bundle = { ...bob.bundle(), identityKey: mallory.own.identityKey }
  expect(signalSessions.verifyBundle(bundle)).toBe(false)
  expect(alice.tryInitiate(mallory, bundle)).toEqual({ ok: false, reason: 'forged' })
  expect(alice.tryInitiate(bob, bundle)).toEqual({ ok: false, reason: 'identity-mismatch' })
})

test('attack 8: a first message passed on under another name is refused', () => {
  const [alice, bob] = strangers()
  const mallory = new Device('mallory')
  const wire = alice.encrypt(bob, 'hello')
  expect(bob.read(mallory, wire)).toBe('[identity-mismatch]')
  const renamed = message(0x44, replaced(fieldsOf(wire.bytes, 0), 3, mallory.own.identityKey))
  expect(bob.read(mallory, { type: 3, bytes: renamed })).toBe('[forged]')
  expectRead(bob, alice, wire, 'hello')
})

test('attack 9: a KEM key is taken only with the signature over its exact bytes', () => {
  const [alice, bob] = [new Device('alice'), new Device('bob')]
  const [one, other] = [bob.bundle(), bob.bundle()]
  const { kyberPreKey } = other
  expect(alice.tryInitiate(bob, { ...one, kyberPreKey })).toEqual({ ok: false, reason: 'forged' })
  for (const at of [1, 700, 1568]) {
    const changed = { ...one, kyberPreKey: flipped(one.kyberPreKey, at, 0) }
    expect(alice.tryInitiate(bob, changed)).toEqual({ ok: false, reason: 'forged' })
  }
})

describe('attack 10: a key of one kind does not pass for another', () => {
  const bob = new Device('bob')
  const bundle = bob.bundle()
  const cases: Record<string, Partial<PreKeyBundle>> = {
    'curve for KEM': { kyberPreKey: bundle.signedPreKey, kyberPreKeySignature: bundle.signedPreKeySignature },
    'KEM for curve': { signedPreKey: bundle.kyberPreKey, signedPreKeySignature: bundle.kyberPreKeySignature },
    'trailing byte': { signedPreKey: Uint8Array.from([...bundle.signedPreKey, 0]) },
    'wrong type byte': { kyberPreKey: Uint8Array.from([0x0a, ...bundle.kyberPreKey.slice(1)]) },
    'bare u': { signedPreKey: bundle.signedPreKey.slice(1) },
  }
  for (const [what, changed] of Object.entries(cases)) {
    test(what, () => {
      const result = new Device('alice').tryInitiate(bob, { ...bundle, ...changed })
      expect(result).toEqual({ ok: false, reason: 'invalid-key' })
    })
  }

  test('ids do not decide the kind: signed and KEM prekeys may share one', () => {
    const alice = new Device('alice')
    const wire = ((): ReturnType<Device['encrypt']> => {
      alice.initiate(bob, bundle)
      return alice.encrypt(bob, 'hello')
    })()
    const swapped = message(0x44, replaced(fieldsOf(wire.bytes, 0), 6, bundle.kyberPreKeyId))
    expect(bob.read(alice, { type: 3, bytes: swapped })).toBe('[unknown-prekey]')
  })
})

test('attack 11: a missing, foreign or changed prekey signature is refused', () => {
  const [alice, bob, mallory] = [new Device('alice'), new Device('bob'), new Device('mallory')]
  const bundle = bob.bundle()
  const forged: readonly Partial<PreKeyBundle>[] = [
    { signedPreKeySignature: new Uint8Array() },
    { kyberPreKeySignature: new Uint8Array(64) },
    { signedPreKeySignature: xeddsaSignWithSeed(mallory.own.seed, bundle.signedPreKey) },
    { kyberPreKeySignature: bundle.signedPreKeySignature },
    { signedPreKeySignature: flipped(bundle.signedPreKeySignature, 10, 0) },
  ]
  for (const changed of forged)
    expect(alice.tryInitiate(bob, { ...bundle, ...changed })).toEqual({ ok: false, reason: 'forged' })
  expect(alice.records.size).toBe(0)
})

describe('attack 13: points of small order and second encodings', () => {
  test('in a bundle', () => {
    const [alice, bob] = [new Device('alice'), new Device('bob')]
    const bundle = bob.bundle()
    for (const preKey of [...smallOrderKeys, nonCanonical(bundle.preKey!)])
      expect(alice.tryInitiate(bob, { ...bundle, preKey })).toEqual({ ok: false, reason: 'invalid-key' })
    for (const signedPreKey of [...smallOrderKeys, bundle.signedPreKey.with(0, 6)]) {
      const signedPreKeySignature = xeddsaSignWithSeed(bob.own.seed, signedPreKey)
      const result = alice.tryInitiate(bob, { ...bundle, signedPreKey, signedPreKeySignature })
      expect(result).toEqual({ ok: false, reason: 'invalid-key' })
    }
  })

  test('in a first message', () => {
    const [alice, bob] = strangers()
    const wire = alice.encrypt(bob, 'hello')
    const fields = fieldsOf(wire.bytes, 0)
    const baseKey = fields.find(({ field }) => field === 2)!.value as Uint8Array
    for (const key of [...smallOrderKeys, nonCanonical(baseKey), withTorsion(baseKey)])
      expect(bob.read(alice, { type: 3, bytes: message(0x44, replaced(fields, 2, key)) })).toBe('[invalid-key]')
    expectRead(bob, alice, wire, 'hello')
  })

  test('as a ratchet key, even from a peer whose MAC is right', () => {
    const [alice, bob] = friends()
    for (const ratchetKey of [
      ...smallOrderKeys,
      nonCanonical(alice.own.identityKey),
      alice.own.identityKey.with(0, 6),
    ]) {
      const { bytes } = encryptFrom(alice, bob, 'hello', { ratchetKey })
      expect(bob.read(alice, { type: 2, bytes })).toBe('[invalid-key]')
    }
    expectRead(bob, alice, alice.encrypt(bob, 'hello'), 'hello')
  })

  test('as an identity', () => {
    const [alice, bob] = strangers()
    const fields = fieldsOf(alice.encrypt(bob, 'hello').bytes, 0)
    for (const key of smallOrderKeys) {
      const { own, random, nowMs } = bob
      const bytes = message(0x44, replaced(fields, 3, key))
      const input = { own, theirIdentityKey: key, record: undefined, bytes, preKeys: bob.reads(), random, nowMs }
      expect(signalSessions.decrypt({ ...input, type: 3 })).toEqual({ ok: false, reason: 'invalid-key' })
    }
  })
})

describe('attack 14: malleable signatures', () => {
  const seed = new Uint8Array(32).fill(3)
  const u = new Device('bob', seededRandom('attack 14')).own
  const text = new TextEncoder().encode('signed')
  const signature = xeddsaSignWithSeed(u.seed, text)
  const key = u.identityKey.slice(1)

  test('s + L is refused', () => {
    expect(xeddsaVerify(key, text, signature)).toBe(true)
    expect(xeddsaVerify(key, text, withLargerS(signature))).toBe(false)
  })

  test('the other sign, another point, another length are refused', () => {
    expect(xeddsaVerify(key, text, flipped(signature, 63, 7))).toBe(false)
    for (let at = 0; at < 64; at++) expect(xeddsaVerify(key, text, flipped(signature, at, 2))).toBe(false)
    expect(xeddsaVerify(key, text, signature.subarray(0, 63))).toBe(false)
    expect(xeddsaVerify(new Uint8Array(32).fill(255), text, signature)).toBe(false)
    expect(xeddsaVerify(identityKeyOf(new Uint8Array(32)).slice(1), text, signature)).toBe(false)
  })

  test('attack 15: the nonce of the slow path is never used twice and is not a clamped scalar', () => {
    const privateKey = x25519PrivateOf(seed)
    const commitments = Array.from({ length: 20 }, () =>
      String(xeddsaSign(privateKey, text, systemRandom).subarray(0, 32)),
    )
    expect(new Set(commitments).size).toBe(commitments.length)
    // The same Z for two messages still gives two nonces, since the message is hashed in.
    const [one, two] = [text, key].map((signed) => xeddsaSign(privateKey, signed, { bytes: (n) => new Uint8Array(n) }))
    expect(one!.subarray(0, 32)).not.toEqual(two!.subarray(0, 32))
  })
})
