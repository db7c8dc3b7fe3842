/**
 * What the shared database looks like, as numbered steps that only go forward: the tables of `sqlite-schema.ts` in
 * PostgreSQL's words. A step that has been released is never edited.
 */
export const postgresSchema: readonly string[] = [
  `
    CREATE TABLE device (
      device bytea PRIMARY KEY, account bytea NOT NULL,
      version bigint NOT NULL, bundle bytea NOT NULL, updated_ms bigint NOT NULL
    );
    CREATE INDEX device_account ON device (account);
    CREATE INDEX device_updated ON device (updated_ms);

    CREATE TABLE card (
      account bytea PRIMARY KEY, revision bigint NOT NULL,
      card bytea NOT NULL, signature bytea NOT NULL, updated_ms bigint NOT NULL
    );

    CREATE TABLE prekey_onetime (device bytea NOT NULL, id integer NOT NULL, key bytea NOT NULL, PRIMARY KEY (device, id));

    CREATE TABLE prekey_taken (
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, device bytea NOT NULL, id integer NOT NULL
    );
    CREATE UNIQUE INDEX prekey_taken_id ON prekey_taken (device, id);
    CREATE INDEX prekey_taken_seq ON prekey_taken (device, seq);

    CREATE TABLE mailbox (
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, device bytea NOT NULL, id bytea NOT NULL,
      urgency integer NOT NULL, stored_ms bigint NOT NULL, expires_ms bigint NOT NULL,
      bytes integer NOT NULL, sealed bytea NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
    -- What is sealed cannot be made smaller: trying would only cost time.
    ALTER TABLE mailbox ALTER COLUMN sealed SET STORAGE EXTERNAL;
    CREATE UNIQUE INDEX mailbox_id ON mailbox (device, id);
    CREATE INDEX mailbox_order ON mailbox (device, urgency, seq) INCLUDE (bytes);
    CREATE INDEX mailbox_expires ON mailbox (expires_ms);

    CREATE TABLE tombstone (
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, device bytea NOT NULL, id bytea NOT NULL,
      reason text NOT NULL, at_ms bigint NOT NULL
    );
    CREATE UNIQUE INDEX tombstone_id ON tombstone (device, id);
    CREATE INDEX tombstone_order ON tombstone (device, seq);
    CREATE INDEX tombstone_at ON tombstone (at_ms);
  `,
]
