/** A disk that refuses every write is said to do so, and not as often as it does. */
import { expect, test } from 'vitest'
import { StoreFaults } from '../../relay/io/store-faults.ts'

test('a fault is said at once, then once a minute with how often, and counted all the time', () => {
  const said: [string, number][] = []
  let nowMs = 1_000
  const faults = new StoreFaults(
    (detail, times) => said.push([detail, times]),
    () => nowMs,
  )
  for (let i = 0; i < 50; i++) faults.count('SQLITE_FULL')
  faults.count('SQLITE_IOERR')
  nowMs += 60_000
  faults.count('SQLITE_FULL')
  expect(said).toEqual([
    ['SQLITE_FULL', 1],
    ['SQLITE_IOERR', 1],
    ['SQLITE_FULL', 50],
  ])
  expect(faults.all).toEqual({ SQLITE_FULL: { times: 51, lastMs: 61_000 }, SQLITE_IOERR: { times: 1, lastMs: 1_000 } })
})
