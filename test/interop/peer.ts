/**
 * Our session layer on stdio, so that any tool can drive it: `node test/interop/peer.ts [--seed <text>]`. One JSON
 * request a line, one answer a line, in order; bytes are base64, keys and messages in libsignal's serialised forms.
 *
 * Sessions are kept in their stored form between requests, so every request also proves that the stored form is
 * whole. The identity of a peer is the first one seen under its name.
 */
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import { xeddsaSignWithSeed, xeddsaVerify } from '../../protocol/crypto/xeddsa.ts'
import {
  acceptDistribution,
  createSenderKey,
  decryptFromGroup,
  distributionOf,
  encryptToGroup,
} from '../../protocol/group/sender-key.ts'
import { decodeDistribution, decodeSenderKeyMessage } from '../../protocol/group/sender-key-message.ts'
import {
  decodeOwnSenderKey,
  decodeTheirSenderKeys,
  encodeOwnSenderKey,
  encodeTheirSenderKeys,
} from '../../protocol/group/sender-key-storage.ts'
import { fingerprintIterations, fingerprintOf } from '../../protocol/session/fingerprint.ts'
import { decodePreKeySignalMessage } from '../../protocol/session/messages.ts'
import { SignalRecord } from '../../protocol/session/record.ts'
import { createIdentity, signalSessions } from '../../protocol/session/signal.ts'
import type {
  BaseKeyMark,
  KyberPreKey,
  OwnIdentity,
  PreKey,
  PreKeyBundle,
  SessionRecord,
  SignedPreKey,
  UsedPreKeys,
} from '../../protocol/session/types.ts'
import { base64, bytes, number, Refusal, serve, text } from './json-lines.ts'
import type { Answer, Request } from './json-lines.ts'
import { seededRandom } from './seeded-random.ts'

interface Device {
  readonly own: OwnIdentity
  readonly preKeys: Map<number, PreKey>
  readonly signedPreKeys: Map<number, SignedPreKey>
  readonly kyberPreKeys: Map<number, KyberPreKey>
  readonly marks: Set<string>
  /** By the peer's name. */
  readonly identities: Map<string, Uint8Array>
  readonly records: Map<string, Uint8Array>
  /** By distribution id. */
  readonly ownSenderKeys: Map<string, Uint8Array>
  /** By the sender's name and distribution id. */
  readonly senderKeys: Map<string, Uint8Array>
  nextId: number
}

const seedArgument = process.argv.indexOf('--seed')
const random = seedArgument < 0 ? systemRandom : seededRandom(process.argv[seedArgument + 1] ?? '')
const devices = new Map<string, Device>()
const now = (): number => Date.now()

