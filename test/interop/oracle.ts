/**
 * libsignal-client behind the same requests as `peer.ts`. The only file that loads it, in a process of its own;
 * nothing of the product imports this. It is loaded by a computed name because it is installed here only when
 * somebody asks for it.
 */
import { base64, bytes, number, Refusal, serve, text } from './json-lines.ts'
import type { Answer, Request } from './json-lines.ts'

// The package's types are not there in a clean clone, where this file must still compile.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Foreign = any

const packageName = '@signalapp/libsignal-client'
const signal: Foreign = await import(packageName)

interface Device {
  readonly stores: Foreign
  readonly identity: Foreign
  readonly registrationId: number
  readonly records: Map<string, Uint8Array>
  nextId: number
}

const devices = new Map<string, Device>()

function createDevice(): Device {
  const identity = signal.PrivateKey.generate()
  const registrationId = 1 + Math.floor(Math.random() * 16_000)
  const records = new Map<string, Uint8Array>()
  const known = new Map<string, Foreign>()
  const kept = { preKeys: new Map(), signed: new Map(), kyber: new Map(), senderKeys: new Map() }
  const nameOf = (address: Foreign): string => address.name()
  const need = (from: Map<number, Foreign>, id: number): Foreign => {
    const found = from.get(id)
    if (found === undefined) throw new Error('unknown prekey')
    return found
  }
  class Sessions extends signal.SessionStore {
    async saveSession(address: Foreign, record: Foreign): Promise<void> {
      records.set(nameOf(address), record.serialize())
    }
    async getSession(address: Foreign): Promise<Foreign> {
      const stored = records.get(nameOf(address))
      return stored === undefined ? null : signal.SessionRecord.deserialize(stored)
    }
  }
  class Identities extends signal.IdentityKeyStore {
    async getIdentityKey(): Promise<Foreign> {
      return identity
    }
    async getLocalRegistrationId(): Promise<number> {
      return registrationId
    }
    async saveIdentity(address: Foreign, key: Foreign): Promise<number> {
      known.set(nameOf(address), key)
      return signal.IdentityChange.NewOrUnchanged
    }
    async isTrustedIdentity(address: Foreign, key: Foreign): Promise<boolean> {
      const before = known.get(nameOf(address))
      return before === undefined || Buffer.from(before.serialize()).equals(Buffer.from(key.serialize()))
    }
    async getIdentity(address: Foreign): Promise<Foreign> {
      return known.get(nameOf(address)) ?? null
    }
  }
  class PreKeys extends signal.PreKeyStore {
    async savePreKey(id: number, record: Foreign): Promise<void> {
      kept.preKeys.set(id, record)
    }
    async getPreKey(id: number): Promise<Foreign> {
      return need(kept.preKeys, id)
    }
    async removePreKey(id: number): Promise<void> {
      kept.preKeys.delete(id)
    }
  }
  class Signed extends signal.SignedPreKeyStore {
    async saveSignedPreKey(id: number, record: Foreign): Promise<void> {
      kept.signed.set(id, record)
    }
    async getSignedPreKey(id: number): Promise<Foreign> {
      return need(kept.signed, id)
    }
  }
  class Kyber extends signal.KyberPreKeyStore {
    async saveKyberPreKey(id: number, record: Foreign): Promise<void> {
      kept.kyber.set(id, record)
    }
    async getKyberPreKey(id: number): Promise<Foreign> {
      return need(kept.kyber, id)
    }
    async markKyberPreKeyUsed(): Promise<void> {
      // Last-resort keys are used again.
    }
  }
  class SenderKeys extends signal.SenderKeyStore {
    async saveSenderKey(sender: Foreign, id: string, record: Foreign): Promise<void> {
      kept.senderKeys.set(`${nameOf(sender)}/${id}`, record.serialize())
    }
    async getSenderKey(sender: Foreign, id: string): Promise<Foreign> {
      const stored = kept.senderKeys.get(`${nameOf(sender)}/${id}`)
      return stored === undefined ? null : signal.SenderKeyRecord.deserialize(stored)
    }
  }
  const stores = {
    sessions: new Sessions(),
    identities: new Identities(),
    preKeys: new PreKeys(),
    signed: new Signed(),
    kyber: new Kyber(),
    senderKeys: new SenderKeys(),
  }
  return { stores, identity, registrationId, records, nextId: 1 }
}

