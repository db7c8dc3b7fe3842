/** A relay as its operator sees it: numbers, health, log, copies. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { backupTo, copyIdleDatabase, restoreFrom } from '../../relay/operation/backup.ts'
import { allLimits } from '../../relay/operation/settings-table.ts'
import { openDirectory, openMailbox } from './caller.ts'
import { caller, resident, runningRelay } from './network.ts'
import { createPerson, envelope, publicationOf } from './people.ts'
import { fetchAll } from './promises.ts'
import { site } from './site.ts'
import { temporaryDirectory } from './temporary.ts'

/** The samples of one family, by their labels. */
function family(text: string, name: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return Object.fromEntries(
    lines.map((line) => {
      const [, labels = '', value] = /^\w+(?:\{(.*)\})? (.*)$/.exec(line) ?? []
      return [labels, Number(value)]
    }),
  )
}

test('numbers follow a message from its deposit to its acknowledgement, and name nobody', async () => {
  const { address, get } = await site()
  const bob = await resident(address)
  const alice = await caller()
  const [directory, deposits] = [await openDirectory(alice, address), await openMailbox(alice, address)]
  directory.send({ kind: 'take-bundle', device: bob.device })
  await directory.expect('bundle')
  const sent = envelope(Date.now())
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
  await deposits.expect('stored')
  deposits.send({ kind: 'deposit', mailbox: createPerson().device, envelope: envelope(Date.now()) })
  await deposits.expect('refused')
  const mailbox = await openMailbox(bob.node, address)
  mailbox.send({ kind: 'subscribe', credit: 10 })
  await mailbox.expect('page')
  mailbox.send({ kind: 'ack', ids: [sent.id] })
  await expect
    .poll(async () => family((await get('/metrics')).text, 'linnet_relay_delivered_total'), { timeout: 15_000 })
    .toEqual({ '': 1 })
  const { text } = await get('/metrics')
  expect(family(text, 'linnet_relay_deposits_total')).toEqual({ 'answer="stored"': 1, 'answer="unknown-mailbox"': 1 })
  expect(family(text, 'linnet_relay_prekeys_taken_total')).toEqual({ '': 1 })
  expect(family(text, 'linnet_relay_delivery_seconds_count')).toEqual({ '': 1 })
  expect(family(text, 'linnet_relay_up')).toEqual({ '': 1 })
  expect(family(text, 'linnet_relay_disk_free_bytes')['']).toBeGreaterThan(0)
  for (const secret of [bob.device, bob.account, sent.id, '12D3KooW']) expect(text).not.toContain(secret)
})

test('every limit has its number, and being reached is counted', async () => {
  const { address, get } = await site('[limits]\nmailboxes-max = 0')
  const stranger = createPerson()
  const directory = await openDirectory(await caller(stranger), address)
  directory.send(publicationOf(stranger, Date.now()))
  expect(await directory.expect('refused')).toMatchObject({ reason: 'full' })
  const { text } = await get('/metrics')
  const limits = family(text, 'linnet_relay_limit')
  expect(Object.keys(limits).toSorted()).toEqual(
    Object.keys(allLimits)
      .map((name) => `limit="${name}"`)
      .toSorted(),
  )
  expect(limits['limit="mailboxesMax"']).toBe(0)
  expect(family(text, 'linnet_relay_limit_reached_total')).toEqual({ 'limit="mailboxesMax"': 1 })
})

test('ready while it serves, and neither ready nor there when it has stopped', async () => {
  const { get, stop, lines } = await site()
  expect(await get('/ready')).toEqual({ status: 200, text: 'ready\n' })
  expect((await get('/live')).status).toBe(200)
  expect((await get('/secrets')).status).toBe(404)
  await stop()
  await expect(get('/live')).rejects.toThrow()
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['started', 'draining', 'stopped'])
  expect(lines[0]).toMatch(/^\{"level":"info","time":"20\d\d-[^"]+Z","event":"started"\}\n$/)
})

test('an address on the list does not get in, and is counted', async () => {
  const { address, get } = await site('[access]\ndeny-addresses = ["127.0.0.0/8"]')
  await expect(openMailbox(await caller(), address)).rejects.toThrow()
  expect(family((await get('/metrics')).text, 'linnet_relay_turned_away_total')).toEqual({ 'why="denied"': 1 })
})

