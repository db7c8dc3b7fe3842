/** What an error means for whoever called: a full or locked disk is this machine's, and not called a bug. */
import { expect, test } from 'vitest'
import { endOf } from '../../cli/exit.ts'
import { openDatabase, translated } from '../../node/io/store-sql.ts'

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
