/**
 * Our side of the benchmark. Records are values in memory and are encoded after every operation, as a store would
 * have it.
 */
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import {
  acceptDistribution,
  createSenderKey,
  decryptFromGroup,
  distributionOf,
  encryptToGroup,
} from '../../protocol/group/sender-key.ts'
import { encodeOwnSenderKey, encodeTheirSenderKeys } from '../../protocol/group/sender-key-storage.ts'
import { createIdentity, signalSessions } from '../../protocol/session/signal.ts'
import type {
  MessageType,
  OwnIdentity,
  PreKeyBundle,
  PreKeyReads,
  SessionRecord,
} from '../../protocol/session/types.ts'
import { counts, plaintextBytes, rate, ratesInTurn, total } from './measure.ts'
import type { Timings } from './measure.ts'

interface Device {
  readonly own: OwnIdentity
  readonly bundle: PreKeyBundle
  readonly reads: PreKeyReads
  record: SessionRecord | undefined
}

interface Wire {
  readonly type: MessageType
  readonly bytes: Uint8Array
}

const random = systemRandom
const plaintext = random.bytes(plaintextBytes)
const nowMs = 0

function newDevice(): Device {
  const own = createIdentity(random.bytes(32), 1)
  const signed = signalSessions.generateSignedPreKey(own, 1, random, nowMs)
  const kyber = signalSessions.generateKyberPreKey(own, 2, random, nowMs)
  const [oneTime] = signalSessions.generatePreKeys(3, 1, random)
  if (oneTime === undefined) throw new Error('no one-time key')
  const bundle = {
    registrationId: 1,
    deviceId: 1,
    identityKey: own.identityKey,
    signedPreKeyId: signed.id,
    signedPreKey: signed.publicKey,
    signedPreKeySignature: signed.signature,
    kyberPreKeyId: kyber.id,
    kyberPreKey: kyber.publicKey,
    kyberPreKeySignature: kyber.signature,
    preKeyId: oneTime.id,
    preKey: oneTime.publicKey,
  }
  // A store gives a fresh object for each read.
  const reads = {
    preKey: () => ({ ...oneTime, privateKey: oneTime.privateKey.slice() }),
    signedPreKey: () => ({ ...signed, privateKey: signed.privateKey.slice() }),
    kyberPreKey: () => ({ ...kyber, privateKey: kyber.privateKey.slice() }),
    wasBaseKeyUsed: () => false,
  }
  return { own, bundle, reads, record: undefined }
}

function initiate(from: Device, to: Device): void {
  // A bundle arrives as bytes of its own.
  const bundle = {
    ...to.bundle,
    identityKey: to.bundle.identityKey.slice(),
    signedPreKey: to.bundle.signedPreKey.slice(),
  }
  const theirIdentityKey = bundle.identityKey
  const result = signalSessions.initiate({ own: from.own, theirIdentityKey, bundle, record: undefined, random, nowMs })
  if (!result.ok) throw new Error(result.reason)
  from.record = result.record
  signalSessions.encodeRecord(from.record)
}

function encrypt(from: Device): Wire {
  if (from.record === undefined) throw new Error('no session')
  const result = signalSessions.encrypt({ own: from.own, record: from.record, plaintext, random, nowMs })
  if (!result.ok) throw new Error(result.reason)
  from.record = result.record
  signalSessions.encodeRecord(from.record)
  // Not the result itself: it holds the record, and thousands of them would be kept with the messages.
  return { type: result.type, bytes: result.bytes }
}

function decrypt(to: Device, from: Device, { type, bytes }: Wire): void {
  const { own, record, reads: preKeys } = to
  const theirIdentityKey = from.own.identityKey
  const result = signalSessions.decrypt({ own, theirIdentityKey, record, type, bytes, preKeys, random, nowMs })
  if (!result.ok) throw new Error(result.reason)
  to.record = result.record
  signalSessions.encodeRecord(to.record)
}

function establishedPair(): readonly [Device, Device] {
  const [a, b] = [newDevice(), newDevice()]
  initiate(a, b)
  decrypt(b, a, encrypt(a))
  decrypt(a, b, encrypt(b))
  return [a, b]
}

export async function measureOurs(): Promise<Timings> {
  // One device opens sessions with many, and one is written to by many: a device has one identity and uses it all day.
  const ours = newDevice()
  const peers = Array.from({ length: total(counts.setup) }, newDevice)
  const records: (SessionRecord | undefined)[] = []
  const initiator = rate(counts.setup, (i) => {
    initiate(ours, peers[i] as Device)
    records[i] = ours.record
  })
  const firstEncrypt = rate(counts.setup, (i) => {
    ours.record = records[i]
    encrypt(ours)
  })
  const firsts = peers.map((peer) => {
    initiate(peer, ours)
    return encrypt(peer)
  })
  const responder = rate(counts.setup, (i) => {
    ours.record = undefined
    decrypt(ours, peers[i] as Device, firsts[i] as Wire)
  })

  const [a, b] = establishedPair()
  const wires: Wire[] = []
  const oneWay = await ratesInTurn(
    counts.messages,
    (i) => void (wires[i] = encrypt(a)),
    (i) => decrypt(b, a, wires[i] as Wire),
  )
  const pingPong = rate(counts.pingPong, (i) => {
    const [from, to] = i % 2 === 0 ? [b, a] : [a, b]
    decrypt(to, from, encrypt(from))
  })
  return {
    initiator,
    firstEncrypt,
    responder,
    oneWayEncrypt: oneWay.write,
    oneWayDecrypt: oneWay.read,
    pingPong,
    ...measureGroups(),
  }
}

function measureGroups(): Timings {
  let own = createSenderKey(random.bytes(16), random)
  const accepted = acceptDistribution(undefined, distributionOf(own))
  if (!accepted.ok) throw new Error(accepted.reason)
  let theirs = accepted.keys
  const wires: Uint8Array[] = []
  const groupEncrypt = rate(counts.group, (i) => {
    const result = encryptToGroup(own, plaintext)
    own = result.own
    encodeOwnSenderKey(own)
    wires[i] = result.bytes
  })
  const groupDecrypt = rate(counts.group, (i) => {
    const result = decryptFromGroup(theirs, wires[i] as Uint8Array)
    if (!result.ok) throw new Error(result.reason)
    theirs = result.keys
    encodeTheirSenderKeys(theirs)
  })
  return { groupEncrypt, groupDecrypt }
}
