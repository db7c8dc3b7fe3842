/**
 * Signatures of cards and custody receipts without their arithmetic, for runs of thousands of devices: a checksum of key and
 * message. Installed in the provider of this process, and only where a run says so; the rules above do not know.
 */
import { equalBytes } from '../../../protocol/crypto/bytes.ts'
import { provider } from '../../../protocol/crypto/platform.ts'
import type { Provider } from '../../../protocol/crypto/provider.ts'
import { putUint32, sum } from './model-message.ts'

/** Until what is returned is called, nothing in this process signs or verifies for real. */
export function withoutSignatures(): () => void {
  const real: Provider = { ...provider }
  const publicKeys = new Map<Uint8Array, Uint8Array>()
  const replaceable: { -readonly [K in keyof Provider]: Provider[K] } = provider
  replaceable.ed25519Sign = (seed, message) => {
    let publicKey = publicKeys.get(seed)
    if (publicKey === undefined) publicKeys.set(seed, (publicKey = provider.ed25519PublicKey(seed)))
    return signatureOf(publicKey, message)
  }
  replaceable.ed25519Verify = (publicKey, message, signature) => {
    const expected = signatureOf(publicKey, message)
    return equalBytes(expected, signature)
  }
  return () => Object.assign(replaceable, real)
}

function signatureOf(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  const hash = sum(sum(0x811c9dc5, publicKey, 0, publicKey.length), message, 0, message.length)
  putUint32(signature, 0, hash)
  return signature
}
