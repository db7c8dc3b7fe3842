/** Small operations on byte strings. No secrets are kept here and nothing here can fail. */

const utf8 = new TextEncoder()

export function utf8Bytes(text: string): Uint8Array {
  return utf8.encode(text)
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Equality in time that depends on the lengths only. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  let difference = 0
  for (let i = 0; i < left.length; i++) difference |= (left[i] as number) ^ (right[i] as number)
  return difference === 0
}

/** Equality of public values, leaving at the first difference. */
export function samePublicBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}

/** Big-endian, 4 bytes. */
export function uint32Be(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}

/** Big-endian, 8 bytes; `value` is a safe integer. */
export function uint64Be(value: number): Uint8Array {
  return concatBytes(uint32Be(Math.floor(value / 0x1_0000_0000)), uint32Be(value % 0x1_0000_0000))
}
