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
  `
    -- How much there is of what, as changes that are added up now and then (postgres-totals.ts). Each transaction adds rows of
    -- its own, because one row for all would make relays wait for each other's commits.
    CREATE TABLE total (what text NOT NULL, count bigint NOT NULL, bytes bigint NOT NULL)
      WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

    CREATE FUNCTION note_total() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        sign bigint := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
      BEGIN
        IF TG_TABLE_NAME = 'mailbox' THEN
          INSERT INTO total SELECT 'mailbox' || urgency, sign * count(*), sign * sum(bytes) FROM changed GROUP BY urgency;
        ELSE
          INSERT INTO total SELECT TG_TABLE_NAME, sign * count(*), 0 FROM changed HAVING count(*) > 0;
        END IF;
        RETURN NULL;
      END
    $$;

    DO $$
      DECLARE
        name text;
      BEGIN
        FOREACH name IN ARRAY ARRAY['mailbox', 'tombstone', 'device', 'card', 'prekey_onetime'] LOOP
          EXECUTE format('CREATE TRIGGER added AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION note_total()', name);
          EXECUTE format('CREATE TRIGGER removed AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION note_total()', name);
          IF name <> 'mailbox' THEN
            EXECUTE format('INSERT INTO total SELECT %L, count(*), 0 FROM %I', name, name);
          END IF;
        END LOOP;
        INSERT INTO total SELECT 'mailbox' || urgency, count(*), sum(bytes) FROM mailbox GROUP BY urgency;
      END
    $$;
  `,
]
