/** A device in a test: an identity, its prekeys, and one record per peer, kept the way a real store keeps them. */
import { createIdentity, signalSessions } from '../../../protocol/session/signal.ts'
import { SignalRecord } from '../../../protocol/session/record.ts'
import type { Sessions as HeldSessions } from '../../../protocol/session/record.ts'
import type { Random } from '../../../protocol/crypto/random.ts'
import type {
  DecryptResult,
  InitiateResult,
  KyberPreKey,
  MessageType,
  OwnIdentity,
  PreKey,
  PreKeyBundle,
  PreKeyReads,
  SessionRecord,
  SignedPreKey,
  UsedPreKeys,
} from '../../../protocol/session/types.ts'
import { systemRandom } from '../../../protocol/crypto/primitives.ts'

export interface Wire {
  readonly type: MessageType
  readonly bytes: Uint8Array
}

export const dayMs: number = 24 * 60 * 60 * 1000

export class Device {
  readonly name: string
  readonly own: OwnIdentity
  readonly random: Random
  readonly preKeys: Map<number, PreKey> = new Map()
  readonly signedPreKeys: Map<number, SignedPreKey> = new Map()
  readonly kyberPreKeys: Map<number, KyberPreKey> = new Map()
  readonly marks: Set<string> = new Set()
  readonly records: Map<string, SessionRecord> = new Map()
  nowMs = 0
  #nextId = 1

  constructor(name: string, random: Random = systemRandom) {
    this.name = name
    this.random = random
    this.own = createIdentity(random.bytes(32), 4711)
  }

  bundle(oneTime = true): PreKeyBundle {
    const signed = signalSessions.generateSignedPreKey(this.own, this.#nextId++, this.random, this.nowMs)
    const kyber = signalSessions.generateKyberPreKey(this.own, this.#nextId++, this.random, this.nowMs)
    this.signedPreKeys.set(signed.id, signed)
    this.kyberPreKeys.set(kyber.id, kyber)
    const bundle = {
      registrationId: this.own.registrationId,
      deviceId: 1,
      identityKey: this.own.identityKey,
      signedPreKeyId: signed.id,
      signedPreKey: signed.publicKey,
      signedPreKeySignature: signed.signature,
      kyberPreKeyId: kyber.id,
      kyberPreKey: kyber.publicKey,
      kyberPreKeySignature: kyber.signature,
    }
    const [preKey] = oneTime ? signalSessions.generatePreKeys(this.#nextId++, 1, this.random) : []
    if (preKey === undefined) return bundle
    this.preKeys.set(preKey.id, preKey)
    return { ...bundle, preKeyId: preKey.id, preKey: preKey.publicKey }
  }

  tryInitiate(to: Device, bundle: PreKeyBundle): InitiateResult {
    const { own, random, nowMs } = this
    const record = this.records.get(to.name)
    const result = signalSessions.initiate({ own, theirIdentityKey: to.own.identityKey, bundle, record, random, nowMs })
    if (result.ok) this.records.set(to.name, result.record)
    return result
  }

  initiate(to: Device, bundle: PreKeyBundle = to.bundle()): void {
    const result = this.tryInitiate(to, bundle)
    if (!result.ok) throw new Error(`not opened: ${result.reason}`)
  }

  encrypt(to: Device, text: string | Uint8Array): Wire {
    const { own, random, nowMs } = this
    const record = this.recordOf(to)
    const plaintext = typeof text === 'string' ? new TextEncoder().encode(text) : text
    const result = signalSessions.encrypt({ own, record, plaintext, random, nowMs })
    if (!result.ok) throw new Error(`not encrypted: ${result.reason}`)
    this.records.set(to.name, result.record)
    return { type: result.type, bytes: result.bytes }
  }

  /** Keeps the new record and what was used up when the message was read. */
  decrypt(from: Device, wire: Wire): DecryptResult {
    const { own, random, nowMs } = this
    const result = signalSessions.decrypt({
      own,
      theirIdentityKey: from.own.identityKey,
      record: this.records.get(from.name),
      type: wire.type,
      bytes: wire.bytes,
      preKeys: this.reads(),
      random,
      nowMs,
    })
    if (result.ok) {
      this.records.set(from.name, result.record)
      this.useUp(result.used)
    }
    return result
  }

  /** The text, or the reason in brackets. */
  read(from: Device, wire: Wire): string {
    const result = this.decrypt(from, wire)
    return result.ok ? new TextDecoder().decode(result.plaintext) : `[${result.reason}]`
  }

  reads(): PreKeyReads {
    return {
      preKey: (id) => this.preKeys.get(id),
      signedPreKey: (id) => this.signedPreKeys.get(id),
      kyberPreKey: (id) => this.kyberPreKeys.get(id),
      wasBaseKeyUsed: ({ signedPreKeyId, kyberPreKeyId, baseKey }) =>
        this.marks.has(`${signedPreKeyId}/${kyberPreKeyId}/${String(baseKey)}`),
    }
  }

  recordOf(peer: Device): SessionRecord {
    const record = this.records.get(peer.name)
    if (record === undefined) throw new Error(`${this.name} has no record of ${peer.name}`)
    return record
  }

  /** What is inside the record, for tests that must look. */
  sessionsWith(peer: Device): HeldSessions {
    return SignalRecord.open(this.recordOf(peer))
  }

  stored(peer: Device): Uint8Array {
    return signalSessions.encodeRecord(this.recordOf(peer))
  }

  restore(peer: Device, stored: Uint8Array): void {
    this.records.set(peer.name, signalSessions.decodeRecord(stored))
  }

  useUp(used: UsedPreKeys | undefined): void {
    if (used === undefined) return
    if (used.preKeyId !== undefined) this.preKeys.delete(used.preKeyId)
    const { signedPreKeyId, kyberPreKeyId, baseKey } = used.mark
    this.marks.add(`${signedPreKeyId}/${kyberPreKeyId}/${String(baseKey)}`)
  }
}

/** Two devices; alice has opened a session with bob and written nothing. */
export function strangers(oneTime = true): readonly [Device, Device] {
  const [alice, bob] = [new Device('alice'), new Device('bob')]
  alice.initiate(bob, bob.bundle(oneTime))
  return [alice, bob]
}

/** Two devices that have heard from each other. */
export function friends(oneTime = true): readonly [Device, Device] {
  const [alice, bob] = strangers(oneTime)
  expectRead(bob, alice, alice.encrypt(bob, 'hello'), 'hello')
  expectRead(alice, bob, bob.encrypt(alice, 'hello yourself'), 'hello yourself')
  return [alice, bob]
}

export function expectRead(to: Device, from: Device, wire: Wire, text: string): void {
  const read = to.read(from, wire)
  if (read !== text) throw new Error(`${to.name} read «${read}», not «${text}»`)
}

/** They can still talk, both ways and over several turns. */
export function everyoneCanTalk(alice: Device, bob: Device): void {
  for (let turn = 0; turn < 3; turn++) {
    expectRead(bob, alice, alice.encrypt(bob, `to bob ${turn}`), `to bob ${turn}`)
    expectRead(alice, bob, bob.encrypt(alice, `to alice ${turn}`), `to alice ${turn}`)
  }
}
