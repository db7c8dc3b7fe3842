/** The pieces of the post-quantum ratchet, each against something that is not itself. */
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../../../protocol/crypto/bytes.ts'
import { decoded, decoder, encoder, nextChunk, withChunk } from '../../../../protocol/session/spqr/erasure.ts'
import { addScaled, lagrangeWeights, multiply } from '../../../../protocol/session/spqr/gf16.ts'
import {
  encapsulateFirst,
  encapsulateSecond,
  generateKeys,
  matchesHeader,
} from '../../../../protocol/session/spqr/incremental-kem.ts'
import {
  compressAndPack,
  quotient,
  reduce,
  reducibleMax,
  ringModulus,
  unpack12,
} from '../../../../protocol/session/spqr/lattice.ts'
import { decodePqMessage, encodePqMessage } from '../../../../protocol/session/spqr/message.ts'
import type { PqMessage } from '../../../../protocol/session/spqr/message.ts'
import { seededRandom } from '../../../interop/seeded-random.ts'

describe('the field', () => {
  /** Multiplication by the book: shift and reduce. */
  const slowly = (left: number, right: number): number => {
    let product = 0
    for (let bit = 0, factor = left; bit < 16; bit++) {
      if ((right & (1 << bit)) !== 0) product ^= factor
      factor <<= 1
      if (factor > 0xffff) factor ^= 0x1100b
    }
    return product
  }
  const element = fc.integer({ min: 0, max: 0xffff })

  test('multiplies', () => {
    fc.assert(
      fc.property(element, element, (left, right) => multiply(left, right) === slowly(left, right)),
      { numRuns: 2000 },
    )
  })

  test('scales sums', () => {
    fc.assert(
      fc.property(
        fc.array(element, { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 1, max: 0xffff }),
        (values, factor) => {
          const sums = new Uint16Array(4)
          const bytes = Uint8Array.from(values.flatMap((value) => [value >> 8, value & 255]))
          addScaled(sums, bytes, 0, factor)
          expect([...sums]).toEqual(values.map((value) => slowly(value, factor)))
        },
      ),
    )
  })

  test('weights give back a polynomial at any point', () => {
    const polynomial = [5, 70, 900, 12_345]
    const at = (x: number): number => polynomial.reduceRight((sum, coefficient) => slowly(sum, x) ^ coefficient, 0)
    const nodes = [3, 17, 40_000, 65_535]
    for (const x of [0, 1, 2, 1000, 54_321]) {
      const sum = lagrangeWeights(nodes, x).reduce((total, weight, i) => total ^ slowly(weight, at(nodes[i]!)), 0)
      expect(sum).toBe(at(x))
    }
  })
})

