/**
 * The ring of ML-KEM (FIPS 203 sections 4.2 and 4.3): polynomials of 256 coefficients modulo 3329, their transform,
 * sampling and packing. Only what an encapsulation needs.
 *
 * No branch or index depends on a secret coefficient, and none is divided: how long a division takes may depend on what is
 * divided, which is how secrets of Kyber once leaked. Secrets are only added, shifted, masked and multiplied by `Math.imul`,
 * and no result reaches 2^30, so that the engine keeps all of them as small integers, in whichever tier the code runs: `*`
 * looks whether a product is zero, and a number that is no small integer is another kind of object.
 */
import { shake } from '../../crypto/primitives.ts'

export const ringModulus = 3329
const ringDegree = 256

export type Polynomial = Uint16Array

/** 17^bitreverse(i) mod q: the factors of the transform, in the order it uses them. */
const zetas = Uint16Array.from({ length: 128 }, (_, i) => powerOf17(reverseSevenBits(i)))

/** 17^(2·bitreverse(i) + 1) mod q: the moduli of the products of the transform. */
const gammas = Uint16Array.from({ length: 128 }, (_, i) => powerOf17(2 * reverseSevenBits(i) + 1))

/** In place; coefficients are below q before and after (algorithm 9). */
export function transform(f: Polynomial): Polynomial {
  let i = 1
  for (let length = 128; length >= 2; length /= 2) {
    for (let start = 0; start < ringDegree; start += 2 * length) {
      const zeta = zetas[i++] as number
      for (let j = start; j < start + length; j++) {
        const t = reduce(Math.imul(zeta, f[j + length] as number))
        const value = f[j] as number
        f[j + length] = reduceOnce(value + ringModulus - t)
        f[j] = reduceOnce(value + t)
      }
    }
  }
  return f
}

/** In place (algorithm 10). */
export function transformBack(f: Polynomial): Polynomial {
  let i = 127
  for (let length = 2; length <= 128; length *= 2) {
    for (let start = 0; start < ringDegree; start += 2 * length) {
      const zeta = zetas[i--] as number
      for (let j = start; j < start + length; j++) {
        const t = f[j] as number
        const value = f[j + length] as number
        f[j] = reduceOnce(t + value)
        f[j + length] = reduce(Math.imul(zeta, value + ringModulus - t))
      }
    }
  }
  // 3303 is the inverse of 128.
  for (let j = 0; j < ringDegree; j++) f[j] = reduce(Math.imul(f[j] as number, 3303))
  return f
}

/** Adds the product of two transformed polynomials to `sum` (algorithms 11 and 12). */
export function addProduct(sum: Polynomial, f: Polynomial, g: Polynomial): void {
  for (let i = 0; i < 128; i++) {
    const a0 = f[2 * i] as number
    const a1 = f[2 * i + 1] as number
    const b0 = g[2 * i] as number
    const b1 = g[2 * i + 1] as number
    const high = reduce(Math.imul(a1, b1))
    sum[2 * i] = reduce((sum[2 * i] as number) + Math.imul(a0, b0) + Math.imul(high, gammas[i] as number))
    sum[2 * i + 1] = reduce((sum[2 * i + 1] as number) + Math.imul(a0, b1) + Math.imul(a1, b0))
  }
}

export function addTo(sum: Polynomial, f: Polynomial): void {
  for (let i = 0; i < ringDegree; i++) sum[i] = reduceOnce((sum[i] as number) + (f[i] as number))
}

/**
 * Three blocks of SHAKE128 almost always hold 256 coefficients; five always have in practice, and more are asked for
 * if not.
 */
const sampleBytes = 504

/** A uniform transformed polynomial from a public seed and two indices (algorithm 7). */
export function sampleUniform(rho: Uint8Array, first: number, second: number): Polynomial {
  const seed = new Uint8Array(34)
  seed.set(rho)
  seed[32] = first
  seed[33] = second
  for (let length = sampleBytes; ; length += 2 * 168) {
    const sampled = rejectionSample(shake(128, seed, length))
    if (sampled !== undefined) return sampled
  }
}

function rejectionSample(stream: Uint8Array): Polynomial | undefined {
  const f = new Uint16Array(ringDegree)
  let count = 0
  for (let at = 0; at + 2 < stream.length && count < ringDegree; at += 3) {
    const middle = stream[at + 1] as number
    const d1 = (stream[at] as number) | ((middle & 15) << 8)
    const d2 = (middle >>> 4) | ((stream[at + 2] as number) << 4)
    if (d1 < ringModulus) f[count++] = d1
    if (d2 < ringModulus && count < ringDegree) f[count++] = d2
  }
  return count === ringDegree ? f : undefined
}

