/** Keys that were converted before. */
import { identityKeyOf } from '../../../protocol/crypto/primitives.ts'
import { deviceIdOf } from '../../../protocol/ids.ts'

const known = new Map<string, Uint8Array>()

/** A relay is asked about the same devices again and again, and the arithmetic is not what is simulated here. */
export function knownIdentityKeyOf(publicKey: Uint8Array): Uint8Array {
  const name = deviceIdOf(publicKey)
  let key = known.get(name)
  if (key === undefined) known.set(name, (key = identityKeyOf(publicKey)))
  return key
}
