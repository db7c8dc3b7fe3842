/** The sealed form without its arithmetic: for whom, a checksum, and the message in the clear, padded as the real one is. */
import { idBytes, type DeviceId } from '../../../protocol/ids.ts'
import { sealedMessage, type SealedMessage, type Sealing } from '../../../protocol/wire/sealed.ts'
import { putUint32, sum, uint32At, zeroed } from './model-message.ts'

const headBytes = 1 + 32 + 4 + 4
const bucketBytesMin = 512
const realOverheadBytes = 49

const keys = new Map<DeviceId, Uint8Array>()

function keyOf(device: DeviceId): Uint8Array {
  let key = keys.get(device)
  if (key === undefined) keys.set(device, (key = idBytes(device)))
  return key
}

export const modelSealing: Sealing = {
  seal(recipient, message) {
    const encoded = sealedMessage.encode(message)
    let bucket = bucketBytesMin
    while (bucket < encoded.length + 1) bucket *= 2
    const sealed = zeroed(Math.max(bucket + realOverheadBytes, headBytes + encoded.length))
    sealed[0] = 1
    sealed.set(keyOf(recipient), 1)
    putUint32(sealed, 33, encoded.length)
    sealed.set(encoded, headBytes)
    putUint32(sealed, 37, sum(0x811c9dc5, encoded, 0, encoded.length))
    return sealed
  },

  open(own, sealed) {
    for (let i = 0; i < 32; i++) if (sealed[1 + i] !== own.publicKey[i]) return undefined
    return readSealed(sealed)
  },
}

/** What is inside, for whoever looks on. */
export function readSealed(sealed: Uint8Array): SealedMessage | undefined {
  if (sealed[0] !== 1 || sealed.length < headBytes) return undefined
  const length = uint32At(sealed, 33)
  if (headBytes + length > sealed.length) return undefined
  const encoded = sealed.subarray(headBytes, headBytes + length)
  if (uint32At(sealed, 37) !== sum(0x811c9dc5, encoded, 0, length) >>> 0) return undefined
  return sealedMessage.decode(encoded)
}
