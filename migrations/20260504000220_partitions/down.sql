-- Copies all of history into tables without partitions, while nobody else uses it.
LOCK TABLE gateway_requests, gateway_attempts IN ACCESS EXCLUSIVE MODE;
DROP FUNCTION crochet_months_ahead(timestamptz);
DROP FUNCTION crochet_make_months(timestamptz, integer);
DROP PROCEDURE crochet_name_indexes(regclass, text);
DROP VIEW history_partitions;
DO $$
DECLARE
    history record;
BEGIN
    FOR history IN SELECT * FROM (VALUES ('gateway_requests', 'id'), ('gateway_attempts', 'call_id')) kept (name, key)
    LOOP
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE '
                       'INCLUDING COMMENTS)', history.name || '_whole', history.name);
        CALL crochet_move_rows(history.name::regclass, (history.name || '_whole')::regclass, history.key, NULL, NULL);
        EXECUTE format('DROP TABLE %I', history.name);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', history.name || '_whole', history.name);
    END LOOP;
END
$$;
DROP PROCEDURE crochet_move_rows(regclass, regclass, name, uuid, uuid);
DROP FUNCTION crochet_moment_of(uuid);
DROP FUNCTION crochet_first_id(timestamptz);
DROP FUNCTION crochet_next_month(timestamptz);
DROP FUNCTION crochet_month_of(timestamptz);

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
CREATE UNIQUE INDEX gateway_requests_by_settlement ON gateway_requests (settlement_id) WHERE settlement_id IS NOT NULL;
CREATE INDEX gateway_requests_unfinished ON gateway_requests (state, lease_until)
    WHERE (state IN ('quoting', 'quoted', 'pending', 'settled', 'forwarding')
       OR (state = 'seller_failed' AND gross_micros IS NOT NULL)) IS TRUE;
ALTER TABLE gateway_attempts ADD CONSTRAINT gateway_attempts_pkey PRIMARY KEY (call_id, attempt);
COMMENT ON TABLE gateway_requests IS 'One row per gateway call: where it stands, what it costs, what came of it. Changed only by crochet_relay::transition, under the row lock.';
COMMENT ON TABLE gateway_attempts IS 'One row per forward of a call: when its lease was taken, and how it ended.';
GRANT SELECT, INSERT, UPDATE ON gateway_requests TO crochet_app;
GRANT SELECT, INSERT, UPDATE ON gateway_attempts TO crochet_app;
