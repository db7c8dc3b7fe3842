import fc from 'fast-check'
import { expect, test } from 'vitest'
import { relayLimits } from '../../relay/core/limits.ts'
import { Quotas, TokenBucket } from '../../relay/core/quotas.ts'
import { createPerson } from './people.ts'

test('a bucket gives its burst, then its rate, and says how long to wait', () => {
  const bucket = new TokenBucket({ burst: 3, perSecond: 2 }, 0)
  expect([bucket.take(1, 0), bucket.take(2, 0), bucket.take(1, 0)]).toEqual([0, 0, 500])
  expect(bucket.take(1, 250)).toBe(250)
  expect(bucket.take(1, 500)).toBe(0)
})

test('a clock set back takes nothing away, and one set forward gives no more than the burst', () => {
  const bucket = new TokenBucket({ burst: 3, perSecond: 1 }, 1_000_000)
  expect(bucket.take(1, 0)).toBe(0)
  expect(bucket.take(2, 0)).toBe(0)
  expect(bucket.take(3, 9_000_000)).toBe(0)
  expect(bucket.take(1, 9_000_000)).toBeGreaterThan(0)
})

test('what is larger than the bucket is granted when the bucket is full', () => {
  const bucket = new TokenBucket({ burst: 10, perSecond: 10 }, 0)
  expect(bucket.take(50, 0)).toBe(0)
  expect(bucket.take(50, 500)).toBe(500)
  expect(bucket.take(50, 1_000)).toBe(0)
})

test('never more than the burst and the rate together, however it is asked', () => {
  const steps = fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 900 })), { maxLength: 60 })
  fc.assert(
    fc.property(steps, (asked) => {
      const bucket = new TokenBucket({ burst: 5, perSecond: 3 }, 0)
      let nowMs = 0
      let granted = 0
      for (const [count, afterMs] of asked) {
        nowMs += afterMs
        if (bucket.take(count, nowMs) === 0) granted += count
      }
      expect(granted).toBeLessThanOrEqual(5 + (nowMs / 1_000) * 3 + 1e-6)
    }),
  )
})

test('counts of owners take a fixed room: the longest untouched is forgotten', () => {
  const quotas = new Quotas({ ...relayLimits, preKeysPerOwner: { burst: 1, perSecond: 0.001 }, takenDevicesMax: 2 })
  const [a, b, c] = [createPerson().device, createPerson().device, createPerson().device]
  expect([a, b, a, c, a, b].map((owner) => quotas.maySpendPreKeyOf(owner, 0))).toEqual([
    true,
    true,
    false,
    true,
    false,
    true,
  ])
})
