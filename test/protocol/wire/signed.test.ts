/** What is signed or sealed: cards, custody receipts, invites, sealed messages, and those who would change them. */
import { describe, expect, test } from 'vitest'
import { ed25519PublicKey, systemRandom } from '../../../protocol/crypto/primitives.ts'
import { accountIdOf, deviceIdOf, deviceIdOfPeerId, envelopeIdOf, idBytes, peerIdOf } from '../../../protocol/ids.ts'
import { cardLifeMs, clockSkewMsMax } from '../../../protocol/limits.ts'
import { createIdentity } from '../../../protocol/session/signal.ts'
import { openCard, signCard, signConsent, type Card } from '../../../protocol/wire/card.ts'
import { signCustody, verifyCustody } from '../../../protocol/wire/custody.ts'
import { formatInvite, parseInvite } from '../../../protocol/wire/invite.ts'
import { sealing } from '../../../protocol/wire/sealed.ts'

const nowMs = 1_800_000_000_000
const [accountSeed, deviceSeed, otherSeed] = [1, 2, 3].map((n) => new Uint8Array(32).fill(n)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const device = deviceIdOf(ed25519PublicKey(deviceSeed))
const card: Card = {
  account: accountIdOf(ed25519PublicKey(accountSeed)),
  name: 'Ada',
  revision: 1,
  issuedMs: nowMs,
  expiresMs: nowMs + cardLifeMs,
  devices: [{ device, addresses: ['/ip4/192.0.2.1/tcp/4001'] }],
  relays: [],
}
const consents = [signConsent(card.account, deviceSeed)]

describe('a card', () => {
  test('says what its account signed', () => {
    expect(openCard(signCard(card, accountSeed, consents), nowMs)).toEqual({ ok: true, card })
  })

  test('signed by someone else is forged', () => {
    expect(openCard(signCard(card, otherSeed, consents), nowMs)).toEqual({ ok: false, reason: 'forged' })
  })

  test('with a device that did not sign for this account, or for another, is forged', () => {
    const other = deviceIdOf(ed25519PublicKey(otherSeed))
    const both = { ...card, devices: [...card.devices, { device: other, addresses: [] }] }
    const own = signConsent(card.account, otherSeed)
    expect(openCard(signCard(both, accountSeed, [...consents, own]), nowMs)).toEqual({ ok: true, card: both })
    const someoneElse = accountIdOf(ed25519PublicKey(otherSeed))
    for (const lent of [signConsent(someoneElse, otherSeed), ...consents]) {
      expect(openCard(signCard(both, accountSeed, [...consents, lent]), nowMs)).toEqual({ ok: false, reason: 'forged' })
    }
    expect(openCard(signCard(both, accountSeed, consents), nowMs)).toEqual({ ok: false, reason: 'forged' })
  })

  test('with any byte changed is refused', () => {
    const signed = signCard(card, accountSeed, consents)
    for (let at = 0; at < signed.card.length; at++) {
      const changed = new Uint8Array(signed.card)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(openCard({ ...signed, card: changed }, nowMs).ok).toBe(false)
    }
  })

  test.each([
    ['without a device', { devices: [] }],
    ['with a device twice', { devices: [...card.devices, ...card.devices] }],
    [
      'with a device that is no key',
      { devices: [{ device: deviceIdOf(new Uint8Array(32).fill(0xff)), addresses: [] }] },
    ],
  ])('%s is malformed', (_, wrong) => {
    expect(openCard(signCard({ ...card, ...wrong }, accountSeed, [...consents, ...consents]), nowMs)).toEqual({
      ok: false,
      reason: 'malformed',
    })
  })

  test('is too old after its life, and too young when it outlives any card', () => {
    const signed = signCard(card, accountSeed, consents)
    expect(openCard(signed, nowMs + cardLifeMs + clockSkewMsMax)).toEqual({ ok: false, reason: 'expired' })
    expect(openCard(signed, nowMs - clockSkewMsMax - 1)).toEqual({ ok: false, reason: 'from-the-future' })
  })
})

test('a custody receipt holds for one relay, and for exactly these envelopes, mailboxes and expiries', () => {
  const relay = deviceIdOf(ed25519PublicKey(otherSeed))
  const one = { mailbox: device, id: envelopeIdOf(new Uint8Array(16).fill(9)), storedMs: nowMs, expiresMs: nowMs + 1 }
  const other = { ...one, id: envelopeIdOf(new Uint8Array(16).fill(8)) }
  const receipt = signCustody([one, other], otherSeed)
  expect(verifyCustody(receipt, relay)).toBe(true)
  expect(verifyCustody(receipt, device)).toBe(false)
  for (const changed of [
    [one],
    [other, one],
    [one, other, { ...one, id: envelopeIdOf(new Uint8Array(16)) }],
    [{ ...one, expiresMs: nowMs + 2 }, other],
    [{ ...one, mailbox: relay }, other],
  ]) {
    expect(verifyCustody({ ...receipt, taken: changed }, relay)).toBe(false)
  }
})

test('an invite survives being pasted, and anything mistyped is no invite', () => {
  const invite = {
    account: card.account,
    token: new Uint8Array(16).fill(7),
    relays: ['/ip4/192.0.2.1/tcp/1'],
    addresses: [],
  }
  const link = formatInvite(invite)
  expect(parseInvite(`  ${link}\n`)).toEqual(invite)
  expect(parseInvite(link.slice(0, -3))).toBeUndefined()
  expect(parseInvite(link.replace('linnet:', 'https:'))).toBeUndefined()
  expect(parseInvite(`${link}!`)).toBeUndefined()
  expect(parseInvite('linnet:')).toBeUndefined()
  expect(parseInvite(`linnet:${'A'.repeat(100_000)}`)).toBeUndefined()
})

test('a PeerId names its device and nothing else does', () => {
  expect(deviceIdOfPeerId(peerIdOf(device))).toBe(device)
  expect(deviceIdOfPeerId(`${peerIdOf(device)}x`)).toBeUndefined()
  expect(deviceIdOfPeerId('QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N')).toBeUndefined()
  expect(deviceIdOfPeerId('not base58: 0OIl')).toBeUndefined()
})

describe('a sealed message', () => {
  const own = createIdentity(deviceSeed, 1)
  const message = {
    sender: deviceIdOf(ed25519PublicKey(otherSeed)),
    type: 2 as const,
    ciphertext: new Uint8Array(200).fill(5),
  }
  const sealed = sealing.seal(device, message, systemRandom)

  test('opens for its recipient only', () => {
    expect(sealing.open(own, sealed)).toEqual(message)
    expect(sealing.open(createIdentity(otherSeed, 1), sealed)).toBeUndefined()
  })

  test('shows neither sender nor ciphertext, and only its bucket', () => {
    expect(Buffer.from(sealed).includes(Buffer.from(idBytes(message.sender)))).toBe(false)
    expect(Buffer.from(sealed).includes(Buffer.from(message.ciphertext))).toBe(false)
    const lengths = [1, 100, 400].map((n) => {
      return sealing.seal(device, { ...message, ciphertext: new Uint8Array(n) }, systemRandom).length
    })
    expect(new Set(lengths).size).toBe(1)
  })

  test('with any byte changed, cut or lengthened does not open', () => {
    for (let at = 0; at < sealed.length; at += 7) {
      const changed = new Uint8Array(sealed)
      changed[at] = (changed[at] ?? 0) ^ 0x40
      expect(sealing.open(own, changed)).toBeUndefined()
    }
    expect(sealing.open(own, sealed.subarray(0, -1))).toBeUndefined()
    expect(sealing.open(own, new Uint8Array([...sealed, 0]))).toBeUndefined()
    expect(sealing.open(own, new Uint8Array(0))).toBeUndefined()
  })

  test('from a sender who is no key is from nobody', () => {
    const nobody = sealing.seal(device, { ...message, sender: deviceIdOf(new Uint8Array(32).fill(0xff)) }, systemRandom)
    expect(sealing.open(own, nobody)).toBeUndefined()
  })
})
