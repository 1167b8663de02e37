-- History in months (docs/adr/0034). A call's id begins with the moment at which it was made, so a month is a range of
-- ids. `…_before` has everything before the first month, `…_later` everything after the last: there is no id without a
-- place, and, unlike with a DEFAULT partition, the planner knows in which order partitions are.

-- The least id that a moment can have.
CREATE FUNCTION crochet_first_id(at timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Likewise the moment of an id.
CREATE FUNCTION crochet_moment_of(id uuid) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
$$;

-- The first moment of a month, by the calendar of UTC.
CREATE FUNCTION crochet_month_of(at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT date_trunc('month', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
$$;

CREATE FUNCTION crochet_next_month(at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT (date_trunc('month', at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
$$;

-- An index of a partition has its table's index's name, and the partition's.
CREATE PROCEDURE crochet_name_indexes(partition regclass, suffix text)
    LANGUAGE plpgsql
AS $$
DECLARE
    named record;
BEGIN
    FOR named IN SELECT own.oid::regclass AS name, parents.relname || '_' || suffix AS wanted
                   FROM pg_index
                   JOIN pg_class own ON own.oid = indexrelid
                   JOIN pg_inherits ON inhrelid = indexrelid
                   JOIN pg_class parents ON parents.oid = inhparent
                  WHERE indrelid = partition AND own.relname <> parents.relname || '_' || suffix
    LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', named.name, named.wanted);
    END LOOP;
END
$$;

-- Moves those rows with ids below `upper`; generated columns are made anew.
CREATE PROCEDURE crochet_move_rows(source regclass, target regclass, key name, lower uuid, upper uuid)
    LANGUAGE plpgsql
AS $$
DECLARE
    columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                      WHERE attrelid = source AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
BEGIN
    EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE ($1 IS NULL OR %2$I >= $1) AND ($2 IS NULL OR %2$I < $2) RETURNING *) '
                   'INSERT INTO %3$s (%4$s) SELECT %4$s FROM moved', source, key, target, columns) USING lower, upper;
END
$$;

-- Makes the months up to the second after that of `at`, out of `…_later`; answers how many. Holds everybody off for some
-- milliseconds a month, after a wait for the lock that `lock_timeout` bounds. Rows that `…_later` has of a month are moved:
-- of more than `most` NULL is answered, and nothing is done. Whoever comes while another is at it leaves it to that one.
CREATE FUNCTION crochet_make_months(at timestamptz, most integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    wanted constant timestamptz := crochet_next_month(crochet_next_month(crochet_next_month(at)));
    month timestamptz;
    upper uuid;
    suffix text;
    history record;
    waiting integer;
    made integer := 0;
BEGIN
    -- "months" in ASCII.
    IF NOT pg_try_advisory_xact_lock(120337140279411) THEN
        RETURN 0;
    END IF;
    LOOP
        SELECT crochet_moment_of(from_id) INTO month FROM history_partitions WHERE to_id IS NULL;
        EXIT WHEN month >= wanted OR month IS NULL;
        upper := crochet_first_id(crochet_next_month(month));
        SELECT count(*) INTO waiting FROM (SELECT FROM gateway_requests_later WHERE id < upper LIMIT most::bigint + 1) few;
        IF waiting > most THEN
            RETURN NULL;
        END IF;
        suffix := to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        LOCK TABLE ONLY gateway_requests, ONLY gateway_attempts IN ACCESS EXCLUSIVE MODE;
        FOR history IN SELECT * FROM (VALUES ('gateway_requests', 'id'), ('gateway_attempts', 'call_id')) kept (name, key)
        LOOP
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', history.name, history.name || '_later');
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', history.name || '_' || suffix,
                           history.name, crochet_first_id(month), upper);
            CALL crochet_name_indexes((history.name || '_' || suffix)::regclass, suffix);
            CALL crochet_move_rows((history.name || '_later')::regclass, (history.name || '_' || suffix)::regclass,
                                   history.key, NULL, upper);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (MAXVALUE)', history.name,
                           history.name || '_later', upper);
        END LOOP;
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON PROCEDURE crochet_name_indexes(regclass, text) FROM PUBLIC;
REVOKE ALL ON PROCEDURE crochet_move_rows(regclass, regclass, name, uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION crochet_make_months(timestamptz, integer) FROM PUBLIC;

-- The same for the application, whose role may make no tables: with the rights of whoever migrated, on a path of
-- its own, with a short wait, and for no moment that is further off than a year.
DO $$
BEGIN
    EXECUTE format($make$
        CREATE FUNCTION crochet_months_ahead(at timestamptz) RETURNS integer
            LANGUAGE sql SECURITY DEFINER SET search_path = %I, pg_temp SET lock_timeout = '500ms'
        AS 'SELECT crochet_make_months(least(at, clock_timestamp() + interval ''1 year''), 10000)'
    $make$, current_schema());
END
$$;
REVOKE ALL ON FUNCTION crochet_months_ahead(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crochet_months_ahead(timestamptz) TO crochet_app;
COMMENT ON FUNCTION crochet_months_ahead(timestamptz) IS 'Makes the partitions of this month and the next two; answers how many, NULL when rows without a month are too many to be moved.';

-- Short waits, with pauses in which those who queue behind us have their turn.
DO $$
DECLARE
    patience constant text := current_setting('lock_timeout');
BEGIN
    PERFORM set_config('lock_timeout', '2s', true);
    FOR attempt IN 1..20 LOOP
        BEGIN
            LOCK TABLE gateway_requests, gateway_attempts IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = 20 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(1);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', patience, true);
END
$$;

-- No index of a partitioned table can be unique but over the id. That a settlement is of one call is kept by
-- ledger_entries_one_original_of_each_type, since a settlement is written with its entries or not at all. Nothing looks a
-- call up by its settlement.
DROP INDEX gateway_requests_by_settlement;

DO $$
DECLARE
    bound uuid;
    history record;
    own record;
BEGIN
    SELECT substring(pg_get_constraintdef(oid) FROM '[0-9a-f]{8}-[0-9a-f-]{27}')::uuid INTO bound FROM pg_constraint
     WHERE conrelid = 'gateway_requests'::regclass AND conname = 'gateway_requests_bound' AND convalidated;
    bound := coalesce(bound, crochet_first_id(CASE
        WHEN EXISTS (SELECT FROM gateway_requests) THEN crochet_next_month(now())
        ELSE crochet_month_of(now()) END));
    FOR history IN SELECT * FROM (VALUES ('gateway_requests', 'id'), ('gateway_attempts', 'call_id')) kept (name, key)
    LOOP
        FOR own IN SELECT indexrelid::regclass AS name, relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
                    WHERE indrelid = history.name::regclass
        LOOP
            EXECUTE format('ALTER INDEX %s RENAME TO %I', own.name, own.relname || '_before');
        END LOOP;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', history.name, history.name || '_before');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE '
                       'INCLUDING COMMENTS) PARTITION BY RANGE (%I)', history.name, history.name || '_before', history.key);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I', history.name, history.name || '_bound');
    END LOOP;
    PERFORM set_config('crochet.bound', bound::text, true);
END
$$;

-- As they were; those that `…_before` has already are taken as its part of them.
ALTER TABLE gateway_requests ADD CONSTRAINT gateway_requests_pkey PRIMARY KEY (id);
CREATE INDEX gateway_requests_by_buyer_and_state ON gateway_requests (buyer_id, state, id DESC);
CREATE INDEX gateway_requests_by_seller_and_state ON gateway_requests (seller_id, state, id DESC) INCLUDE (buyer_id);
CREATE INDEX gateway_requests_by_buyer_and_listing ON gateway_requests (buyer_id, listing_id, id DESC);
CREATE INDEX gateway_requests_by_seller_and_listing ON gateway_requests (seller_id, listing_id, id DESC);
CREATE INDEX gateway_requests_superseded_of_buyer ON gateway_requests (buyer_id, id DESC) WHERE superseded_by IS NOT NULL;
CREATE INDEX gateway_requests_superseded_of_seller ON gateway_requests (seller_id, id DESC) INCLUDE (buyer_id)
    WHERE superseded_by IS NOT NULL;
CREATE INDEX gateway_requests_by_successor ON gateway_requests (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX gateway_requests_due ON gateway_requests (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX gateway_requests_wanted ON gateway_requests (check_wanted_at) WHERE check_wanted_at IS NOT NULL;
CREATE INDEX gateway_requests_by_provider_request ON gateway_requests (provider, provider_request_id)
    WHERE provider_request_id IS NOT NULL;
CREATE INDEX gateway_requests_unfinished ON gateway_requests (state, lease_until)
    WHERE (state IN ('quoting', 'quoted', 'pending', 'settled', 'forwarding')
       OR (state = 'seller_failed' AND gross_micros IS NOT NULL)) IS TRUE;
ALTER TABLE gateway_attempts ADD CONSTRAINT gateway_attempts_pkey PRIMARY KEY (call_id, attempt);

-- The partitions of both tables, in order; they are always made and taken away in pairs. NULL is without a bound.
CREATE VIEW history_partitions AS
SELECT substr(child.relname, length('gateway_requests_') + 1) AS name,
       substring(bound.text FROM 'FROM \(''([0-9a-f-]{36})''\)')::uuid AS from_id,
       substring(bound.text FROM 'TO \(''([0-9a-f-]{36})''\)')::uuid AS to_id
  FROM pg_inherits
  JOIN pg_class child ON child.oid = inhrelid
 CROSS JOIN LATERAL (SELECT pg_get_expr(child.relpartbound, child.oid) AS text) bound
 WHERE inhparent = 'gateway_requests'::regclass
 ORDER BY from_id NULLS FIRST;
COMMENT ON VIEW history_partitions IS 'The partitions of gateway_requests and gateway_attempts: their names without the table''s, and the ids from and below which they hold.';
GRANT SELECT ON history_partitions TO crochet_app;

DO $$
DECLARE
    bound constant uuid := current_setting('crochet.bound')::uuid;
    history record;
BEGIN
    FOR history IN SELECT * FROM (VALUES ('gateway_requests', 'id'), ('gateway_attempts', 'call_id')) kept (name, key)
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (MAXVALUE)', history.name || '_later', history.name, bound);
        CALL crochet_name_indexes((history.name || '_later')::regclass, 'later');
        CALL crochet_move_rows((history.name || '_before')::regclass, (history.name || '_later')::regclass, history.key, bound, NULL);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', history.name, history.name || '_before', bound);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I', history.name || '_before', history.name || '_bound');
        -- The application reaches partitions through their table, and not by themselves.
        EXECUTE format('REVOKE ALL ON %I FROM crochet_app', history.name || '_before');
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO crochet_app', history.name);
    END LOOP;
    PERFORM crochet_make_months(now(), NULL);
END
$$;
COMMENT ON TABLE gateway_requests IS 'One row per gateway call: where it stands, what it costs, what came of it. Changed only by crochet_relay::transition, under the row lock. In months, by the moment in the id.';
COMMENT ON TABLE gateway_attempts IS 'One row per forward of a call: when its lease was taken, and how it ended. In the months of the calls.';
