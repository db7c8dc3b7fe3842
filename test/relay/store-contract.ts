/** What every store promises, whatever the engine. Each engine's own test file runs this against it. */
import { afterEach, describe, expect, test } from 'vitest'
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import type { EnvelopeId } from '../../protocol/ids.ts'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import { relayLimits } from '../../relay/core/limits.ts'
import type { Ask, Enqueued } from '../../relay/core/store-calls.ts'
import type { Store, StoreLimits } from '../../relay/io/store.ts'
import { bundleOf, cardOf, createPerson, envelope, preKeys } from './people.ts'
import { nowMs, Questions } from './store-questions.ts'

export function storeContract(engine: string, open: (limits: StoreLimits) => Promise<Store>): void {
  const opened: Store[] = []
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
  })

  async function fresh(limits: Partial<StoreLimits> = {}): Promise<Questions> {
    const store = await open({ ...relayLimits, ...limits })
    opened.push(store)
    return new Questions(store)
  }

  describe(`a store in ${engine}`, () => {
    test('keeps an envelope whole, and only for a device it knows', async () => {
      const store = await fresh()
      const bob = await store.resident()
      const sent = envelope(nowMs, { urgency: 0, sealed: systemRandom.bytes(100_000) })
      expect(await store.enqueue(bob.device, sent)).toEqual({
        state: 'stored',
        storedMs: nowMs,
        expiresMs: sent.expiresMs,
        pruned: [],
      })
      expect(await store.enqueue(createPerson().device, sent)).toEqual({ state: 'unknown-mailbox' })
      expect(await store.page(bob.device)).toEqual({ envelopes: [sent], more: false })
    })

    test('knows a duplicate by its id, and answers what it said the first time', async () => {
      const store = await fresh()
      const bob = await store.resident()
      const sent = envelope(nowMs)
      await store.enqueue(bob.device, sent)
      const later = { mailbox: bob.device, envelope: sent, nowMs: nowMs + 9_000 }
      const first = { state: 'duplicate', storedMs: nowMs, expiresMs: sent.expiresMs }
      expect(await store.ask('enqueue', later)).toEqual(first)
      const otherwise = { ...later, envelope: { ...sent, expiresMs: sent.expiresMs + 1 } }
      expect(await store.ask('enqueue', otherwise)).toEqual(first)
      expect((await store.page(bob.device)).envelopes).toEqual([sent])
    })

    test('the same id in two mailboxes is two envelopes', async () => {
      const store = await fresh()
      const [bob, carol] = [await store.resident(), await store.resident()]
      const sent = envelope(nowMs)
      await store.enqueue(bob.device, sent)
      expect(await store.enqueue(carol.device, sent)).toMatchObject({ state: 'stored' })
      await store.ask('ack', { mailbox: bob.device, ids: [sent.id] })
      expect((await store.page(carol.device)).envelopes).toEqual([sent])
    })

    test('what has just made way is not taken for a duplicate when it is offered again at once', async () => {
      const store = await fresh({ mailboxMessagesMax: 1 })
      const bob = await store.resident()
      const status = envelope(nowMs, { urgency: 5 })
      await store.enqueue(bob.device, status)
      const [call, again] = await Promise.all([
        store.enqueue(bob.device, envelope(nowMs, { urgency: 0 })),
        store.enqueue(bob.device, status),
      ])
      expect(call).toMatchObject({ state: 'stored', pruned: [status.id] })
      expect(again).toEqual(fullBy('mailboxMessagesMax'))
    })

    test('pages by urgency, then by age, up to a count and a size, past what is excepted', async () => {
      const store = await fresh()
      const bob = await store.resident()
      const sent = [3, 0, 5, 3].map((urgency) => envelope(nowMs, { urgency, sealed: systemRandom.bytes(400) }))
      for (const one of sent) await store.enqueue(bob.device, one)
      const ids = [1, 0, 3, 2].map((i) => sent[i]?.id)
      const page = async (changes: Partial<Ask<'page'>>): Promise<[(EnvelopeId | undefined)[], boolean]> => {
        const { envelopes, more } = await store.page(bob.device, changes)
        return [envelopes.map(({ id }) => id), more]
      }
      expect(await page({})).toEqual([ids, false])
      expect(await page({ countMax: 2 })).toEqual([ids.slice(0, 2), true])
      expect(await page({ countMax: 0 })).toEqual([[], true])
      expect(await page({ bytesMax: 1_000, overheadBytes: 100 })).toEqual([ids.slice(0, 2), true])
      expect(await page({ bytesMax: 1 })).toEqual([ids.slice(0, 1), true]) // One goes, however large.
      const except = ids.slice(0, 2) as EnvelopeId[]
      expect(await page({ except, countMax: 2 })).toEqual([ids.slice(2), false])
    })

    test('acknowledged is gone, and what is unknown is ignored', async () => {
      const store = await fresh()
      const bob = await store.resident()
      const [first, second] = [envelope(nowMs), envelope(nowMs)]
      await store.enqueue(bob.device, first)
      await store.enqueue(bob.device, second)
      const ids = [first.id, envelope(nowMs).id]
      expect(await store.ask('ack', { mailbox: bob.device, ids })).toEqual({ deleted: 1, storedMs: [nowMs] })
      expect(await store.ask('ack', { mailbox: bob.device, ids })).toEqual({ deleted: 0, storedMs: [] })
      expect((await store.page(bob.device)).envelopes).toEqual([second])
    })

    test('prunes exactly the least urgent oldest, and only for the more urgent', async () => {
      const store = await fresh({ mailboxMessagesMax: 4 })
      const bob = await store.resident()
      const kept = [3, 5, 3, 5].map((urgency) => envelope(nowMs, { urgency }))
      for (const one of kept) await store.enqueue(bob.device, one)
      const [, oldestStatus, , status] = kept.map(({ id }) => id)
      expect(await store.enqueue(bob.device, envelope(nowMs, { urgency: 5 }))).toEqual(fullBy('mailboxMessagesMax'))
      expect(await store.enqueue(bob.device, envelope(nowMs, { urgency: 3 }))).toMatchObject({ pruned: [oldestStatus] })
      expect(await store.enqueue(bob.device, envelope(nowMs, { urgency: 3 }))).toMatchObject({ pruned: [status] })
      expect(await store.enqueue(bob.device, envelope(nowMs, { urgency: 3 }))).toEqual(fullBy('mailboxMessagesMax'))
      expect((await store.tombstones(bob.device)).lost).toEqual([
        { id: oldestStatus, reason: 'pruned', atMs: nowMs },
        { id: status, reason: 'pruned', atMs: nowMs },
      ])
    })

    test('prunes as many as a large newcomer needs, or none', async () => {
      const store = await fresh({ mailboxBytesMax: 1_000 })
      const bob = await store.resident()
      const sized = (urgency: number, size: number): Envelope =>
        envelope(nowMs, { urgency, sealed: systemRandom.bytes(size) })
      const kept = [sized(5, 300), sized(5, 300), sized(0, 300)]
      for (const one of kept) await store.enqueue(bob.device, one)
      expect(await store.enqueue(bob.device, sized(1, 900))).toEqual(fullBy('mailboxBytesMax'))
      expect((await store.tombstones(bob.device)).lost).toEqual([])
      const answer = await store.enqueue(bob.device, sized(1, 600))
      expect(answer).toMatchObject({ state: 'stored', pruned: [kept[0]?.id, kept[1]?.id] })
    })

    test('remembers as many tombstones as it must, until they are acknowledged', async () => {
      const store = await fresh({ mailboxMessagesMax: 1, tombstonesMax: 2 })
      const bob = await store.resident()
      const sent = [5, 4, 3, 2].map((urgency) => envelope(nowMs, { urgency }))
      for (const one of sent) await store.enqueue(bob.device, one)
      const ids = sent.slice(1, 3).map(({ id }) => id)
      const told = async (changes: Partial<Ask<'tombstones'>> = {}): Promise<[EnvelopeId[], boolean]> => {
        const { lost, more } = await store.tombstones(bob.device, changes)
        return [lost.map(({ id }) => id), more]
      }
      expect(await told()).toEqual([ids, false])
      expect(await told({ countMax: 1 })).toEqual([ids.slice(0, 1), true])
      expect(await told({ except: ids.slice(0, 1) })).toEqual([ids.slice(1), false])
      await store.ask('ack', { mailbox: bob.device, ids })
      expect(await told()).toEqual([[], false])
    })

    test('an envelope that comes back is no longer lost', async () => {
      const store = await fresh({ mailboxMessagesMax: 1 })
      const bob = await store.resident()
      const [text, call] = [envelope(nowMs, { urgency: 3 }), envelope(nowMs, { urgency: 0 })]
      await store.enqueue(bob.device, text)
      await store.enqueue(bob.device, call)
      await store.ask('ack', { mailbox: bob.device, ids: [call.id] })
      expect(await store.enqueue(bob.device, text)).toMatchObject({ state: 'stored' })
      expect((await store.tombstones(bob.device)).lost).toEqual([])
    })

    test('sweeps what has expired a little at a time, and never pages it', async () => {
      const store = await fresh()
      const bob = await store.resident()
      const sent = [1, 2, 3, 99_999].map((inMs) => envelope(nowMs, { expiresMs: nowMs + inMs }))
      for (const one of sent) await store.enqueue(bob.device, one)
      const later = nowMs + 10
      expect((await store.page(bob.device, { nowMs: later })).envelopes).toEqual([sent[3]])
      const first = await store.ask('sweep', { nowMs: later, countMax: 2 })
      expect(first.more).toBe(true)
      const second = await store.ask('sweep', { nowMs: later, countMax: 2 })
      expect(second.more).toBe(false)
      const swept = [...first.lost, ...second.lost]
      expect(swept.map(({ id }) => id).toSorted()).toEqual(
        sent
          .slice(0, 3)
          .map(({ id }) => id)
          .toSorted(),
      )
      expect(swept.every(({ mailbox, reason }) => mailbox === bob.device && reason === 'expired')).toBe(true)
      expect((await store.tombstones(bob.device)).lost).toHaveLength(3)
      const muchLater = { nowMs: nowMs + 40 * 86_400_000, countMax: 100 }
      await store.ask('sweep', muchLater)
      expect((await store.tombstones(bob.device)).lost).toHaveLength(1) // Only what has just been swept.
    })

    test('space that was freed can be filled again', async () => {
      const store = await fresh({ mailboxMessagesMax: 2, mailboxBytesMax: 250 })
      const bob = await store.resident()
      for (let round = 0; round < 3; round++) {
        const sent = [envelope(nowMs, { expiresMs: nowMs + 5 }), envelope(nowMs)]
        for (const one of sent) expect(await store.enqueue(bob.device, one)).toMatchObject({ state: 'stored' })
        expect(await store.enqueue(bob.device, envelope(nowMs))).toMatchObject({ state: 'full' })
        await store.ask('sweep', { nowMs: nowMs + 5, countMax: 10 })
        await store.ask('ack', { mailbox: bob.device, ids: sent.map(({ id }) => id) })
      }
      expect(await store.ask('census', { nowMs })).toMatchObject({ messages: 0, messageBytes: 0, oldestMs: undefined })
    })

    test('knows how many devices have published of late', async () => {
      const store = await fresh()
      await store.resident()
      await store.resident()
      const day = 86_400_000
      const active = async (laterMs: number): Promise<readonly number[]> =>
        (await store.ask('census', { nowMs: nowMs + laterMs })).active
      expect([await active(0), await active(day), await active(8 * day), await active(31 * day)]).toEqual([
        [2, 2, 2],
        [0, 2, 2],
        [0, 0, 2],
        [0, 0, 0],
      ])
    })

    test('takes no more than the disk it was given', async () => {
      const store = await fresh({ relayBytesMax: 400_000 })
      const bob = await store.resident()
      const states: string[] = []
      for (let i = 0; i < 6; i++) {
        states.push((await store.enqueue(bob.device, envelope(nowMs, { sealed: systemRandom.bytes(100_000) }))).state)
      }
      expect(states.at(0)).toBe('stored')
      expect(states.at(-1)).toBe('crowded')
    })

    test('hands a one-time prekey to exactly one of many who ask at once', async () => {
      const store = await fresh()
      const bob = await store.resident(30)
      const asked = Array.from({ length: 40 }, () => store.ask('take-prekey', { device: bob.device, spend: true }))
      const taken = await Promise.all(asked)
      const ids = taken.flatMap((answer) => (answer.state === 'taken' && answer.preKey ? [answer.preKey.id] : []))
      expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
      expect(taken.filter((answer) => answer.state === 'taken' && answer.preKey === undefined)).toHaveLength(10)
      expect(await store.ask('count-prekeys', { device: bob.device })).toEqual({ published: true, left: 0 })
    })

    test('does not take back a prekey that was handed out, for as long as it remembers', async () => {
      const store = await fresh({ preKeysTakenKeptMax: 2 })
      const bob = await store.resident(4)
      const take = { device: bob.device, spend: true }
      for (const id of [1, 2, 3]) expect(await store.ask('take-prekey', take)).toMatchObject({ preKey: { id } })
      // Of 1, 2 and 3 it remembers the last two; 4 is held already.
      expect(await store.publish(bob, { version: 2, preKeys: preKeys(1, 4) })).toEqual({ state: 'published', left: 2 })
      const answers = [await store.ask('take-prekey', take), await store.ask('take-prekey', take)]
      expect(answers).toMatchObject([{ preKey: { id: 1 } }, { preKey: { id: 4 } }])
    })

    test('gives a bundle without spending a prekey when it is told not to', async () => {
      const store = await fresh()
      const bob = await store.resident(1)
      const unspent = await store.ask('take-prekey', { device: bob.device, spend: false })
      expect(unspent).toMatchObject({ state: 'taken', preKey: undefined, left: 1 })
    })

    test('publishes forwards only, and keeps each card and bundle as they were signed', async () => {
      const store = await fresh()
      const bob = createPerson()
      const bundle = bundleOf(bob, nowMs)
      const first = cardOf(bob, nowMs, { revision: 2 })
      const published = { state: 'published', left: 2 }
      expect(await store.publish(bob, { version: 2, revision: 2, card: first, bundle })).toEqual(published)
      expect(await store.publish(bob, { version: 1, revision: 2, card: first, bundle })).toEqual({ state: 'stale' })
      expect(await store.publish(bob, { version: 2, revision: 1, card: first, bundle })).toEqual({ state: 'stale' })
      expect(await store.ask('find-card', { account: bob.account })).toEqual({ card: first })
      const second = cardOf(bob, nowMs, { revision: 3 })
      expect(await store.publish(bob, { version: 3, revision: 3, card: second, bundle })).toEqual(published)
      expect(await store.ask('find-card', { account: bob.account })).toEqual({ card: second })
      expect(await store.ask('take-prekey', { device: bob.device, spend: true })).toMatchObject({ bundle })
    })

    test('of several silent devices gives up the one that was silent longest, a sweep at a time', async () => {
      const store = await fresh({ mailboxIdleMsMax: 1_000 })
      const [first, second] = [await store.resident(2, nowMs + 5), await store.resident(2, nowMs)]
      await store.ask('sweep', { nowMs: nowMs + 2_000, countMax: 10 })
      expect(await store.ask('find-card', { account: second.account })).toEqual({ card: undefined })
      expect(await store.ask('find-card', { account: first.account })).not.toEqual({ card: undefined })
    })

    test('tells with a sweep how often it forgot something for want of room, once', async () => {
      const store = await fresh({
        mailboxMessagesMax: 1,
        tombstonesMax: 1,
        preKeysTakenKeptMax: 1,
        mailboxIdleMsMax: 1_000,
      })
      const bob = await store.resident(3)
      for (const urgency of [5, 4, 3]) await store.enqueue(bob.device, envelope(nowMs, { urgency }))
      for (let i = 0; i < 2; i++) await store.ask('take-prekey', { device: bob.device, spend: true })
      const reached = async (atMs: number): Promise<unknown> =>
        Object.fromEntries((await store.ask('sweep', { nowMs: atMs, countMax: 10 })).reached)
      expect(await reached(nowMs)).toEqual({ tombstonesMax: 1, preKeysTakenKeptMax: 1 })
      expect(await reached(nowMs + 1_000)).toEqual({ mailboxIdleMsMax: 1 })
      expect(await reached(nowMs + 1_000)).toEqual({})
    })

    test('gives up a device that has been silent for too long, with all it had', async () => {
      const store = await fresh({ mailboxIdleMsMax: 1_000 })
      const bob = await store.resident()
      const sent = envelope(nowMs)
      await store.enqueue(bob.device, sent)
      const later = nowMs + 1_000
      const carol = await store.resident(2, later)
      const lost = [{ mailbox: bob.device, id: sent.id, reason: 'expired' }]
      expect(await store.ask('sweep', { nowMs: later, countMax: 10 })).toMatchObject({ lost })
      expect(await store.ask('find-card', { account: bob.account })).toEqual({ card: undefined })
      expect(await store.ask('find-card', { account: carol.account })).not.toEqual({ card: undefined })
      expect(await store.enqueue(bob.device, sent)).toEqual({ state: 'unknown-mailbox' })
      expect(await store.ask('census', { nowMs })).toMatchObject({ mailboxes: 1, messages: 0, messageBytes: 0 })
    })
  })
}

function fullBy(limit: 'mailboxMessagesMax' | 'mailboxBytesMax'): Enqueued {
  return { state: 'full', limit }
}
