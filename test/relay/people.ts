/** Devices for tests: with real keys, cards and bundles, but without a node around them. */
import { ed25519PublicKey, systemRandom } from '../../protocol/crypto/primitives.ts'
import { accountIdOf, deviceIdOf, envelopeIdOf, type AccountId, type DeviceId } from '../../protocol/ids.ts'
import { createIdentity, signalSessions } from '../../protocol/session/signal.ts'
import type { OwnIdentity } from '../../protocol/session/types.ts'
import { signCard, signConsent, type Card, type SignedCard } from '../../protocol/wire/card.ts'
import type { DirectoryFrame, PublicPreKey, SignedBundle } from '../../protocol/wire/directory.ts'
import type { Envelope } from '../../protocol/wire/mailbox.ts'

export type Publish = Extract<DirectoryFrame, { kind: 'publish' }>

export interface Person {
  readonly accountSeed: Uint8Array
  readonly account: AccountId
  readonly identity: OwnIdentity
  readonly device: DeviceId
}

export function createPerson(): Person {
  const accountSeed = systemRandom.bytes(32)
  const identity = createIdentity(systemRandom.bytes(32), 4711)
  const account = accountIdOf(ed25519PublicKey(accountSeed))
  return { accountSeed, account, identity, device: deviceIdOf(identity.publicKey) }
}

export function cardOf(person: Person, nowMs: number, changes: Partial<Card> = {}): SignedCard {
  const card: Card = {
    account: person.account,
    name: 'somebody',
    revision: 1,
    issuedMs: nowMs,
    expiresMs: nowMs + 86_400_000,
    devices: [{ device: person.device, addresses: [] }],
    relays: [],
    ...changes,
  }
  return signCard(card, person.accountSeed, [signConsent(person.account, person.identity.seed)])
}

export function bundleOf(person: Person, nowMs: number): SignedBundle {
  const signed = signalSessions.generateSignedPreKey(person.identity, 1, systemRandom, nowMs)
  const kyber = signalSessions.generateKyberPreKey(person.identity, 1, systemRandom, nowMs)
  return {
    registrationId: person.identity.registrationId,
    deviceId: 1,
    identityKey: person.identity.identityKey,
    signedPreKeyId: signed.id,
    signedPreKey: signed.publicKey,
    signedPreKeySignature: signed.signature,
    kyberPreKeyId: kyber.id,
    kyberPreKey: kyber.publicKey,
    kyberPreKeySignature: kyber.signature,
  }
}

/** Looks like prekeys; nobody opens a session with them. */
export function preKeys(firstId: number, count: number): PublicPreKey[] {
  return Array.from({ length: count }, (_, i) => ({ id: firstId + i, key: systemRandom.bytes(33) }))
}

export function publicationOf(person: Person, nowMs: number, changes: Partial<Publish> = {}): Publish {
  return {
    kind: 'publish',
    version: 1,
    card: cardOf(person, nowMs),
    bundle: bundleOf(person, nowMs),
    preKeys: preKeys(1, 100),
    ...changes,
  }
}

export function envelope(nowMs: number, changes: Partial<Envelope> = {}): Envelope {
  return {
    id: envelopeIdOf(systemRandom.bytes(16)),
    urgency: 3,
    expiresMs: nowMs + 86_400_000,
    sealed: systemRandom.bytes(100),
    ...changes,
  }
}
