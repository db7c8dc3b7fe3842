/**
 * The tables of a store on disk, by version, and how an older file becomes a current one. A published version is never
 * edited: what changes is a new step at the end. Steps only go forward; a file of a newer program is refused untouched.
 *
 * Ids are text, so that a row reads the same in the store, in a log and on a screen. Times are milliseconds since the
 * epoch. `place` is the order in which rows were first put.
 */
import { corruptStore, NodeError } from './store-fault.ts'
import { translated, type Database } from './store-sql.ts'

const version1 = `
CREATE TABLE facts (
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Highest numbers ever given, for rows that may be gone.
CREATE TABLE highest (
  what TEXT PRIMARY KEY,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
  place INTEGER PRIMARY KEY,
  account TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  card TEXT,
  signed_card BLOB,
  card_signature BLOB,
  hints TEXT NOT NULL,
  token BLOB,
  introduced INTEGER NOT NULL,
  verified INTEGER NOT NULL,
  next_seq INTEGER NOT NULL,
  added_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
  place INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  conversation TEXT NOT NULL,
  outgoing INTEGER NOT NULL,
  device TEXT,
  body BLOB NOT NULL,
  seq INTEGER NOT NULL,
  sent_ms INTEGER NOT NULL,
  received_ms INTEGER,
  state TEXT NOT NULL,
  position INTEGER NOT NULL,
  expires_ms INTEGER,
  dispatched INTEGER,
  waiting TEXT,
  UNIQUE (id, conversation, outgoing)
) STRICT;
CREATE INDEX messages_history ON messages (conversation, position) WHERE position > 0;
CREATE INDEX messages_held_device ON messages (device, seq) WHERE state = 'held';
CREATE INDEX messages_held_account ON messages (conversation) WHERE state = 'held';
CREATE INDEX messages_undispatched ON messages (conversation, seq) WHERE outgoing = 1 AND dispatched = 0;

CREATE TABLE deliveries (
  place INTEGER PRIMARY KEY,
  message TEXT NOT NULL,
  device TEXT NOT NULL,
  account TEXT NOT NULL,
  visible INTEGER NOT NULL,
  body BLOB NOT NULL,
  seq INTEGER NOT NULL,
  sent_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  send_order INTEGER NOT NULL,
  urgency INTEGER NOT NULL,
  envelope TEXT,
  type INTEGER,
  ciphertext BLOB,
  stored_relay TEXT,
  stored_ms INTEGER,
  UNIQUE (message, device)
) STRICT;

CREATE TABLE attempts (
  place INTEGER PRIMARY KEY,
  message TEXT NOT NULL,
  device TEXT,
  at_ms INTEGER NOT NULL,
  route TEXT NOT NULL,
  via TEXT NOT NULL,
  outcome TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_message ON attempts (message);

CREATE TABLE sessions (
  device TEXT PRIMARY KEY,
  record BLOB NOT NULL
) STRICT;

CREATE TABLE prekeys (
  id INTEGER PRIMARY KEY,
  relay TEXT NOT NULL,
  public_key BLOB NOT NULL,
  private_key BLOB NOT NULL
) STRICT;
CREATE INDEX prekeys_relay ON prekeys (relay);

CREATE TABLE signed_prekeys (
  id INTEGER PRIMARY KEY,
  public_key BLOB NOT NULL,
  private_key BLOB NOT NULL,
  signature BLOB NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE kyber_prekeys (
  id INTEGER PRIMARY KEY,
  public_key BLOB NOT NULL,
  private_key BLOB NOT NULL,
  signature BLOB NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE base_keys (
  signed_prekey INTEGER NOT NULL,
  kyber_prekey INTEGER NOT NULL,
  base_key BLOB NOT NULL,
  PRIMARY KEY (signed_prekey, kyber_prekey, base_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX base_keys_kyber ON base_keys (kyber_prekey);

CREATE TABLE seen (
  envelope TEXT PRIMARY KEY,
  message TEXT,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_until ON seen (until_ms);

CREATE TABLE invites (
  place INTEGER PRIMARY KEY,
  token BLOB NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_by TEXT
) STRICT;

CREATE TABLE inbound (
  device TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  expected INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE owed (
  place INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  message TEXT NOT NULL,
  state TEXT NOT NULL,
  UNIQUE (account, message, state)
) STRICT;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  event TEXT NOT NULL
) STRICT;
`

/** What each version adds to the one before it; the first makes an empty file a store. */
export const migrations: readonly string[] = [version1]

/** In the file's header, so that another program's database is not taken for a store: 'Linn'. */
const applicationId = 0x4c696e6e

/** The file's version: 0 for a new one. Throws NodeError 'newer-store', or 'corrupt-store' when it is no store. */
export function versionOf(database: Database, current: number): number {
  return translated(() => {
    const version = database.pragma('user_version', { simple: true }) as number
    const application = database.pragma('application_id', { simple: true }) as number
    const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() as { tables: number }
    if (version === 0 && tables === 0) return 0
    if (application !== applicationId || version === 0) throw corruptStore('it was made by another program')
    if (version > current) {
      throw new NodeError(
        'newer-store',
        `The store was written by a newer version of this program (store version ${version}, this program knows ` +
          `${current}). Update the program; the store was left as it is.`,
      )
    }
    return version
  })
}

/** Takes the file from `version` to the last of `steps`, whole or not at all. */
export function migrate(database: Database, version: number, steps: readonly string[]): void {
  translated(() => {
    database.exec('BEGIN EXCLUSIVE')
    try {
      for (const step of steps.slice(version)) database.exec(step)
      database.pragma(`application_id = ${applicationId}`)
      database.pragma(`user_version = ${steps.length}`)
      database.exec('COMMIT')
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK')
      throw error
    }
  })
}
