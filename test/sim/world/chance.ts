/**
 * Chance that a seed decides. Every device, link and choice draws from a fork of its own, named, so that adding one device
 * does not shift what all others draw. Fast and not secret: for simulation only.
 */
import type { Random } from '../../../protocol/crypto/random.ts'

export class Chance implements Random {
  readonly #seed: string
  #a: number
  #b: number
  #c: number
  #d = 1

  constructor(seed: string) {
    this.#seed = seed
    const [a, b, c] = mix(seed)
    this.#a = a
    this.#b = b
    this.#c = c
    for (let i = 0; i < 12; i++) this.word()
  }

  /** The same name always gives the same fork, whatever was drawn before. */
  fork(name: string): Chance {
    return new Chance(`${this.#seed}/${name}`)
  }

  /** An integer of 32 bits (sfc32). */
  word(): number {
    const sum = (this.#a + this.#b + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 4) {
      const word = this.word()
      for (let i = 0; i < 4 && at + i < length; i++) bytes[at + i] = word >>> (8 * i)
    }
    return bytes
  }

  /** From 0 up to, but not including, 1. */
  unit(): number {
    return this.word() / 0x1_0000_0000
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit)
  }

  between(low: number, high: number): number {
    return low + this.unit() * (high - low)
  }

  hits(probability: number): boolean {
    return this.unit() < probability
  }

  /** Waiting times of things that happen by themselves, `mean` apart on average. */
  exponential(mean: number): number {
    return -Math.log(1 - this.unit()) * mean
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list]
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const [x, y] = [out[i] as T, out[j] as T]
      out[i] = y
      out[j] = x
    }
    return out
  }
}

/** Three words of 32 bits from a text (FNV-1a, thrice salted). */
function mix(text: string): [number, number, number] {
  return [0x811c9dc5, 0x9e3779b9, 0x85ebca6b].map((start) => {
    let hash = start
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    return (hash ^ (hash >>> 13)) >>> 0
  }) as [number, number, number]
}
