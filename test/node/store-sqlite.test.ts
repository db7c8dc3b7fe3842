/** What is true of the store on disk alone: its files, its key, its damage, its versions and its memory of sessions. */
import { createHash, randomBytes } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LocalError, UsageError } from '../../protocol/errors.ts'
import { migrations } from '../../node/io/schema.ts'
import type { DeviceStore } from '../../node/io/store.ts'
import { openDatabase } from '../../node/io/store-sql.ts'
import { openSqliteStore } from '../../node/io/store-sqlite.ts'
import { answersOf, before, changes } from './store-answers.ts'
import { openFolder } from './store-folder.ts'
import * as sample from './store-samples.ts'
import { accountOf, deviceOf, keep } from './store-samples.ts'

const key = sample.bytesOf(9, 32)
let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linnet-store-'))
  file = join(folder, 'store.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

const open = (more: Partial<Parameters<typeof openSqliteStore>[0]> = {}): DeviceStore =>
  openSqliteStore({ file, key, sessions: sample.wordSessions(), ...more })

function filled(more?: Partial<Parameters<typeof openSqliteStore>[0]>): DeviceStore {
  const store = open(more)
  keep(store, ...before, ...changes)
  return store
}

const refused = (reason: string): unknown => expect.objectContaining({ name: 'NodeError', reason })

describe('its files', () => {
  test('hold no plaintext, no schema and no header, whether the log was folded in or not', () => {
    const marker = 'the quick brown fox'
    const store = open()
    for (let n = 1; n <= 100; n++) {
      const body = new TextEncoder().encode(marker.repeat(1_000))
      keep(
        store,
        { kind: 'put-message', message: sample.outgoing(n, 1, { body, waiting: marker }) },
        { kind: 'put-contact', contact: sample.contact(1, { name: marker }) },
        { kind: 'put-fact', key: 'identity', value: body },
      )
    }
    const secrets = [marker, 'SQLite format', 'CREATE TABLE', 'messages', accountOf(1)]
    const search = (): void => {
      for (const name of readdirSync(folder)) {
        const bytes = readFileSync(join(folder, name))
        for (const secret of secrets) expect(bytes.includes(secret), `${secret} in ${name}`).toBe(false)
      }
    }
    expect(readdirSync(folder).toSorted()).toStrictEqual(['store.db', 'store.db-wal'])
    expect(statSync(file).size).toBeGreaterThan(100_000)
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(100_000)
    search()
    store.close()
    expect(readdirSync(folder)).toStrictEqual(['store.db'])
    search()
  })

  test('are for their owner only, whatever the mask', async () => {
    const mask = process.umask(0)
    try {
      const dataDir = join(folder, 'new', 'profile')
      const store = await openFolder(dataDir)
      keep(store, ...before)
      expect(statSync(dataDir).mode & 0o777).toBe(0o700)
      expect(readdirSync(dataDir).toSorted()).toStrictEqual(['key', 'owner.db', 'store.db', 'store.db-wal'])
      for (const name of readdirSync(dataDir)) expect(statSync(join(dataDir, name)).mode & 0o777, name).toBe(0o600)
      await store.backup(join(folder, 'backup.db'))
      expect(statSync(join(folder, 'backup.db')).mode & 0o777).toBe(0o600)
      store.close()
    } finally {
      process.umask(mask)
    }
  })
})

describe('a store that cannot be opened', () => {
  test('with another key, says so', () => {
    filled().close()
    expect(() => open({ key: sample.bytesOf(8, 32) })).toThrow(refused('corrupt-store'))
    expect(() => open({ key: sample.bytesOf(9, 31) })).toThrow(UsageError)
    expect(answersOf(open())['lastEventSeq']).toBe(2)
  })

  test('because it is none, says so and is left alone', () => {
    const plain = openDatabase(join(folder, 'plain.db'))
    plain.exec('CREATE TABLE facts (key TEXT)')
    plain.close()
    const foreign = openDatabase(join(folder, 'foreign.db'))
    foreign.pragma(`cipher = 'chacha20'`)
    foreign.pragma(`key = 'raw:${Buffer.from(key).toString('hex')}'`)
    foreign.exec('CREATE TABLE facts (key TEXT)')
    foreign.close()
    writeFileSync(join(folder, 'noise.db'), randomBytes(40_960))
    writeFileSync(join(folder, 'text.db'), 'not a database')
    for (const name of ['plain.db', 'foreign.db', 'noise.db', 'text.db']) {
      const bytes = readFileSync(join(folder, name))
      expect(() => open({ file: join(folder, name) }), name).toThrow(refused('corrupt-store'))
      expect(readFileSync(join(folder, name)), name).toStrictEqual(bytes)
    }
  })

  test('because one bit of it changed, says so when that page is read, and never gives other answers', () => {
    const store = open()
    for (let n = 1; n <= 20; n++) {
      keep(store, { kind: 'put-message', message: sample.outgoing(n, 1, { body: sample.bytesOf(n, 8_000) }) })
    }
    const history = store.history(accountOf(1), 100)
    store.close()
    const whole = readFileSync(file)
    const pages = whole.length / 4_096
    let found = 0
    for (let page = 0; page < pages; page++) {
      const damaged = Buffer.from(whole)
      const at = page * 4_096 + ((page * 611) % 4_096)
      damaged[at] = (damaged[at] as number) ^ 4
      writeFileSync(file, damaged)
      const refusal = refusalOf(() => {
        const opened = open()
        try {
          expect(opened.history(accountOf(1), 100)).toStrictEqual(history)
        } finally {
          opened.close()
        }
      })
      if (refusal === undefined) continue // A page of another table.
      expect(refusal, `page ${page}`).toMatchObject({
        reason: 'corrupt-store',
        message: expect.stringContaining('backup'),
      })
      found++
    }
    expect(found).toBeGreaterThan(40)
  })

  test('because a newer program wrote it, says so and is left as it is', () => {
    filled({ steps: [...migrations, 'CREATE TABLE later (x INTEGER) STRICT'] }).close()
    const digest = (): string => createHash('sha256').update(readFileSync(file)).digest('hex')
    const old = digest()
    expect(() => open()).toThrow(refused('newer-store'))
    expect(digest()).toBe(old)
    expect(readdirSync(folder)).toStrictEqual(['store.db'])
  })
})

describe('a store of version 1', () => {
  const first = migrations.slice(0, 1)
  const next = [...first, `ALTER TABLE contacts ADD COLUMN note TEXT; INSERT INTO facts VALUES ('own-card', x'07')`]
  const older = (): string => `${file}.before-version-2`

  test('becomes current with all it holds, and the older file stays until that has come up once more', () => {
    const old = filled({ steps: first })
    const answers = answersOf(old)
    old.close()

    const current = open({ steps: next })
    expect(current.fact('own-card')).toStrictEqual(Uint8Array.of(7))
    expect({ ...answersOf(current), fact: 0 }).toStrictEqual({ ...answers, fact: 0 })
    current.close()
    expect(statSync(older()).mode & 0o777).toBe(0o600)
    copyFileSync(older(), join(folder, 'copy.db'))

    const again = open({ steps: next })
    expect(again.contacts()).toHaveLength(2)
    again.close()
    expect(existsSync(older())).toBe(false)

    const back = open({ steps: first, file: join(folder, 'copy.db') })
    expect(answersOf(back)).toStrictEqual(answers)
    back.close()
  })

  test('stays one when the way to the next fails', () => {
    const old = filled({ steps: first })
    const answers = answersOf(old)
    old.close()
    expect(() => open({ steps: [...first, 'DROP TABLE contacts; INSERT INTO nowhere VALUES (1)'] })).toThrow(LocalError)
    const again = open({ steps: first })
    expect(answersOf(again)).toStrictEqual(answers)
    again.close()
  })
})

describe('a full disk', () => {
  test('is an error of this machine, after which what was committed is there and goes on', () => {
    const store = filled({ steps: [...migrations, 'PRAGMA max_page_count = 80'] })
    const answers = answersOf(store)
    store.begin()
    expect(() => {
      for (let n = 100; n < 200; n++) {
        store.apply({ kind: 'put-message', message: sample.outgoing(n, 1, { body: sample.bytesOf(n, 10_000) }) })
        store.apply({ kind: 'put-contact', contact: sample.contact(n) })
        store.apply({ kind: 'put-session', device: deviceOf(1), record: sample.record('lost') })
      }
    }).toThrow(/disk is full/)
    store.rollback()
    expect(answersOf(store)).toStrictEqual(answers)
    keep(store, { kind: 'add-event', stored: sample.event(3) })
    expect(store.lastEventSeq()).toBe(3)
    store.close()
  })
})

describe('a backup', () => {
  test('is a store of its own under the same key, without sessions', async () => {
    const store = filled()
    const path = join(folder, 'backup.db')
    await store.backup(path)
    expect(readFileSync(path).includes('SQLite format')).toBe(false)
    const copy = open({ file: path })
    const none = Array.from({ length: 9 })
    expect(answersOf(copy)).toStrictEqual({ ...answersOf(store), session: none })
    copy.close()
    await expect(store.backup(path)).rejects.toThrow(UsageError)
    store.close()
    expect(readdirSync(folder).toSorted()).toStrictEqual(['backup.db', 'store.db'])
  })
})

describe('session records', () => {
  test('are encoded once a commit and decoded once a life', () => {
    const sessions = sample.wordSessions()
    const store = open({ sessions })
    store.begin()
    for (let n = 1; n <= 5; n++)
      store.apply({ kind: 'put-session', device: deviceOf(1), record: sample.record(`${n}`) })
    expect(store.session(deviceOf(1))).toStrictEqual(sample.record('5'))
    store.commit()
    expect([sessions.encoded, sessions.decoded]).toStrictEqual([1, 0])
    store.close()
    const again = open({ sessions })
    for (let n = 1; n <= 5; n++) expect(again.session(deviceOf(1))).toStrictEqual(sample.record('5'))
    expect(sessions.decoded).toBe(1)
    again.close()
  })

  test('of more devices than are kept decoded are all still there', () => {
    const store = open()
    const many = Array.from({ length: 600 }, (_, n) => n)
    keep(
      store,
      ...many.map((n) => ({ kind: 'put-session', device: deviceOf(n), record: sample.record(`${n}`) }) as const),
    )
    for (const n of many) expect(store.session(deviceOf(n))).toStrictEqual(sample.record(`${n}`))
    store.close()
  })

  test('that are none are damage', () => {
    const store = open({ sessions: { ...sample.wordSessions(), encodeRecord: () => Uint8Array.of(1) } })
    keep(store, { kind: 'put-session', device: deviceOf(1), record: sample.record('lost') })
    store.close()
    const again = open()
    expect(() => again.session(deviceOf(1))).toThrow(refused('corrupt-store'))
    again.close()
  })
})

function refusalOf(work: () => void): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}
