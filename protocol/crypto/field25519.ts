/**
 * The birational map between the two forms of Curve25519 (RFC 7748 section 4.1), on public values. BigInt arithmetic is
 * not constant time, so nothing secret may come here.
 */

const fieldPrime: bigint = 2n ** 255n - 19n

/** Order of the prime subgroup, little-endian. */
export const groupOrder: bigint = 2n ** 252n + 27742317777372353535851937790883648493n

/** True for a u or y that is below the field prime and has a clear top bit: each point has one such encoding. */
export function isCanonicalField(bytes: Uint8Array): boolean {
  if (bytes.length !== 32 || (bytes[31] as number) > 0x7f) return false
  if (bytes[31] !== 0x7f || (bytes[0] as number) < 0xed) return true
  for (let i = 1; i < 31; i++) if (bytes[i] !== 0xff) return true
  return false
}

/** True for a little-endian s < L, as strict Ed25519 verification demands (RFC 8032 section 5.1.7). */
export function isCanonicalScalar(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false
  for (let i = 31; i >= 0; i--) {
    const own = bytes[i] as number
    const limit = groupOrderBytes[i] as number
    if (own !== limit) return own < limit
  }
  return false
}

/** u = (1 + y) / (1 - y), 32 bytes; undefined when y is not canonical or is 1 (the neutral point has no u). */
export function montgomeryFromEdwards(publicKey: Uint8Array): Uint8Array | undefined {
  const y = new Uint8Array(publicKey)
  if (y.length !== 32) return undefined
  y[31] = (y[31] as number) & 0x7f
  if (!isCanonicalField(y)) return undefined
  const value = toField(y)
  if (value === 1n) return undefined
  return fromField((1n + value) * inverse(1n - value))
}

/** y = (u - 1) / (u + 1) with the sign of x in the top bit; undefined when u is not canonical or is -1. */
export function edwardsFromMontgomery(u: Uint8Array, sign: 0 | 1): Uint8Array | undefined {
  if (!isCanonicalField(u)) return undefined
  const value = toField(u)
  if (value === fieldPrime - 1n) return undefined
  const y = fromField((value - 1n) * inverse(value + 1n))
  y[31] = (y[31] as number) | (sign << 7)
  return y
}

/** y of the points whose order divides 8: such a public key verifies signatures that nobody made. */
export function isSmallOrderEdwards(publicKey: Uint8Array): boolean {
  const y = new Uint8Array(publicKey)
  y[31] = (y[31] as number) & 0x7f
  return smallOrderY.includes(toField(y))
}

const groupOrderBytes = fromLittleEndian(groupOrder)

const order8Y = 55188659117513257062467267217118295137698188065244968500265048394206261417927n

const smallOrderY = [0n, 1n, fieldPrime - 1n, order8Y, fieldPrime - order8Y]

function toField(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 32)
  return (
    view.getBigUint64(0, true) |
    (view.getBigUint64(8, true) << 64n) |
    (view.getBigUint64(16, true) << 128n) |
    (view.getBigUint64(24, true) << 192n)
  )
}

function fromField(value: bigint): Uint8Array {
  return fromLittleEndian(((value % fieldPrime) + fieldPrime) % fieldPrime)
}

function fromLittleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < 4; i++) view.setBigUint64(8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true)
  return bytes
}

/** Extended Euclid; `value` is not a multiple of the prime. */
function inverse(value: bigint): bigint {
  let a = ((value % fieldPrime) + fieldPrime) % fieldPrime
  let b = fieldPrime
  let x = 1n
  let y = 0n
  while (a > 1n) {
    const quotient = b / a
    ;[b, a] = [a, b - quotient * a]
    ;[y, x] = [x, y - quotient * x]
  }
  return x
}
