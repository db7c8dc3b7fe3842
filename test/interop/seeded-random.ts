/** Randomness that a seed decides, so that a run can be repeated byte for byte. */
import { createHash } from 'node:crypto'
import type { Random } from '../../protocol/crypto/random.ts'

export function seededRandom(seed: string): Random {
  let block = 0
  return {
    bytes(length) {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length; at += 32) {
        const digest = createHash('sha256').update(`${seed}/${block++}`).digest()
        bytes.set(digest.subarray(0, Math.min(32, length - at)), at)
      }
      return bytes
    },
  }
}

/** Choices for a test's schedule, drawn from a seed. */
export interface Dice {
  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number
  chance(probability: number): boolean
  bytes(length: number): Uint8Array
}

export function seededDice(seed: string): Dice {
  const random = seededRandom(`dice ${seed}`)
  const next = (): number => {
    const [a, b, c, d] = random.bytes(4)
    return (((a ?? 0) * 256 + (b ?? 0)) * 256 + (c ?? 0)) * 256 + (d ?? 0)
  }
  return {
    below: (limit) => next() % limit,
    chance: (probability) => next() < probability * 0x1_0000_0000,
    bytes: (length) => random.bytes(length),
  }
}