/** A small polynomial from a secret seed and a counter: centered binomial with eta = 2 (algorithm 8 on PRF). */
export function sampleSmall(seed: Uint8Array, counter: number): Polynomial {
  const input = new Uint8Array(33)
  input.set(seed)
  input[32] = counter
  const stream = shake(256, input, 128)
  const f = new Uint16Array(ringDegree)
  for (let i = 0; i < 128; i++) {
    const byte = stream[i] as number
    const pairs = (byte & 0x55) + ((byte >>> 1) & 0x55)
    f[2 * i] = reduceOnce((pairs & 3) + ringModulus - ((pairs >>> 2) & 3))
    f[2 * i + 1] = reduceOnce(((pairs >>> 4) & 3) + ringModulus - (pairs >>> 6))
  }
  input.fill(0)
  stream.fill(0)
  return f
}

/** 384 bytes to 256 coefficients of 12 bits; undefined when one is not below q (the modulus check of section 7.2). */
export function unpack12(bytes: Uint8Array): Polynomial | undefined {
  const f = new Uint16Array(ringDegree)
  let isReduced = true
  for (let i = 0, at = 0; i < ringDegree; i += 2, at += 3) {
    const middle = bytes[at + 1] as number
    const low = (bytes[at] as number) | ((middle & 15) << 8)
    const high = (middle >>> 4) | ((bytes[at + 2] as number) << 4)
    if (low >= ringModulus || high >= ringModulus) isReduced = false
    f[i] = low
    f[i + 1] = high
  }
  return isReduced ? f : undefined
}

/**
 * Compresses each coefficient to `bits` and packs them, least significant bit first (algorithm 5 and section 4.2.1).
 */
export function compressAndPack(f: Polynomial, bits: 4 | 10): Uint8Array {
  const bytes = new Uint8Array(32 * bits)
  const mask = (1 << bits) - 1
  let held = 0
  let heldBits = 0
  let at = 0
  for (let i = 0; i < ringDegree; i++) {
    held |= (quotient(((f[i] as number) << bits) + (ringModulus >> 1)) & mask) << heldBits
    heldBits += bits
    while (heldBits >= 8) {
      bytes[at++] = held & 255
      held >>>= 8
      heldBits -= 8
    }
  }
  return bytes
}

/** Message bits to coefficients 0 and (q + 1) / 2. */
export function messagePolynomial(message: Uint8Array): Polynomial {
  const f = new Uint16Array(ringDegree)
  for (let i = 0; i < ringDegree; i++) {
    const bit = ((message[i >>> 3] as number) >>> (i & 7)) & 1
    f[i] = (0 - bit) & ((ringModulus + 1) >> 1)
  }
  return f
}

/** value mod q, for values from 0 to `reducibleMax`. Never more than two products and a coefficient come. */
export function reduce(value: number): number {
  return reduceOnce(value - Math.imul(roughQuotient(value), ringModulus))
}

/** Floor of value / q, for values from 0 to `reducibleMax`. */
export function quotient(value: number): number {
  const rough = roughQuotient(value)
  return rough + 1 + ((value - Math.imul(rough, ringModulus) - ringModulus) >> 31)
}

/** value mod q, for values from 0 to 2q - 1. */
function reduceOnce(value: number): number {
  const less = value - ringModulus
  return less + ((less >> 31) & ringModulus)
}

/** The range in which `reduce` and `quotient` are exact. */
export const reducibleMax: number = 2 ** 25 - 1

/**
 * value / q by Barrett: exact or one too low. Of value / q, dropping the low ten bits takes less than 1024 / q < 0.31,
 * rounding 2^26 / q = 20158.87… down less than 2^25 · 0.88 / 2^26 = 0.44, and the last shift less than 1: less than 2 in
 * all, so the floor is missed by at most one. The product stays below 2^15 · 20158 < 2^30.
 */
function roughQuotient(value: number): number {
  return Math.imul(value >> 10, 20158) >> 16
}

function powerOf17(exponent: number): number {
  let value = 1
  for (let i = 0; i < exponent; i++) value = (value * 17) % ringModulus
  return value
}

function reverseSevenBits(value: number): number {
  let reversed = 0
  for (let bit = 0; bit < 7; bit++) if ((value & (1 << bit)) !== 0) reversed |= 1 << (6 - bit)
  return reversed
}
