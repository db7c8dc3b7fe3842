/**
 * What ties each epoch of the braid to the session (ML-KEM Braid section 2.4): a key that every epoch's secret is
 * mixed into, and MACs over headers and ciphertexts. Without it, whoever breaks the classical ratchet could put in
 * KEM keys of their own.
 */
import { concatBytes, utf8Bytes, uint64Be } from '../../crypto/bytes.ts'
import { hkdfSha256, hmacSha256 } from '../../crypto/primitives.ts'
import { Secret } from '../../crypto/secret.ts'

const hashLabel = 'Signal_PQCKA_V1_MLKEM768'

export const pqMacBytes = 32

export interface Authenticator {
  readonly rootKey: Secret
  readonly macKey: Secret
}

export function startAuthenticator(authKey: Uint8Array): Authenticator {
  const zero = new Secret(new Uint8Array(32))
  return updateAuthenticator({ rootKey: zero, macKey: zero }, 1, authKey)
}

export function updateAuthenticator(from: Authenticator, epoch: number, secret: Uint8Array): Authenticator {
  const input = concatBytes(from.rootKey.bytes, secret)
  const output = hkdfSha256(input, undefined, labelled(':Authenticator Update', epoch), 64)
  input.fill(0)
  const updated = { rootKey: new Secret(output.slice(0, 32)), macKey: new Secret(output.slice(32)) }
  output.fill(0)
  return updated
}

export function headerMac(by: Authenticator, epoch: number, header: Uint8Array): Uint8Array {
  return hmacSha256(by.macKey.bytes, labelled(':ekheader', epoch), header)
}

export function ciphertextMac(by: Authenticator, epoch: number, ct1: Uint8Array, ct2: Uint8Array): Uint8Array {
  return hmacSha256(by.macKey.bytes, labelled(':ciphertext', epoch), ct1, ct2)
}

/** The secret an epoch gives to the key schedule, 32 bytes. Wipes the KEM's. */
export function epochSecret(kemSecret: Uint8Array, epoch: number): Uint8Array {
  const secret = hkdfSha256(kemSecret, undefined, labelled(':SCKA Key', epoch), 32)
  kemSecret.fill(0)
  return secret
}

function labelled(suffix: string, epoch: number): Uint8Array {
  return concatBytes(utf8Bytes(hashLabel + suffix), uint64Be(epoch))
}
