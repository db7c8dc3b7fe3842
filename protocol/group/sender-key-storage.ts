/** The stored forms of sender keys: our own, versioned, private to this device. */
import { Secret } from '../crypto/secret.ts'
import { readChain, readTheirChain, writeChain, writeTheirChain } from '../session/chain-storage.ts'
import { senderKeyStatesMax } from '../session/limits.ts'
import { ByteReader, ByteWriter, damaged } from '../session/stored-bytes.ts'
import { distributionIdBytes } from './sender-key-message.ts'
import type { OwnSenderKey, TheirSenderKeys } from './sender-key.ts'

const storedFormat = 1

const writer = new ByteWriter()

export function encodeOwnSenderKey(own: OwnSenderKey): Uint8Array {
  writer.number(storedFormat)
  writer.fixed(own.distributionId)
  writer.number(own.chainId)
  writeChain(writer, own.chain)
  writer.fixed(own.signingSeed.bytes)
  writer.fixed(own.signingKey)
  return writer.take()
}

/** Throws LocalError when the bytes are not a stored own key. */
export function decodeOwnSenderKey(bytes: Uint8Array): OwnSenderKey {
  const reader = readerOf(bytes)
  const distributionId = reader.fixed(distributionIdBytes)
  const chainId = reader.number()
  const chain = readChain(reader)
  const signingSeed = new Secret(reader.fixed(32))
  const signingKey = reader.fixed(32)
  reader.end()
  return { distributionId, chainId, chain, signingSeed, signingKey }
}

export function encodeTheirSenderKeys(theirs: TheirSenderKeys): Uint8Array {
  writer.number(storedFormat)
  writer.fixed(theirs.distributionId)
  writer.list(theirs.keys, (key) => {
    writer.number(key.chainId)
    writer.fixed(key.signingKey)
    writeTheirChain(writer, key)
  })
  return writer.take()
}

/** Throws LocalError when the bytes are not stored keys of a sender. */
export function decodeTheirSenderKeys(bytes: Uint8Array): TheirSenderKeys {
  const reader = readerOf(bytes)
  const distributionId = reader.fixed(distributionIdBytes)
  const keys = reader.list(senderKeyStatesMax, () => ({
    chainId: reader.number(),
    signingKey: reader.fixed(32),
    ...readTheirChain(reader),
  }))
  reader.end()
  return { distributionId, keys }
}

function readerOf(bytes: Uint8Array): ByteReader {
  const reader = new ByteReader(bytes)
  if (reader.number() !== storedFormat) throw damaged()
  return reader
}
