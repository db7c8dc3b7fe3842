/**
 * Cuts what came into Noise records, each with its length before it in two bytes. libp2p's own reader puts everything into a
 * list first, and learns from an exception each time that nothing is left to read: as much as deciphering a record costs.
 */
import { Unread } from '../../protocol/shell/unread.ts'

interface Gathered {
  subarray(): Uint8Array
}

const lengthBytes = 2

export class Records {
  readonly #unread = new Unread()

  /** `begun`: what came already. */
  constructor(begun?: Gathered) {
    if (begun !== undefined) this.#unread.push(begun.subarray())
  }

  /** Those that are whole now, each to be opened where it lies. */
  decode(bytes: Gathered): Uint8Array[] {
    const unread = this.#unread
    unread.push(bytes.subarray())
    const records: Uint8Array[] = []
    while (unread.length >= lengthBytes) {
      const whole = lengthBytes + unread.at(0) * 256 + unread.at(1)
      if (unread.length < whole) break
      const record = unread.take(whole, lengthBytes)
      if (record.length > 0) records.push(record)
    }
    return records
  }
}
