-- What `crochet retention` took out of history: which calls, how many, and what the files they went into come to. Never
-- forgotten, so that who audits the books knows which calls were there.
CREATE TABLE exported_partitions (
    name             text        PRIMARY KEY,
    from_id          uuid        NOT NULL,
    to_id            uuid        NOT NULL,
    calls            bigint      NOT NULL CHECK (calls >= 0),
    attempts         bigint      NOT NULL CHECK (attempts >= 0),
    booked_calls     bigint      NOT NULL CHECK (booked_calls >= 0),
    calls_sha256     bytea       NOT NULL CHECK (octet_length(calls_sha256) = 32),
    attempts_sha256  bytea       NOT NULL CHECK (octet_length(attempts_sha256) = 32),
    exported_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    dropped_at       timestamptz,
    CONSTRAINT exported_partitions_is_a_range CHECK (from_id < to_id)
);
COMMENT ON TABLE exported_partitions IS 'Partitions of history that were exported and detached: ids from from_id and below to_id.';
COMMENT ON COLUMN exported_partitions.booked_calls IS 'How many of the calls are in the ledger, where their entries stay.';
COMMENT ON COLUMN exported_partitions.calls_sha256 IS 'Of the file, as it was written.';
GRANT SELECT ON exported_partitions TO crochet_app;

CREATE FUNCTION crochet_is_exported(id uuid) RETURNS boolean
    LANGUAGE sql STABLE
AS $$
    SELECT EXISTS (SELECT FROM exported_partitions WHERE id >= from_id AND id < to_id)
$$;

-- Takes a month out of history, and leaves its tables as `gateway_requests_…` and `gateway_attempts_…` under another
-- name. What it covered is covered by the partition before it, where that is empty, else by a new one: there is never an
-- id without a place. The caller bounds the wait for the lock; false, and nothing is done, when it is not had in time.
CREATE FUNCTION crochet_take_out(taken text, kept_as text) RETURNS boolean
    LANGUAGE plpgsql
AS $$
DECLARE
    history record;
    own record;
    earlier record;
    cover text;
    lower text;
BEGIN
    LOCK TABLE ONLY gateway_requests, ONLY gateway_attempts IN ACCESS EXCLUSIVE MODE;
    SELECT * INTO STRICT own FROM history_partitions WHERE name = taken;
    SELECT * INTO earlier FROM history_partitions partition WHERE partition.to_id = own.from_id
        AND NOT EXISTS (SELECT FROM gateway_requests WHERE (partition.from_id IS NULL OR id >= partition.from_id) AND id < partition.to_id)
        AND NOT EXISTS (SELECT FROM gateway_attempts WHERE (partition.from_id IS NULL OR call_id >= partition.from_id) AND call_id < partition.to_id);
    IF earlier.name IS NOT NULL THEN
        cover := earlier.name;
        lower := coalesce(quote_literal(earlier.from_id), 'MINVALUE');
    ELSE
        cover := CASE WHEN own.from_id IS NULL THEN 'before' ELSE 'gone_' || kept_as END;
        lower := coalesce(quote_literal(own.from_id), 'MINVALUE');
    END IF;
    FOR history IN SELECT * FROM (VALUES ('gateway_requests'), ('gateway_attempts')) kept (name)
    LOOP
        CALL crochet_name_indexes((history.name || '_' || taken)::regclass, kept_as);
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', history.name, history.name || '_' || taken);
        IF taken <> kept_as THEN
            EXECUTE format('ALTER TABLE %I RENAME TO %I', history.name || '_' || taken, history.name || '_' || kept_as);
        END IF;
        IF earlier.name IS NOT NULL THEN
            EXECUTE format('DROP TABLE %I', history.name || '_' || earlier.name);
        END IF;
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%L)', history.name || '_' || cover, history.name, lower, own.to_id);
        CALL crochet_name_indexes((history.name || '_' || cover)::regclass, cover);
    END LOOP;
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RETURN false;
END
$$;
REVOKE ALL ON FUNCTION crochet_take_out(text, text) FROM PUBLIC;
