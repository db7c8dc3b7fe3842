/** The key of a store: made once, never over a lost one, and behind a passphrase only its owner's. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../protocol/errors.ts'
import { changePassphrase, openKey, type Kdf } from '../../node/io/keyfile.ts'
import { openFolder } from './store-folder.ts'
import * as sample from './store-samples.ts'

/** Too cheap to protect anything, so that the tests are not about waiting. */
const cheap: Kdf = { name: 'argon2id', memoryKib: 64, passes: 1, lanes: 1, salt: '00'.repeat(16) }
const cheapScrypt: Kdf = { name: 'scrypt', cost: 16, blockSize: 8, lanes: 1, salt: '00'.repeat(16) }

let dataDir: string
let path: string

beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'linnet-key-')), 'profile')
  path = join(dataDir, 'key')
})
afterEach(() => rmSync(join(dataDir, '..'), { recursive: true }))

const refused = (reason: string): object => ({ name: 'NodeError', reason })

test('a bare key is made once, for its owner only', async () => {
  const key = await openKey(dataDir, undefined)
  expect(key).toHaveLength(32)
  expect(new Set(key).size).toBeGreaterThan(8)
  expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(dataDir)).toStrictEqual(['key'])
  expect(await openKey(dataDir, undefined)).toStrictEqual(key)
})

test('a passphrase where none was set is refused, so that nobody believes the key protected', async () => {
  await openKey(dataDir, undefined)
  await expect(openKey(dataDir, 'secret')).rejects.toMatchObject(refused('wrong-passphrase'))
})

test.each([cheap, cheapScrypt])('a key wrapped by $name opens with its passphrase only', async (kdf) => {
  const key = await openKey(dataDir, 'correct horse', kdf)
  const text = readFileSync(path, 'utf8')
  expect(text).toContain(kdf.name)
  expect(text).not.toContain(Buffer.from(key).toString('hex'))
  expect(await openKey(dataDir, 'correct horse')).toStrictEqual(key)
  await expect(openKey(dataDir, 'battery staple')).rejects.toMatchObject(refused('wrong-passphrase'))
  await expect(openKey(dataDir, undefined)).rejects.toMatchObject(refused('passphrase-needed'))
})

test('a passphrase is the same however its letters were composed', async () => {
  const key = await openKey(dataDir, 'caf\u00e9', cheap)
  expect(await openKey(dataDir, 'cafe\u0301')).toStrictEqual(key)
})

test('an empty passphrase is refused', async () => {
  await expect(openKey(dataDir, '')).rejects.toThrow(UsageError)
  expect(existsSync(path)).toBe(false)
})

test('a passphrase is set, changed and taken away, and the key stays', async () => {
  const key = await openKey(dataDir, undefined)
  await changePassphrase(dataDir, undefined, 'first', cheap)
  await expect(openKey(dataDir, undefined)).rejects.toMatchObject(refused('passphrase-needed'))
  await changePassphrase(dataDir, 'first', 'second', cheap)
  await expect(changePassphrase(dataDir, 'first', 'third')).rejects.toMatchObject(refused('wrong-passphrase'))
  expect(await openKey(dataDir, 'second')).toStrictEqual(key)
  await changePassphrase(dataDir, 'second', undefined)
  expect(await openKey(dataDir, undefined)).toStrictEqual(key)
  expect(readdirSync(dataDir)).toStrictEqual(['key'])
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a passphrase cannot be changed where there is no profile', async () => {
  await expect(changePassphrase(dataDir, undefined, 'next')).rejects.toMatchObject(refused('no-profile'))
})

test.each([undefined, 'secret'])(
  'a file with any letter changed is damaged, never another key (passphrase %s)',
  async (passphrase) => {
    await openKey(dataDir, passphrase)
    const whole = readFileSync(path)
    const key = passphrase === undefined ? await openKey(dataDir, passphrase) : undefined
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] as number) ^ 1
      if (isSpace(whole[at] as number)) continue
      writeFileSync(path, damaged)
      await expect(openKey(dataDir, passphrase), `at ${at}`).rejects.toMatchObject(refused('corrupt-store'))
    }
    for (const text of ['', '{}', 'null', '[]', whole.subarray(0, 40).toString()]) {
      writeFileSync(path, text)
      await expect(openKey(dataDir, passphrase), text).rejects.toMatchObject(refused('corrupt-store'))
    }
    writeFileSync(path, whole)
    if (key !== undefined) expect(await openKey(dataDir, passphrase)).toStrictEqual(key)
  },
)

test('no new key is made where the store is there and its key is not', async () => {
  const store = await openFolder(dataDir)
  store.close()
  const key = readFileSync(path)
  rmSync(path)
  const opening = openFolder(dataDir)
  await expect(opening).rejects.toMatchObject(refused('corrupt-store'))
  await expect(opening).rejects.toThrow(/key/)
  expect(existsSync(path)).toBe(false)
  writeFileSync(path, key)
  const again = await openFolder(dataDir) // The directory was given back each time.
  again.close()
})

test('what a crash left of a key half written does not matter', async () => {
  const key = await openKey(dataDir, undefined)
  writeFileSync(`${path}.unfinished`, 'half')
  chmodSync(`${path}.unfinished`, 0o644)
  await changePassphrase(dataDir, undefined, 'next', cheap)
  expect(await openKey(dataDir, 'next')).toStrictEqual(key)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a store opens with its passphrase through everything it takes', async () => {
  const store = await openFolder(dataDir, 'secret')
  sample.keep(store, { kind: 'add-event', stored: sample.event(1) })
  store.close()
  await expect(openFolder(dataDir)).rejects.toMatchObject(refused('passphrase-needed'))
  await expect(openFolder(dataDir, 'guess')).rejects.toMatchObject(refused('wrong-passphrase'))
  const again = await openFolder(dataDir, 'secret')
  expect(again.lastEventSeq()).toBe(1)
  again.close()
})

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a
}
