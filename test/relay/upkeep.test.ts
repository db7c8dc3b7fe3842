/** What an operator is told when something is not as it should be, and what is then left alone. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRelay, initRelay, restoreFrom } from '../../relay/index.ts'
import { postgresStore } from '../../relay/io/store-postgres.ts'
import { relayLimits } from '../../relay/core/limits.ts'
import { backupTo, copyIdleDatabase } from '../../relay/operation/backup.ts'
import { runningRelay } from './network.ts'
import { temporaryDirectory } from './temporary.ts'

/** Where a relay has been. */
async function used(): Promise<string> {
  const dataDir = await temporaryDirectory()
  const { relay } = await runningRelay({ dataDir })
  await relay.stop()
  return dataDir
}

test('a relay whose key is gone is not made another one', async () => {
  const dataDir = await used()
  const key = join(dataDir, 'relay.key')
  rmSync(key)
  const words = 'relay.key is missing'
  await expect(createRelay({ dataDir })).rejects.toThrow(words)
  expect(() => initRelay(dataDir, join(dataDir, 'relay.toml'))).toThrow(words)
  expect(existsSync(key)).toBe(false)
})

test('a file that is no database is said to be damaged, and left as it is', async () => {
  const dataDir = await used()
  const path = join(dataDir, 'relay.db')
  writeFileSync(path, new Uint8Array(20_000).fill(7))
  await expect(createRelay({ dataDir })).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringContaining('relay.db is damaged (SQLITE_NOTADB): put a copy back') as string,
  })
  expect(new Set(readFileSync(path))).toEqual(new Set([7]))
})

test('a copy that has changed, or whose list has, replaces nothing', async () => {
  const dataDir = await used()
  const before = readFileSync(join(dataDir, 'relay.db'))
  const copy = join(await temporaryDirectory(), 'copy')
  await backupTo(dataDir, copy, (path) => copyIdleDatabase(dataDir, path))
  appendFileSync(join(copy, 'relay.db'), 'x')
  const refusal = { name: 'UsageError', message: expect.stringContaining('take another copy') as string }
  expect(() => restoreFrom(copy, dataDir, 0)).toThrow(expect.objectContaining(refusal))
  writeFileSync(join(copy, 'checksums.json'), '{')
  expect(() => restoreFrom(copy, dataDir, 0)).toThrow(expect.objectContaining(refusal))
  expect(readFileSync(join(dataDir, 'relay.db'))).toEqual(before)
})

test('a database server that is not there is said to be, without its address', async () => {
  const url = 'postgres://somebody:secret@127.0.0.1:1/linnet'
  const refused = postgresStore({ url, limits: relayLimits, failed: () => undefined })
  await expect(refused).rejects.toMatchObject({
    name: 'UsageError',
    message:
      'No PostgreSQL server answers where [store] url says: is it running, and is that the place? (ECONNREFUSED).',
  })
})

test('a directory where the database should be is the disk’s fault, not ours', async () => {
  const dataDir = await temporaryDirectory()
  initRelay(dataDir, join(dataDir, 'relay.toml'))
  mkdirSync(join(dataDir, 'relay.db'))
  await expect(createRelay({ dataDir })).rejects.toThrow(/EISDIR|SQLITE_CANTOPEN/)
})

test('a copy that the disk does not take is the disk’s fault, and nothing is left of it', async ({ skip }) => {
  if (process.platform !== 'linux') return skip('only Linux has a place that takes no files from anybody')
  const dataDir = await used()
  const copy = join(await temporaryDirectory(), 'copy')
  const written = backupTo(dataDir, copy, () => copyIdleDatabase(dataDir, '/proc/copy'))
  await expect(written).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringContaining(`cannot be written to ${copy}`) as string,
  })
  expect(existsSync(copy)).toBe(false)
})

test.runIf(process.platform === 'linux')(
  'a configuration for which there is no room is not left half written',
  async () => {
    const dataDir = await temporaryDirectory()
    const config = join(dataDir, 'relay.toml')
    symlinkSync('/dev/full', `${config}.new`)
    expect(() => initRelay(dataDir, config)).toThrow('ENOSPC')
    expect(readdirSync(dataDir)).toEqual(['relay.key'])
    expect(initRelay(dataDir, config)).toMatchObject({ configWritten: true })
  },
)