await serve({
  create(request) {
    const [high = 0, low = 0] = random.bytes(2)
    const own = createIdentity(random.bytes(32), 1 + ((high * 256 + low) % 16_380))
    devices.set(text(request, 'name'), {
      own,
      preKeys: new Map(),
      signedPreKeys: new Map(),
      kyberPreKeys: new Map(),
      marks: new Set(),
      identities: new Map(),
      records: new Map(),
      ownSenderKeys: new Map(),
      senderKeys: new Map(),
      nextId: 1,
    })
    return { identityKey: base64(own.identityKey), registrationId: own.registrationId }
  },

  bundle(request) {
    const device = deviceOf(request)
    const signed = signalSessions.generateSignedPreKey(device.own, device.nextId++, random, now())
    const kyber = signalSessions.generateKyberPreKey(device.own, device.nextId++, random, now())
    device.signedPreKeys.set(signed.id, signed)
    device.kyberPreKeys.set(kyber.id, kyber)
    const bundle = {
      registrationId: device.own.registrationId,
      deviceId: 1,
      identityKey: base64(device.own.identityKey),
      signedPreKeyId: signed.id,
      signedPreKey: base64(signed.publicKey),
      signedPreKeySignature: base64(signed.signature),
      kyberPreKeyId: kyber.id,
      kyberPreKey: base64(kyber.publicKey),
      kyberPreKeySignature: base64(kyber.signature),
    }
    if (request['oneTime'] !== true) return { bundle }
    const [oneTime] = signalSessions.generatePreKeys(device.nextId++, 1, random)
    if (oneTime === undefined) return { bundle }
    device.preKeys.set(oneTime.id, oneTime)
    return { bundle: { ...bundle, preKeyId: oneTime.id, preKey: base64(oneTime.publicKey) } }
  },

  initiate(request) {
    const device = deviceOf(request)
    const peer = text(request, 'peer')
    const bundle = bundleOf(request['bundle'] as Request)
    const theirIdentityKey = device.identities.get(peer) ?? bundle.identityKey
    const record = recordOf(device, peer)
    const { own } = device
    const result = signalSessions.initiate({ own, theirIdentityKey, bundle, record, random, nowMs: now() })
    if (!result.ok) throw new Refusal(result.reason)
    device.identities.set(peer, theirIdentityKey)
    keep(device, peer, result.record)
    return {}
  },

  encrypt(request) {
    const device = deviceOf(request)
    const peer = text(request, 'peer')
    const record = recordOf(device, peer)
    if (record === undefined) throw new Refusal('no-session')
    const plaintext = bytes(request, 'plaintext')
    const result = signalSessions.encrypt({ own: device.own, record, plaintext, random, nowMs: now() })
    if (!result.ok) throw new Refusal(result.reason)
    keep(device, peer, result.record)
    return { type: result.type, bytes: base64(result.bytes) }
  },

  decrypt(request) {
    const device = deviceOf(request)
    const peer = text(request, 'peer')
    const type = number(request, 'type') === 3 ? 3 : 2
    const message = bytes(request, 'bytes')
    const theirIdentityKey = device.identities.get(peer) ?? firstIdentityOf(message, type)
    const result = signalSessions.decrypt({
      own: device.own,
      theirIdentityKey,
      record: recordOf(device, peer),
      type,
      bytes: message,
      preKeys: readsOf(device),
      random,
      nowMs: now(),
    })
    if (!result.ok) throw new Refusal(result.reason)
    device.identities.set(peer, theirIdentityKey)
    keep(device, peer, result.record)
    useUp(device, result.used)
    return { plaintext: base64(result.plaintext) }
  },

  'group-create'(request) {
    const device = deviceOf(request)
    const own = createSenderKey(bytesOfUuid(text(request, 'distributionId')), random)
    device.ownSenderKeys.set(hexOf(own.distributionId), encodeOwnSenderKey(own))
    return { bytes: base64(distributionOf(own)) }
  },

  'group-process'(request) {
    const device = deviceOf(request)
    const distribution = bytes(request, 'bytes')
    const parts = decodeDistribution(distribution)
    if (typeof parts === 'string') throw new Refusal(parts)
    const place = `${text(request, 'sender')}/${hexOf(parts.distributionId)}`
    const stored = device.senderKeys.get(place)
    const result = acceptDistribution(stored && decodeTheirSenderKeys(stored), distribution)
    if (!result.ok) throw new Refusal(result.reason)
    device.senderKeys.set(place, encodeTheirSenderKeys(result.keys))
    return {}
  },

  'group-encrypt'(request) {
    const device = deviceOf(request)
    const place = hexOf(bytesOfUuid(text(request, 'distributionId')))
    const stored = device.ownSenderKeys.get(place)
    if (stored === undefined) throw new Refusal('unknown-key')
    const result = encryptToGroup(decodeOwnSenderKey(stored), bytes(request, 'plaintext'))
    device.ownSenderKeys.set(place, encodeOwnSenderKey(result.own))
    return { bytes: base64(result.bytes) }
  },

  'group-decrypt'(request) {
    const device = deviceOf(request)
    const message = bytes(request, 'bytes')
    const parts = decodeSenderKeyMessage(message)
    if (typeof parts === 'string') throw new Refusal(parts)
    const place = `${text(request, 'sender')}/${hexOf(parts.distributionId)}`
    const stored = device.senderKeys.get(place)
    const result = decryptFromGroup(stored && decodeTheirSenderKeys(stored), message)
    if (!result.ok) throw new Refusal(result.reason)
    device.senderKeys.set(place, encodeTheirSenderKeys(result.keys))
    return { plaintext: base64(result.plaintext) }
  },

  fingerprint(request) {
    const local = {
      id: new TextEncoder().encode(text(request, 'localId')),
      identityKey: deviceOf(request).own.identityKey,
    }
    const remote = {
      id: new TextEncoder().encode(text(request, 'peerId')),
      identityKey: bytes(request, 'peerIdentityKey'),
    }
    const { digits, scannable } = fingerprintOf(local, remote, fingerprintIterations)
    return { digits, scannable: base64(scannable) }
  },

  sign: (request) => ({ signature: base64(xeddsaSignWithSeed(deviceOf(request).own.seed, bytes(request, 'message'))) }),

  verify: (request) => ({
    valid: xeddsaVerify(bytes(request, 'identityKey').slice(1), bytes(request, 'message'), bytes(request, 'signature')),
  }),

  export(request) {
    const stored = deviceOf(request).records.get(text(request, 'peer'))
    if (stored === undefined) throw new Refusal('no-session')
    return { session: base64(stored) }
  },

  import(request) {
    const record = signalSessions.decodeRecord(bytes(request, 'session'))
    const device = deviceOf(request)
    const peer = text(request, 'peer')
    device.identities.set(peer, SignalRecord.open(record).current.theirIdentityKey)
    keep(device, peer, record)
    return {}
  },
} satisfies Record<string, (request: Request) => Answer>)

