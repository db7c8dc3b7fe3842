/**
 * Custody receipts: a relay signs for what it took, so that "stored" is a promise someone can be held to, and not merely
 * the word of whoever answered.
 */
import { ed25519Sign, ed25519Verify } from '../crypto/primitives.ts'
import { idBytes, type DeviceId } from '../ids.ts'
import { custodyList, type Custody, type CustodyReceipt } from './mailbox.ts'

const purpose = new TextEncoder().encode('linnet custody v1\0')

/** Signs for all of them at once with the relay's 32-byte Ed25519 seed. */
export function signCustody(taken: readonly Custody[], relaySeed: Uint8Array): CustodyReceipt {
  return { taken, signature: ed25519Sign(relaySeed, message(taken)) }
}

/** Whether the relay with this key (the one in its PeerId) signed exactly this list. */
export function verifyCustody({ taken, signature }: CustodyReceipt, relay: DeviceId): boolean {
  return ed25519Verify(idBytes(relay), message(taken), signature)
}

function message(taken: readonly Custody[]): Uint8Array {
  const encoded = custodyList.encode({ taken })
  const bytes = new Uint8Array(purpose.length + encoded.length)
  bytes.set(purpose)
  bytes.set(encoded, purpose.length)
  return bytes
}
