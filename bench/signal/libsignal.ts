/**
 * libsignal-client's side of the benchmark, through its Node binding as its own clients use it: stores that hold
 * serialised records. Taken from the private package of the interop tests, where it is installed by `npm run
 * test:interop`.
 */
import { counts, plaintextBytes, rateAsync, ratesInTurn, total } from './measure.ts'
import type { Timings } from './measure.ts'

// The package is not installed in a clean clone, where this file must still compile.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Foreign = any

// Joined, so that no tool takes a package of the tests for a dependency of the product.
const packageName = ['@signalapp', 'libsignal-client'].join('/')
const path = new URL(`../../test/interop/node_modules/${packageName}/dist/index.js`, import.meta.url).href

interface Device {
  readonly stores: Foreign
  readonly bundle: Foreign
  readonly address: Foreign
}

export async function measureLibsignal(): Promise<Timings> {
  const signal: Foreign = await import(path)
  const plaintext = crypto.getRandomValues(new Uint8Array(plaintextBytes))
  const newDevice = deviceMaker(signal)
  const initiate = async (from: Device, to: Device): Promise<void> => {
    const { sessions, identities } = from.stores
    await signal.processPreKeyBundle(to.bundle, to.address, from.address, sessions, identities)
  }
  const encrypt = async (from: Device, to: Device): Promise<Foreign> => {
    const { sessions, identities } = from.stores
    const message = await signal.signalEncrypt(plaintext, to.address, from.address, sessions, identities)
    return { type: message.type(), bytes: message.serialize() }
  }
  const decrypt = async (to: Device, from: Device, { type, bytes }: Foreign): Promise<void> => {
    const { sessions, identities, preKeys, signed, kyber } = to.stores
    if (type === 3) {
      const message = signal.PreKeySignalMessage.deserialize(bytes)
      const { address } = to
      await signal.signalDecryptPreKey(message, from.address, address, sessions, identities, preKeys, signed, kyber)
    } else {
      const message = signal.SignalMessage.deserialize(bytes)
      await signal.signalDecrypt(message, from.address, to.address, sessions, identities)
    }
  }

  const ours = await newDevice('ours')
  const peers: Device[] = []
  for (let i = 0; i < total(counts.setup); i++) peers.push(await newDevice(`peer${i}`))
  const at = (i: number): Device => peers[i] as Device
  const initiator = await rateAsync(counts.setup, (i) => initiate(ours, at(i)))
  const firstEncrypt = await rateAsync(counts.setup, async (i) => {
    await encrypt(ours, at(i))
  })
  // A device of its own, so that its stores hold no session with the peers yet.
  const responding = await newDevice('responding')
  const firsts: Foreign[] = []
  for (const peer of peers) {
    await responding.stores.preKeys.restore()
    await initiate(peer, responding)
    firsts.push(await encrypt(peer, responding))
  }
  const responder = await rateAsync(counts.setup, async (i) => {
    await responding.stores.preKeys.restore()
    await decrypt(responding, at(i), firsts[i])
  })

  const [a, b] = [await newDevice('a'), await newDevice('b')]
  await initiate(a, b)
  await decrypt(b, a, await encrypt(a, b))
  await decrypt(a, b, await encrypt(b, a))
  const wires: Foreign[] = []
  const oneWay = await ratesInTurn(
    counts.messages,
    async (i) => {
      wires[i] = await encrypt(a, b)
    },
    (i) => decrypt(b, a, wires[i]),
  )
  const pingPong = await rateAsync(counts.pingPong, async (i) => {
    const [from, to] = i % 2 === 0 ? [b, a] : [a, b]
    await decrypt(to, from, await encrypt(from, to))
  })
  const groups = await measureGroups(signal, a, b, plaintext)
  return {
    initiator,
    firstEncrypt,
    responder,
    oneWayEncrypt: oneWay.write,
    oneWayDecrypt: oneWay.read,
    pingPong,
    ...groups,
  }
}

async function measureGroups(signal: Foreign, a: Device, b: Device, plaintext: Uint8Array): Promise<Timings> {
  const id = crypto.randomUUID()
  const { senderKeys: ours } = a.stores
  const { senderKeys: theirs } = b.stores
  const distribution = await signal.SenderKeyDistributionMessage.create(a.address, id, ours)
  await signal.processSenderKeyDistributionMessage(a.address, distribution, theirs)
  const wires: Uint8Array[] = []
  const groupEncrypt = await rateAsync(counts.group, async (i) => {
    const message = await signal.groupEncrypt(a.address, id, ours, plaintext)
    wires[i] = message.serialize()
  })
  const groupDecrypt = await rateAsync(counts.group, async (i) => {
    await signal.groupDecrypt(a.address, theirs, wires[i])
  })
  return { groupEncrypt, groupDecrypt }
}