const deviceOf = (request: Request): Device => {
  const device = devices.get(text(request, 'name'))
  if (device === undefined) throw new Refusal('unknown-name')
  return device
}
const address = (request: Request, field: string): Foreign => signal.ProtocolAddress.new(text(request, field), 1)

await serve(
  refusing({
    create(request) {
      const device = createDevice()
      devices.set(text(request, 'name'), device)
      const identityKey = base64(device.identity.getPublicKey().serialize())
      return { identityKey, registrationId: device.registrationId }
    },

    async bundle(request) {
      const device = deviceOf(request)
      const signed = signal.PrivateKey.generate()
      const kyber = signal.KEMKeyPair.generate()
      const signedId = device.nextId++
      const kyberId = device.nextId++
      const signedPublic = signed.getPublicKey().serialize()
      const kyberPublic = kyber.getPublicKey().serialize()
      const signedSignature = device.identity.sign(signedPublic)
      const kyberSignature = device.identity.sign(kyberPublic)
      await device.stores.signed.saveSignedPreKey(
        signedId,
        signal.SignedPreKeyRecord.new(signedId, Date.now(), signed.getPublicKey(), signed, signedSignature),
      )
      await device.stores.kyber.saveKyberPreKey(
        kyberId,
        signal.KyberPreKeyRecord.new(kyberId, Date.now(), kyber, kyberSignature),
      )
      const bundle = {
        registrationId: device.registrationId,
        deviceId: 1,
        identityKey: base64(device.identity.getPublicKey().serialize()),
        signedPreKeyId: signedId,
        signedPreKey: base64(signedPublic),
        signedPreKeySignature: base64(signedSignature),
        kyberPreKeyId: kyberId,
        kyberPreKey: base64(kyberPublic),
        kyberPreKeySignature: base64(kyberSignature),
      }
      if (request['oneTime'] !== true) return { bundle }
      const oneTime = signal.PrivateKey.generate()
      const preKeyId = device.nextId++
      const record = signal.PreKeyRecord.new(preKeyId, oneTime.getPublicKey(), oneTime)
      await device.stores.preKeys.savePreKey(preKeyId, record)
      return { bundle: { ...bundle, preKeyId, preKey: base64(oneTime.getPublicKey().serialize()) } }
    },

    async initiate(request) {
      const { stores } = deviceOf(request)
      const fields = request['bundle'] as Request
      const key = (field: string): Foreign => signal.PublicKey.deserialize(bytes(fields, field))
      const hasOneTime = fields['preKey'] !== undefined
      const bundle = signal.PreKeyBundle.new(
        number(fields, 'registrationId'),
        number(fields, 'deviceId'),
        hasOneTime ? number(fields, 'preKeyId') : null,
        hasOneTime ? key('preKey') : null,
        number(fields, 'signedPreKeyId'),
        key('signedPreKey'),
        bytes(fields, 'signedPreKeySignature'),
        key('identityKey'),
        number(fields, 'kyberPreKeyId'),
        signal.KEMPublicKey.deserialize(bytes(fields, 'kyberPreKey')),
        bytes(fields, 'kyberPreKeySignature'),
      )
      await signal.processPreKeyBundle(
        bundle,
        address(request, 'peer'),
        address(request, 'name'),
        stores.sessions,
        stores.identities,
      )
      return {}
    },

    async encrypt(request) {
      const { stores } = deviceOf(request)
      const message = await signal.signalEncrypt(
        bytes(request, 'plaintext'),
        address(request, 'peer'),
        address(request, 'name'),
        stores.sessions,
        stores.identities,
      )
      return { type: message.type(), bytes: base64(message.serialize()) }
    },

    async decrypt(request) {
      const { stores } = deviceOf(request)
      const from = address(request, 'peer')
      const to = address(request, 'name')
      const message = bytes(request, 'bytes')
      const { sessions, identities } = stores
      const plaintext =
        number(request, 'type') === 3
          ? await signal.signalDecryptPreKey(
              signal.PreKeySignalMessage.deserialize(message),
              from,
              to,
              sessions,
              identities,
              stores.preKeys,
              stores.signed,
              stores.kyber,
            )
          : await signal.signalDecrypt(signal.SignalMessage.deserialize(message), from, to, sessions, identities)
      return { plaintext: base64(plaintext) }
    },

    async 'group-create'(request) {
      const { stores } = deviceOf(request)
      const id = text(request, 'distributionId')
      const message = await signal.SenderKeyDistributionMessage.create(address(request, 'name'), id, stores.senderKeys)
      return { bytes: base64(message.serialize()) }
    },

    async 'group-process'(request) {
      const { stores } = deviceOf(request)
      const message = signal.SenderKeyDistributionMessage.deserialize(bytes(request, 'bytes'))
      await signal.processSenderKeyDistributionMessage(address(request, 'sender'), message, stores.senderKeys)
      return {}
    },

    async 'group-encrypt'(request) {
      const { stores } = deviceOf(request)
      const id = text(request, 'distributionId')
      const message = await signal.groupEncrypt(
        address(request, 'name'),
        id,
        stores.senderKeys,
        bytes(request, 'plaintext'),
      )
      return { bytes: base64(message.serialize()) }
    },

    async 'group-decrypt'(request) {
      const { stores } = deviceOf(request)
      const plaintext = await signal.groupDecrypt(
        address(request, 'sender'),
        stores.senderKeys,
        bytes(request, 'bytes'),
      )
      return { plaintext: base64(plaintext) }
    },

    fingerprint(request) {
      const { identity } = deviceOf(request)
      const encoder = new TextEncoder()
      const fingerprint = signal.Fingerprint.new(
        5200,
        2,
        encoder.encode(text(request, 'localId')),
        identity.getPublicKey(),
        encoder.encode(text(request, 'peerId')),
        signal.PublicKey.deserialize(bytes(request, 'peerIdentityKey')),
      )
      const scannable = fingerprint.scannableFingerprint().toBuffer()
      return { digits: fingerprint.displayableFingerprint().toString(), scannable: base64(scannable) }
    },

    sign: (request) => ({ signature: base64(deviceOf(request).identity.sign(bytes(request, 'message'))) }),

    verify(request) {
      const key = signal.PublicKey.deserialize(bytes(request, 'identityKey'))
      return { valid: key.verify(bytes(request, 'message'), bytes(request, 'signature')) }
    },

    export(request) {
      const stored = deviceOf(request).records.get(text(request, 'peer'))
      if (stored === undefined) throw new Refusal('no-session')
      return { session: base64(stored) }
    },

    import(request) {
      deviceOf(request).records.set(text(request, 'peer'), bytes(request, 'session'))
      return {}
    },
  }),
)

/** Whatever the library throws is its refusal; the kind is in the error's name. */
function refusing(
  operations: Record<string, (request: Request) => Answer | Promise<Answer>>,
): Record<string, (request: Request) => Promise<Answer>> {
  const wrapped = Object.entries(operations).map(([name, operation]) => {
    const asRefusal = async (request: Request): Promise<Answer> => {
      try {
        return await operation(request)
      } catch (error) {
        const code = (error as { code?: number }).code
        const kind = code === undefined ? undefined : (signal.ErrorCode[code] as string | undefined)
        throw new Refusal(`${kind ?? (error as Error).name}: ${(error as Error).message}`)
      }
    }
    return [name, asRefusal] as const
  })
  return Object.fromEntries(wrapped)
}
