/** The simulator is itself tested: each planted bug is found by one of the first seeds, and by the checker meant for it. */
import { expect, test } from 'vitest'
import { planted } from './swarm/planted.ts'
import { runSeed } from './swarm/run.ts'

/** Within how many seeds each must be found. Two hundred is the promise; these are faster to run. */
const seedsMax = 60

const expected: Readonly<Record<string, RegExp>> = {
  'ack before commit': /commit before effects/,
  'no dedupe': /once/,
  'outbox forgotten on restart': /delivered/,
  'receipt on store': /receipts never lie/,
  'lost wake-up': /delivered/,
  'prekey reuse': /one-time prekey/,
  'prune without tombstone': /what was signed for is kept/,
  'mailbox without end': /quotas are kept/,
  'keys without end': /quotas are kept/,
  'door without end': /quotas are kept/,
  'acknowledgement lost': /what was acknowledged is gone/,
  'stored is the end': /delivered/,
  'receipt for another': /receipts never lie/,
  'any card believed': /card does not go back/,
  'answer lost': /who asks is answered/,
  'shown as it comes': /in order|gaps are told/,
  'gap untold': /gaps are told/,
  'session goes back': /a message key (is used|opens) once/,
  'never at rest': /nothing spins/,
  'told twice': /commands make sense/,
}

test('every planted bug has its checker', () => {
  expect(Object.keys(planted).toSorted()).toEqual(Object.keys(expected).toSorted())
})

test.each(Object.entries(planted))('%s', (name, plant) => {
  const property = firstComplaint((seed) => runSeed(seed, { plant }).complaints[0]?.property)
  expect(property).toMatch(expected[name] ?? /^$/)
})

function firstComplaint(run: (seed: number) => string | undefined): string | undefined {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const property = run(seed)
    if (property !== undefined) return property
  }
  return undefined
}