function deviceOf(request: Request): Device {
  const device = devices.get(text(request, 'name'))
  if (device === undefined) throw new Refusal('unknown-name')
  return device
}

function recordOf(device: Device, peer: string): SessionRecord | undefined {
  const stored = device.records.get(peer)
  return stored && signalSessions.decodeRecord(stored)
}

function keep(device: Device, peer: string, record: SessionRecord): void {
  device.records.set(peer, signalSessions.encodeRecord(record))
}

function readsOf(device: Device): Parameters<typeof signalSessions.decrypt>[0]['preKeys'] {
  return {
    preKey: (id) => device.preKeys.get(id),
    signedPreKey: (id) => device.signedPreKeys.get(id),
    kyberPreKey: (id) => device.kyberPreKeys.get(id),
    wasBaseKeyUsed: (mark) => device.marks.has(nameOf(mark)),
  }
}

function useUp(device: Device, used: UsedPreKeys | undefined): void {
  if (used === undefined) return
  if (used.preKeyId !== undefined) device.preKeys.delete(used.preKeyId)
  device.marks.add(nameOf(used.mark))
}

function nameOf({ signedPreKeyId, kyberPreKeyId, baseKey }: BaseKeyMark): string {
  return `${signedPreKeyId}/${kyberPreKeyId}/${hexOf(baseKey)}`
}

function firstIdentityOf(message: Uint8Array, type: 2 | 3): Uint8Array {
  if (type === 2) throw new Refusal('no-session')
  const first = decodePreKeySignalMessage(message)
  if (typeof first === 'string') throw new Refusal(first)
  return first.identityKey
}

function bundleOf(fields: Request): PreKeyBundle {
  const bundle = {
    registrationId: number(fields, 'registrationId'),
    deviceId: number(fields, 'deviceId'),
    identityKey: bytes(fields, 'identityKey'),
    signedPreKeyId: number(fields, 'signedPreKeyId'),
    signedPreKey: bytes(fields, 'signedPreKey'),
    signedPreKeySignature: bytes(fields, 'signedPreKeySignature'),
    kyberPreKeyId: number(fields, 'kyberPreKeyId'),
    kyberPreKey: bytes(fields, 'kyberPreKey'),
    kyberPreKeySignature: bytes(fields, 'kyberPreKeySignature'),
  }
  if (fields['preKey'] === undefined) return bundle
  return { ...bundle, preKeyId: number(fields, 'preKeyId'), preKey: bytes(fields, 'preKey') }
}

function bytesOfUuid(uuid: string): Uint8Array {
  return new Uint8Array(Buffer.from(uuid.replaceAll('-', ''), 'hex'))
}

function hexOf(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}
