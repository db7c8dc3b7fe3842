/** Commits rows to a database that syncs as little as it is told, and says the number of each: what the model must catch. */
import { writeSync } from 'node:fs'
import Database from 'better-sqlite3-multiple-ciphers'

const [path = '', synchronous = 'NORMAL'] = process.argv.slice(2)
const db = new Database(path)
db.pragma('journal_mode = WAL')
db.pragma(`synchronous = ${synchronous}`)
db.exec('CREATE TABLE IF NOT EXISTS mailbox (n INTEGER PRIMARY KEY, body BLOB)')
const insert = db.prepare('INSERT INTO mailbox VALUES (?, ?)')
for (let n = 1; ; n++) {
  insert.run(n, Buffer.alloc(200, n % 256))
  writeSync(1, `${n}\n`)
}
