/**
 * Hexadecimal, which ids are in memory. Every message has a handful of them, and each is looked up at once: text put together
 * pair by pair, as `@noble/hashes` does it, is laid out again at its first lookup, which makes it four times as slow.
 */

const digits = '0123456789abcdef'
const codes: readonly number[] = Array.from(digits, (digit) => digit.charCodeAt(0))
const values = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value++) {
  values[digits.charCodeAt(value)] = value
  values[digits.toUpperCase().charCodeAt(value)] = value
}

/** Text is put together here, by its length, so that nothing else is made for it. */
const drafts: number[][] = []
const bytesMax = 64

/** Two lower-case digits a byte. */
export function bytesToHex(bytes: Uint8Array): string {
  const { length } = bytes
  if (length > bytesMax) return bytesToHex(bytes.subarray(0, bytesMax)) + bytesToHex(bytes.subarray(bytesMax))
  const draft = (drafts[length] ??= Array.from({ length: 2 * length }, () => 0))
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] as number
    draft[2 * i] = codes[byte >> 4] as number
    draft[2 * i + 1] = codes[byte & 15] as number
  }
  return String.fromCharCode(...draft)
}

/** Either case. Throws RangeError unless the text is pairs of hexadecimal digits. */
export function hexToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1)
  let all = text.length & 1 ? -1 : 0
  for (let i = 0; i < bytes.length; i++) {
    const [high, low] = [values[text.charCodeAt(2 * i)] ?? -1, values[text.charCodeAt(2 * i + 1)] ?? -1]
    all |= high | low
    bytes[i] = (high << 4) | low
  }
  if (all < 0) throw new RangeError('not pairs of hexadecimal digits')
  return bytes
}
