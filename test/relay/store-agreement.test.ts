/** Whatever is asked in whatever order, the store in memory and the one on disk give the same answers. */
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { envelopeIdOf, type EnvelopeId } from '../../protocol/ids.ts'
import { relayLimits } from '../../relay/core/limits.ts'
import type { StoreCall } from '../../relay/core/store-calls.ts'
import { SqliteEngine } from '../../relay/io/sqlite-engine.ts'
import { openDatabase } from '../../relay/io/sqlite-open.ts'
import { relaySchema } from '../../relay/io/sqlite-schema.ts'
import { MemoryEngine } from '../../relay/io/store-memory.ts'
import { bundleOf, cardOf, createPerson, preKeys } from './people.ts'
import { temporaryDirectory } from './temporary.ts'

const startMs = 1_800_000_000_000
const published = [createPerson(), createPerson(), createPerson()].map((person) => ({
  person,
  bundle: bundleOf(person, startMs),
  card: cardOf(person, startMs),
  keys: preKeys(1, 8),
}))

/** So small that every bound is met within a few dozen calls. */
const limits = {
  ...relayLimits,
  mailboxesMax: 2,
  mailboxMessagesMax: 4,
  mailboxBytesMax: 400,
  tombstonesMax: 3,
  preKeysKeptMax: 5,
  mailboxIdleMsMax: 5_000,
}

const who = fc.nat({ max: published.length - 1 })
const id: fc.Arbitrary<EnvelopeId> = fc.nat({ max: 9 }).map((n) => envelopeIdOf(new Uint8Array(16).fill(n)))
const ids = fc.uniqueArray(id, { maxLength: 4 })

type Asked = (nowMs: number) => StoreCall

function deviceOf(index: number): ReturnType<typeof createPerson>['device'] {
  const found = published[index]
  if (found === undefined) throw new Error('nobody')
  return found.person.device
}

const asked: fc.Arbitrary<Asked> = fc.oneof(
  { weight: 6, arbitrary: enqueues() },
  {
    weight: 2,
    arbitrary: fc.tuple(who, ids).map(([n, some]): Asked => () => ({ op: 'ack', mailbox: deviceOf(n), ids: some })),
  },
  { weight: 2, arbitrary: pages() },
  {
    weight: 1,
    arbitrary: fc
      .tuple(who, ids, fc.nat({ max: 4 }))
      .map(([n, except, countMax]): Asked => () => ({ op: 'tombstones', mailbox: deviceOf(n), except, countMax })),
  },
  { weight: 2, arbitrary: publishes() },
  {
    weight: 2,
    arbitrary: fc
      .tuple(who, fc.boolean())
      .map(([n, spend]): Asked => () => ({ op: 'take-prekey', device: deviceOf(n), spend })),
  },
  { weight: 1, arbitrary: fc.constant<Asked>((nowMs) => ({ op: 'sweep', nowMs, countMax: 100 })) },
)

function enqueues(): fc.Arbitrary<Asked> {
  return fc
    .record({
      n: who,
      id,
      urgency: fc.nat({ max: 5 }),
      lifeMs: fc.integer({ min: 1, max: 9_000 }),
      size: fc.nat({ max: 150 }),
    })
    .map(({ n, id: envelopeId, urgency, lifeMs, size }): Asked => {
      return (nowMs) => ({
        op: 'enqueue',
        mailbox: deviceOf(n),
        envelope: { id: envelopeId, urgency, expiresMs: nowMs + lifeMs, sealed: new Uint8Array(size + 1) },
        nowMs,
      })
    })
}

function pages(): fc.Arbitrary<Asked> {
  return fc.tuple(who, ids, fc.nat({ max: 5 }), fc.nat({ max: 500 })).map(([n, except, countMax, bytesMax]): Asked => {
    return (nowMs) => ({ op: 'page', mailbox: deviceOf(n), except, countMax, bytesMax, overheadBytes: 10, nowMs })
  })
}

function publishes(): fc.Arbitrary<Asked> {
  return fc
    .tuple(who, fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: 8 }))
    .map(([n, version, revision, from]): Asked => {
      const one = published[n]
      if (one === undefined) throw new Error('nobody')
      const { person, card, bundle, keys } = one
      const { device, account } = person
      const preKeysNow = keys.slice(from)
      return (nowMs) => ({
        op: 'publish',
        device,
        account,
        version,
        revision,
        card,
        bundle,
        preKeys: preKeysNow,
        nowMs,
      })
    })
}

test('any sequence of calls has the same answers', async () => {
  const directory = await temporaryDirectory()
  let run = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(asked, fc.nat({ max: 1_500 })), { minLength: 10, maxLength: 60 }), (steps) => {
      const db = openDatabase(join(directory, `relay-${run++}.db`), relaySchema)
      try {
        const [disk, memory] = [new SqliteEngine(db, limits), new MemoryEngine(limits)]
        let nowMs = startMs
        for (const [call, laterMs] of steps) {
          nowMs += laterMs
          expect(plainly(disk.run(call(nowMs)))).toEqual(plainly(memory.run(call(nowMs))))
          const censuses = [disk, memory].map((engine) => plainly(engine.run({ op: 'census', nowMs })))
          expect(censuses[0]).toEqual(censuses[1])
        }
      } finally {
        db.close()
      }
    }),
    { numRuns: 40 },
  )
})

/** The order in which losses are listed, and the size of files, are an engine's own affair. */
function plainly(outcome: ReturnType<MemoryEngine['run']>): unknown {
  if (!outcome.ok) return outcome
  if (outcome.op === 'sweep') return outcome.answer.lost.map(({ mailbox, id: lost }) => `${mailbox}/${lost}`).toSorted()
  return outcome.op === 'census' ? { ...outcome.answer, diskBytes: 0 } : outcome.answer
}
