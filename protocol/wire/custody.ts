/**
 * Custody receipts: a relay signs for what it took, so that "stored" is a promise someone can be held to, and not merely
 * the word of whoever answered.
 */
import { device, envelopeId, timeMs } from '../codec/fields.ts'
import { struct, type Codec } from '../codec/schema.ts'
import { ed25519Sign, ed25519Verify } from '../crypto/primitives.ts'
import { idBytes, type DeviceId } from '../ids.ts'
import type { CustodyReceipt } from './mailbox.ts'

type Signed = Omit<CustodyReceipt, 'signature'>

const signed: Codec<Signed> = struct<Signed>({
  mailbox: [1, device],
  id: [2, envelopeId],
  storedMs: [3, timeMs],
  expiresMs: [4, timeMs],
})

const purpose = new TextEncoder().encode('linnet custody v1\0')

/** Signs with the relay's 32-byte Ed25519 seed. */
export function signCustody(receipt: Signed, relaySeed: Uint8Array): CustodyReceipt {
  return { ...receipt, signature: ed25519Sign(relaySeed, message(receipt)) }
}

/** Whether the relay with this key (the one in its PeerId) signed exactly this. */
export function verifyCustody(receipt: CustodyReceipt, relay: DeviceId): boolean {
  return ed25519Verify(idBytes(relay), message(receipt), receipt.signature)
}

function message({ mailbox, id, storedMs, expiresMs }: Signed): Uint8Array {
  const encoded = signed.encode({ mailbox, id, storedMs, expiresMs })
  const bytes = new Uint8Array(purpose.length + encoded.length)
  bytes.set(purpose)
  bytes.set(encoded, purpose.length)
  return bytes
}