test('a device on the list gets no connection, and others do', async () => {
  const person = createPerson()
  const { address, get } = await site(`[access]\ndeny = ["${person.device}"]`)
  void openMailbox(await caller(person), address).catch(() => undefined)
  const turnedAway = async (): Promise<unknown> => {
    return family((await get('/metrics')).text, 'linnet_relay_turned_away_total')
  }
  await expect.poll(turnedAway).toEqual({ 'why="denied"': 1 })
  await resident(address)
})

test('a copy of a running relay brings back its key and its messages, but no prekey a second time', async () => {
  const dataDir = await temporaryDirectory()
  const copy = join(await temporaryDirectory(), 'copy')
  const { relay, address, stop } = await site('', dataDir)
  const bob = await resident(address)
  const deposits = await openMailbox(await caller(), address)
  const sent = envelope(Date.now())
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
  await deposits.expect('stored')
  await backupTo(dataDir, copy, (path) => relay.backup(path))
  await expect(backupTo(dataDir, copy, (path) => relay.backup(path))).rejects.toThrow(/there already/)
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  await deposits.expect('stored')
  expect(() => restoreFrom(copy, dataDir, Date.now())).toThrow(/Another relay/)
  await stop()

  const { before } = restoreFrom(copy, dataDir, Date.now())
  expect(readdirSync(before ?? '')).toEqual(expect.arrayContaining(['relay.db', 'relay.key']))
  const again = await runningRelay({ dataDir })
  expect(again.relay.device).toBe(relay.device)
  expect(await again.relay.status()).toMatchObject({ messages: 1, mailboxes: 1, preKeys: 0 })
  const mailbox = await openMailbox(bob.node, again.address)
  mailbox.send({ kind: 'subscribe', credit: 10 })
  expect(await mailbox.expect('prekeys-left')).toMatchObject({ left: 0 })
  expect((await mailbox.expect('page')).envelopes).toEqual([sent])
})

test('a relay is copied while it is busy: nobody is refused, and the copy has all that was promised before', async () => {
  const [dataDir, copy] = [await temporaryDirectory(), join(await temporaryDirectory(), 'copy')]
  const rates =
    'deposits = { burst = 1000000, per-second = 1000000 }\ndeposit-bytes = { burst = 1000000000, per-second = 1 }'
  const { relay, address, stop } = await site(`[limits]\nmailbox-messages-max = 100000\n${rates}`, dataDir)
  const bob = await resident(address)
  const line = await openMailbox(await caller(), address)
  const promised: string[] = []
  const deposit = async (count: number): Promise<void> => {
    const wanted = promised.length + count
    for (let i = 0; i < count; i++) {
      line.send({
        kind: 'deposit',
        mailbox: bob.device,
        envelope: envelope(Date.now(), { sealed: new Uint8Array(2_000) }),
      })
    }
    while (promised.length < wanted) {
      const frame = await line.next()
      if (frame?.kind !== 'stored') throw new Error(`answered ${JSON.stringify(frame)}`)
      promised.push(...frame.receipt.taken.map(({ id }) => id))
    }
  }
  for (let i = 0; i < 15; i++) await deposit(100)
  const before = promised.length
  let over = false
  const copied = backupTo(dataDir, copy, (path) => relay.backup(path)).finally(() => (over = true))
  while (!over) await deposit(50)
  await copied
  expect(promised.length).toBeGreaterThan(before)
  await stop()

  restoreFrom(copy, dataDir, Date.now())
  const again = await runningRelay({ dataDir })
  const fetched = new Set<string>(await fetchAll(again, bob))
  expect(promised.slice(0, before).filter((id) => !fetched.has(id))).toEqual([])
  expect(fetched.difference(new Set(promised)).size).toBe(0)
})

test('a relay that is not running is copied too, and a copy that has changed replaces nothing', async () => {
  const dataDir = await temporaryDirectory()
  const copy = join(await temporaryDirectory(), 'copy')
  const { relay } = await runningRelay({ dataDir })
  await relay.stop()
  await backupTo(dataDir, copy, (path) => copyIdleDatabase(dataDir, path))
  const database = readFileSync(join(copy, 'relay.db'))
  database[5_000] = (database[5_000] ?? 0) ^ 1
  writeFileSync(join(copy, 'relay.db'), database)
  expect(() => restoreFrom(copy, dataDir, Date.now())).toThrow(
    /is not what was copied: take another copy. Nothing was changed/,
  )
  expect(existsSync(join(dataDir, 'relay.db'))).toBe(true)
  const empty = join(copy, 'empty')
  mkdirSync(empty)
  expect(() => restoreFrom(empty, dataDir, Date.now())).toThrow(/no copy of a relay/)
})
