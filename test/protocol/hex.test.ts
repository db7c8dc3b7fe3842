import { bytesToHex as known, hexToBytes as knownBack } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesToHex, hexToBytes } from '../../protocol/hex.ts'

test('as the library that everybody uses has it, both ways and in either case', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = known(bytes)
      expect(bytesToHex(bytes)).toBe(text)
      expect(hexToBytes(text)).toEqual(knownBack(text))
      expect(hexToBytes(text.toUpperCase())).toEqual(bytes)
    }),
  )
})

test.each(['a', 'abc', 'zz', '0g', 'g0', ' 0', '0\u0130', '\u{1f600}'])('%j is refused', (text) => {
  expect(() => hexToBytes(text)).toThrow(RangeError)
})