describe('the erasure code', () => {
  test('any chunks, as many as the message has, give it back', () => {
    const random = seededRandom('erasure')
    fc.assert(
      fc.property(
        fc.constantFrom(96, 160, 960, 1152),
        fc.integer({ min: 0, max: 60_000 }),
        fc.nat(),
        (length, start, shuffle) => {
          const message = random.bytes(length)
          let from = encoder(message)
          let to = decoder(length)
          from = { ...from, next: start % 3 === 0 ? 0 : start }
          const chunks = []
          for (let i = 0; i < 80; i++) {
            const sent = nextChunk(from)
            from = sent.encoder
            chunks.push(sent.chunk)
          }
          const order = chunks
            .map((chunk, i) => [((i + 1) * ((shuffle % 1009) + 1)) % 1013, chunk] as const)
            .toSorted((a, b) => a[0] - b[0])
          for (const [, chunk] of order) {
            const whole = decoded(to)
            if (whole !== undefined) break
            to = withChunk(to, chunk)
          }
          expect(decoded(to)).toEqual(message)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('the same chunk twice is one chunk', () => {
    const { chunk } = nextChunk(encoder(new Uint8Array(96)))
    const once = withChunk(decoder(96), chunk)
    expect(withChunk(once, chunk)).toBe(once)
    expect(decoded(once)).toBeUndefined()
  })
})

describe('ML-KEM-768 in two parts', () => {
  test('both parts together are what the whole algorithm gives for the same message', () => {
    for (let i = 0; i < 5; i++) {
      const { header, vector, seed } = generateKeys(seededRandom(`keys ${i}`))
      const message = seededRandom(`message ${i}`).bytes(32)
      const { opened, ct1, sharedSecret } = encapsulateFirst(header, { bytes: () => message.slice() })
      const ct2 = encapsulateSecond(opened, vector)!
      const { publicKey, secretKey } = ml_kem768.keygen(seed.bytes)
      const whole = ml_kem768.encapsulate(publicKey, message)
      expect(concatBytes(ct1, ct2)).toEqual(whole.cipherText)
      expect(sharedSecret).toEqual(whole.sharedSecret)
      expect(ml_kem768.decapsulate(concatBytes(ct1, ct2), secretKey)).toEqual(sharedSecret)
      expect(matchesHeader(header, vector)).toBe(true)
      expect(matchesHeader(header, vector.with(7, vector[7]! ^ 1))).toBe(false)
    }
  })

  test('a vector with a coefficient of q or more is refused', () => {
    const { header, vector } = generateKeys(seededRandom('modulus'))
    const { opened } = encapsulateFirst(header, seededRandom('m'))
    expect(encapsulateSecond(opened, vector.slice().fill(0xff, 0, 3))).toBeUndefined()
    expect(unpack12(new Uint8Array(384).fill(0xff))).toBeUndefined()
  })

  test('what stands for a division is one, for every value', () => {
    const differs = (value: number): boolean =>
      reduce(value) !== value % ringModulus || quotient(value) !== Math.floor(value / ringModulus)
    let value = 0
    while (value <= reducibleMax && !differs(value)) value++
    expect(value).toBe(reducibleMax + 1)
    // A product of two coefficients, another, and a third coefficient.
    expect(2 * (ringModulus - 1) ** 2 + ringModulus - 1).toBeLessThanOrEqual(reducibleMax)
    // A factor and the difference of two coefficients, made positive.
    expect((ringModulus - 1) * (2 * ringModulus - 1)).toBeLessThanOrEqual(reducibleMax)
  })

  test('compression rounds as the standard says, for every coefficient', () => {
    for (const bits of [4, 10] as const) {
      for (let start = 0; start < ringModulus; start += 256) {
        const f = Uint16Array.from({ length: 256 }, (_, i) => Math.min(start + i, ringModulus - 1))
        const packed = compressAndPack(f, bits)
        const unpacked = Array.from({ length: 256 }, (_, i) => {
          let value = 0
          for (let b = 0; b < bits; b++) value |= ((packed[(i * bits + b) >> 3]! >> ((i * bits + b) & 7)) & 1) << b
          return value
        })
        expect(unpacked).toEqual([...f].map((x) => Math.round((x * 2 ** bits) / ringModulus) % 2 ** bits))
      }
    }
  })
})

describe('the message', () => {
  const chunk = { index: 300, bytes: new Uint8Array(32).fill(7) }
  const messages: readonly PqMessage[] = [
    { epoch: 1, index: 1, payload: { type: 'None' } },
    { epoch: 200, index: 70_000, payload: { type: 'Ct1Ack' } },
    ...(['Hdr', 'Ek', 'EkCt1Ack', 'Ct1', 'Ct2'] as const).map((type) => ({
      epoch: 3,
      index: 128,
      payload: { type, chunk },
    })),
  ]

  test('comes back as it was', () => {
    for (const message of messages) expect(decodePqMessage(encodePqMessage(message))).toEqual(message)
  })

  test('has one encoding, and garbage has none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const message = decodePqMessage(bytes)
        if (message !== undefined) expect(encodePqMessage(message)).toEqual(bytes)
      }),
      { numRuns: 2000 },
    )
    for (const message of messages) {
      const bytes = encodePqMessage(message)
      for (let length = 0; length < bytes.length; length++)
        expect(decodePqMessage(bytes.subarray(0, length))).toBeUndefined()
      expect(decodePqMessage(concatBytes(bytes, Uint8Array.of(0)))).toBeUndefined()
    }
  })
})
