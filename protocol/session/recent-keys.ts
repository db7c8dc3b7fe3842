/**
 * The signed and Kyber prekeys used of late. They serve many sessions, a store reads them into a fresh array each
 * time, and preparing one costs more than using it; so the array that was seen first stands in for every later one
 * with the same content. A retired key stays in memory until others have taken its place or the program ends.
 */
import { equalBytes } from '../crypto/bytes.ts'

/** This week's and last week's of each kind, with room for a device that just replaced them. */
const recentKeysMax = 3

export type RecentKeys = (key: Uint8Array) => Uint8Array

/** Newest first. */
export function recentKeys(): RecentKeys {
  let recent: readonly Uint8Array[] = []
  return (key) => {
    const known = recent.find((one) => equalBytes(one, key))
    if (known !== undefined) return known
    // A copy, because the caller may wipe its own.
    const kept = key.slice()
    recent = [kept, ...recent].slice(0, recentKeysMax)
    return kept
  }
}
