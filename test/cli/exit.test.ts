/** What an error means for whoever called: a full or locked disk is this machine's, and not called a bug. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { endOf } from '../../cli/exit.ts'
import { openDatabase, translated } from '../../node/io/store-sql.ts'
import { makeDirectory } from '../../protocol/shell/directory.ts'

function faultAfter(pragma: string): unknown {
  const database = openDatabase(':memory:')
  database.exec('CREATE TABLE rows (bytes BLOB)')
  database.pragma(pragma)
  try {
    translated(() => database.exec('INSERT INTO rows VALUES (zeroblob(100000))'))
  } catch (error) {
    return error
  }
  throw new Error('it was written')
}

test.each([
  ['is full', 'max_page_count = 2', 'the disk is full: make room'],
  ['may not be written', 'query_only = 1', 'cannot be written (SQLITE_READONLY)'],
])('a store whose disk %s ends 2 as a fault of the machine', (_what, pragma, words) => {
  expect(endOf(faultAfter(pragma))).toMatchObject({
    code: 2,
    reason: 'machine',
    message: expect.stringContaining(words) as string,
  })
})

test('what nobody thought of is still called unexpected', () => {
  expect(endOf(new Error('what', { cause: new Error('why') }))).toMatchObject({ code: 2, reason: 'unexpected' })
})

function endAfter(work: () => void): unknown {
  try {
    work()
  } catch (error) {
    return endOf(error)
  }
  throw new Error('it worked')
}

const onLinux = test.runIf(process.platform === 'linux')

onLinux('what the system says in a code is said in a sentence, with what to do', () => {
  expect(endAfter(() => writeFileSync('/dev/full', 'x'))).toMatchObject({
    code: 2,
    reason: 'machine',
    message: 'the disk is full: make room and start again',
  })
})

onLinux('a directory that cannot be made is named, and not tried for ever', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linnet-places-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  symlinkSync(join(dir, 'unplugged'), join(dir, 'disk'))
  for (const [path, named] of [
    ['/proc/x/y', '/proc/x'],
    ['/dev/null/x', '/dev/null'],
    [join(dir, 'disk/linnet'), join(dir, 'disk')],
  ] as const) {
    expect(endAfter(() => makeDirectory(path))).toMatchObject({
      code: 2,
      reason: 'machine',
      message: `${named}: no directory can be made here: choose another place`,
    })
  }
  mkdirSync(join(dir, 'unplugged'))
  makeDirectory(join(dir, 'disk/linnet'))
  makeDirectory(join(dir, 'disk/linnet'))
})
