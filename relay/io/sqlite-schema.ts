/**
 * What a relay's database looks like, as numbered steps that only go forward. A step that has been released is never
 * edited. Times are milliseconds since the epoch; ids and keys are their bytes. The statements keep to what PostgreSQL
 * also understands, so that many relay processes can one day share one database.
 */
import type { Migration } from './sqlite-open.ts'

export const relaySchema: readonly Migration[] = [
  {
    name: 'mailboxes and directory',
    sql: `
      -- The box number stands for the device wherever there is a row a message: a key in every index would be most of it.
      CREATE TABLE device (
        box INTEGER PRIMARY KEY AUTOINCREMENT, device BLOB NOT NULL UNIQUE, account BLOB NOT NULL,
        version INTEGER NOT NULL, bundle BLOB NOT NULL, updated_ms INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX device_account ON device (account);
      CREATE INDEX device_updated ON device (updated_ms);

      CREATE TABLE card (
        account BLOB NOT NULL PRIMARY KEY, revision INTEGER NOT NULL,
        card BLOB NOT NULL, signature BLOB NOT NULL, updated_ms INTEGER NOT NULL
      ) STRICT;

      CREATE TABLE prekey_onetime (
        device BLOB NOT NULL, id INTEGER NOT NULL, key BLOB NOT NULL,
        PRIMARY KEY (device, id)
      ) STRICT, WITHOUT ROWID;

      -- Handed out already: remembered, so that publishing one again does not bring it back.
      CREATE TABLE prekey_taken (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, device BLOB NOT NULL, id INTEGER NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX prekey_taken_id ON prekey_taken (device, id);
      CREATE INDEX prekey_taken_seq ON prekey_taken (device, seq);

      -- seq never goes back, so that order of arrival survives deletions.
      CREATE TABLE mailbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, box INTEGER NOT NULL, id BLOB NOT NULL,
        urgency INTEGER NOT NULL, stored_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
        bytes INTEGER NOT NULL, sealed BLOB NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX mailbox_id ON mailbox (box, id);
      CREATE INDEX mailbox_order ON mailbox (box, urgency, seq, bytes);
      CREATE INDEX mailbox_expires ON mailbox (expires_ms);

      CREATE TABLE tombstone (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, box INTEGER NOT NULL, id BLOB NOT NULL,
        reason TEXT NOT NULL, at_ms INTEGER NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX tombstone_id ON tombstone (box, id);
      CREATE INDEX tombstone_at ON tombstone (at_ms);
    `,
  },
  {
    name: 'what waits is filed apart from what it says',
    sql: `
      -- Where in its mailbox each envelope waits, but for the newest, which are known in memory: all up to the number in
      -- filed are here, and some after it.
      CREATE TABLE waiting (
        box INTEGER NOT NULL, id BLOB NOT NULL, seq INTEGER NOT NULL, urgency INTEGER NOT NULL, bytes INTEGER NOT NULL,
        PRIMARY KEY (box, id)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE filed (seq INTEGER NOT NULL) STRICT;
      INSERT INTO waiting SELECT box, id, seq, urgency, bytes FROM mailbox;
      INSERT INTO filed SELECT coalesce(max(seq), 0) FROM mailbox;
      CREATE INDEX waiting_order ON waiting (box, urgency, seq, bytes);
      DROP INDEX mailbox_id;
      DROP INDEX mailbox_order;
    `,
  },
]