function deviceMaker(signal: Foreign): (name: string) => Promise<Device> {
  return async (name) => {
    const identity = signal.PrivateKey.generate()
    const stores = newStores(signal, identity)
    const [oneTime, signed] = [signal.PrivateKey.generate(), signal.PrivateKey.generate()]
    const kyber = signal.KEMKeyPair.generate()
    const signature = identity.sign(signed.getPublicKey().serialize())
    const kyberSignature = identity.sign(kyber.getPublicKey().serialize())
    await stores.preKeys.savePreKey(3, signal.PreKeyRecord.new(3, oneTime.getPublicKey(), oneTime))
    const signedRecord = signal.SignedPreKeyRecord.new(1, 0, signed.getPublicKey(), signed, signature)
    await stores.signed.saveSignedPreKey(1, signedRecord)
    await stores.kyber.saveKyberPreKey(2, signal.KyberPreKeyRecord.new(2, 0, kyber, kyberSignature))
    const bundle = signal.PreKeyBundle.new(
      1,
      1,
      3,
      oneTime.getPublicKey(),
      1,
      signed.getPublicKey(),
      signature,
      identity.getPublicKey(),
      2,
      kyber.getPublicKey(),
      kyberSignature,
    )
    return { stores, bundle, address: signal.ProtocolAddress.new(name, 1) }
  }
}

function newStores(signal: Foreign, identity: Foreign): Foreign {
  const held = (): Map<string, Uint8Array> => new Map()
  const [sessions, preKeys, signed, kyber, senderKeys] = [held(), held(), held(), held(), held()]
  const spent = held()
  const read = (from: Map<string, Uint8Array>, key: string, type: Foreign): Foreign => {
    const bytes = from.get(key)
    return bytes === undefined ? null : type.deserialize(bytes)
  }
  class Sessions extends signal.SessionStore {
    async saveSession(address: Foreign, record: Foreign): Promise<void> {
      sessions.set(address.name(), record.serialize())
    }
    async getSession(address: Foreign): Promise<Foreign> {
      return read(sessions, address.name(), signal.SessionRecord)
    }
  }
  class Identities extends signal.IdentityKeyStore {
    async getIdentityKey(): Promise<Foreign> {
      return identity
    }
    async getLocalRegistrationId(): Promise<number> {
      return 1
    }
    async saveIdentity(): Promise<number> {
      return signal.IdentityChange.NewOrUnchanged
    }
    async isTrustedIdentity(): Promise<boolean> {
      return true
    }
    async getIdentity(): Promise<Foreign> {
      return null
    }
  }
  class PreKeys extends signal.PreKeyStore {
    async savePreKey(id: number, record: Foreign): Promise<void> {
      preKeys.set(String(id), record.serialize())
    }
    async getPreKey(id: number): Promise<Foreign> {
      return read(preKeys, String(id), signal.PreKeyRecord)
    }
    async removePreKey(id: number): Promise<void> {
      spent.set(String(id), preKeys.get(String(id)) ?? new Uint8Array())
      preKeys.delete(String(id))
    }
    /** Puts the one-time key back, so that one device can be written to many times. */
    async restore(): Promise<void> {
      for (const [id, record] of spent) preKeys.set(id, record)
    }
  }
  class Signed extends signal.SignedPreKeyStore {
    async saveSignedPreKey(id: number, record: Foreign): Promise<void> {
      signed.set(String(id), record.serialize())
    }
    async getSignedPreKey(id: number): Promise<Foreign> {
      return read(signed, String(id), signal.SignedPreKeyRecord)
    }
  }
  class Kyber extends signal.KyberPreKeyStore {
    async saveKyberPreKey(id: number, record: Foreign): Promise<void> {
      kyber.set(String(id), record.serialize())
    }
    async getKyberPreKey(id: number): Promise<Foreign> {
      return read(kyber, String(id), signal.KyberPreKeyRecord)
    }
    async markKyberPreKeyUsed(): Promise<void> {
      // Last-resort keys are used again.
    }
  }
  class SenderKeys extends signal.SenderKeyStore {
    async saveSenderKey(address: Foreign, id: string, record: Foreign): Promise<void> {
      senderKeys.set(`${address.name()}/${id}`, record.serialize())
    }
    async getSenderKey(address: Foreign, id: string): Promise<Foreign> {
      return read(senderKeys, `${address.name()}/${id}`, signal.SenderKeyRecord)
    }
  }
  return {
    sessions: new Sessions(),
    identities: new Identities(),
    preKeys: new PreKeys(),
    signed: new Signed(),
    kyber: new Kyber(),
    senderKeys: new SenderKeys(),
  }
}
