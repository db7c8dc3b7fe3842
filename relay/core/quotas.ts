/**
 * Token buckets: who may ask how often. A bucket belongs to a connection and goes with it, or to a device in a table of
 * fixed size. Does not decide what a refusal looks like.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import type { ConnectionId } from './inputs.ts'
import type { Rate, RelayLimits } from './limits.ts'
import { Reached } from './reached.ts'

/** Zero when granted, else milliseconds after which asking again may succeed. */
export type WaitMs = number

export class TokenBucket {
  readonly #rate: Rate
  #tokens: number
  #filledMs: number

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#filledMs = nowMs
  }

  take(count: number, nowMs: number): WaitMs {
    // A clock set back must not drain the bucket, nor one set forward do more than fill it.
    const elapsedMs = Math.max(0, nowMs - this.#filledMs)
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + (elapsedMs / 1_000) * this.#rate.perSecond)
    this.#filledMs = nowMs
    // More than fits in the bucket is granted when it is full, or it would never be.
    const wanted = Math.min(count, this.#rate.burst)
    if (this.#tokens >= wanted) {
      this.#tokens -= wanted
      return 0
    }
    return Math.ceil(((wanted - this.#tokens) / this.#rate.perSecond) * 1_000)
  }
}

/** What a connection can use up. */
export type ConnectionQuota =
  | 'deposits'
  | 'depositBytes'
  | 'subscriptions'
  | 'acknowledgements'
  | 'publications'
  | 'cardLookups'
  | 'bundlesPerAsker'

export class Quotas {
  readonly #limits: RelayLimits
  readonly #reached: Reached
  readonly #ofConnections = new Map<ConnectionId, Map<ConnectionQuota, TokenBucket>>()
  readonly #ofOwners = new Map<DeviceId, TokenBucket>()

  constructor(limits: RelayLimits, reached: Reached = new Reached()) {
    this.#limits = limits
    this.#reached = reached
  }

  takeFor(connection: ConnectionId, quota: ConnectionQuota, count: number, nowMs: number): WaitMs {
    let buckets = this.#ofConnections.get(connection)
    if (buckets === undefined) this.#ofConnections.set(connection, (buckets = new Map()))
    let bucket = buckets.get(quota)
    if (bucket === undefined) buckets.set(quota, (bucket = new TokenBucket(this.#limits[quota], nowMs)))
    const waitMs = bucket.take(count, nowMs)
    if (waitMs > 0) this.#reached.count(quota)
    return waitMs
  }

  forget(connection: ConnectionId): void {
    this.#ofConnections.delete(connection)
  }

  /** Whether one of this device's one-time prekeys may be spent now. */
  maySpendPreKeyOf(owner: DeviceId, nowMs: number): boolean {
    const bucket = this.#ofOwners.get(owner) ?? new TokenBucket(this.#limits.preKeysPerOwner, nowMs)
    this.#ofOwners.delete(owner) // Put back at the end: the map's order is then the order of last use.
    this.#ofOwners.set(owner, bucket)
    if (this.#ofOwners.size > this.#limits.takenDevicesMax) {
      this.#reached.count('takenDevicesMax')
      const [longestUntouched] = this.#ofOwners.keys()
      if (longestUntouched !== undefined) this.#ofOwners.delete(longestUntouched)
    }
    if (bucket.take(1, nowMs) === 0) return true
    this.#reached.count('preKeysPerOwner')
    return false
  }
}
