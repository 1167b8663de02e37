-- Calls and their money. No sequences (every id is a UUIDv7 that the gateway makes), and no foreign keys that point at
-- gateway_requests: old calls can be archived without touching the books.

-- One row per call, moved on under its row lock. What is a column derived from a document (`settlement`, `terms`) is
-- generated, so that it cannot disagree with it.
CREATE TABLE gateway_requests (
    id                  uuid        PRIMARY KEY,
    buyer_id            uuid        NOT NULL,
    seller_id           uuid        NOT NULL,
    listing_id          uuid        NOT NULL,
    body_sha256         bytea       NOT NULL CHECK (octet_length(body_sha256) = 32),
    idempotency_key     text        CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    origin              jsonb       NOT NULL,
    gross_micros        bigint,
    fee_micros          bigint,
    seller_micros       bigint,
    fee_basis_points    integer     CHECK (fee_basis_points BETWEEN 0 AND 10000),
    state               text        NOT NULL,
    quote_fence         integer     NOT NULL CHECK (quote_fence >= 0),
    attempt             integer     NOT NULL CHECK (attempt >= 0),
    lease_until         timestamptz,
    terms               jsonb,
    refusal             jsonb,
    payment_seen        boolean     NOT NULL,
    payment_failure     text,
    last_checked_at     timestamptz,
    settlement          jsonb,
    failures            integer     NOT NULL CHECK (failures >= 0),
    retry_not_before    timestamptz,
    last_failure        jsonb,
    delivery            jsonb,
    superseded_by       uuid,
    next_check_at       timestamptz,
    checks              integer     NOT NULL CHECK (checks >= 0),
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    provider            text        GENERATED ALWAYS AS (terms ->> 'provider') STORED,
    provider_request_id text        GENERATED ALWAYS AS (terms ->> 'provider_request_id') STORED,
    settlement_id       uuid        GENERATED ALWAYS AS ((settlement ->> 'id')::uuid) STORED,
    settlement_reference text       GENERATED ALWAYS AS (settlement ->> 'reference') STORED,
    is_refunded         boolean     GENERATED ALWAYS AS ((settlement ->> 'refunded')::boolean) STORED,

    CONSTRAINT gateway_requests_known_state CHECK (state IN ('quoting', 'quote_refused', 'quoted', 'pending',
        'settled', 'forwarding', 'delivered', 'seller_failed', 'mispaid', 'expired', 'payment_failed')),
    CONSTRAINT gateway_requests_price_is_whole CHECK (num_nulls(gross_micros, fee_micros, seller_micros, fee_basis_points) IN (0, 4)),
    CONSTRAINT gateway_requests_price_adds_up CHECK (gross_micros = fee_micros + seller_micros AND fee_micros >= 0 AND seller_micros >= 0),
    CONSTRAINT gateway_requests_worker_has_lease CHECK (state NOT IN ('quoting', 'forwarding') OR lease_until IS NOT NULL),
    CONSTRAINT gateway_requests_forward_is_counted CHECK (state <> 'forwarding' OR attempt >= 1),
    -- No unpaid forward.
    CONSTRAINT gateway_requests_no_unpaid_forward CHECK (gross_micros IS NULL OR settlement IS NOT NULL
        OR state NOT IN ('settled', 'forwarding', 'delivered', 'seller_failed')),
    CONSTRAINT gateway_requests_free_is_never_paid CHECK (gross_micros IS NOT NULL OR (terms IS NULL AND settlement IS NULL
        AND state IN ('forwarding', 'delivered', 'seller_failed'))),
    CONSTRAINT gateway_requests_settled_on_terms CHECK (settlement IS NULL OR (terms IS NOT NULL AND settlement_id IS NOT NULL
        AND settlement_reference IS NOT NULL AND is_refunded IS NOT NULL)),
    CONSTRAINT gateway_requests_terms_were_issued CHECK (state NOT IN ('quoted', 'pending', 'mispaid', 'payment_failed') OR terms IS NOT NULL),
    CONSTRAINT gateway_requests_refusal_is_named CHECK ((state = 'quote_refused') = (refusal IS NOT NULL)),
    -- What is delivered stays delivered, and is never forwarded again.
    CONSTRAINT gateway_requests_delivery_is_final CHECK ((state = 'delivered') = (delivery IS NOT NULL)),
    CONSTRAINT gateway_requests_successor_is_another CHECK (superseded_by <> id)
);

CREATE INDEX gateway_requests_by_buyer ON gateway_requests (buyer_id, id DESC);
CREATE INDEX gateway_requests_by_seller ON gateway_requests (seller_id, id DESC);
CREATE INDEX gateway_requests_by_listing ON gateway_requests (listing_id, id DESC);
CREATE INDEX gateway_requests_open_quotes ON gateway_requests (buyer_id) WHERE state IN ('quoting', 'quoted', 'pending');
CREATE INDEX gateway_requests_by_successor ON gateway_requests (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX gateway_requests_due ON gateway_requests (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX gateway_requests_by_provider_request ON gateway_requests (provider, provider_request_id) WHERE provider_request_id IS NOT NULL;
CREATE UNIQUE INDEX gateway_requests_by_settlement ON gateway_requests (settlement_id) WHERE settlement_id IS NOT NULL;
COMMENT ON TABLE gateway_requests IS 'One row per gateway call: where it stands, what it costs, what came of it. Changed only by crochet_relay::transition, under the row lock.';
GRANT SELECT, INSERT, UPDATE ON gateway_requests TO crochet_app;

CREATE TABLE gateway_attempts (
    call_id       uuid        NOT NULL,
    attempt       integer     NOT NULL CHECK (attempt >= 1),
    started_at    timestamptz NOT NULL,
    outcome       text        CHECK (outcome IN ('delivered', 'failed', 'not_sent', 'unknown')),
    seller_status integer     CHECK (seller_status BETWEEN 0 AND 65535),
    latency_ms    bigint      CHECK (latency_ms >= 0),
    PRIMARY KEY (call_id, attempt)
);
COMMENT ON TABLE gateway_attempts IS 'One row per forward of a call: when its lease was taken, and how it ended.';
GRANT SELECT, INSERT, UPDATE ON gateway_attempts TO crochet_app;

CREATE TABLE idempotency_keys (
    buyer_id    uuid        NOT NULL,
    listing_id  uuid        NOT NULL,
    key         text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    call_id     uuid        NOT NULL,
    fingerprint bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (buyer_id, listing_id, key)
);
COMMENT ON TABLE idempotency_keys IS 'Which call a buyer''s Idempotency-Key was first used for, and with what. Goes some time after the last call of its chain has ended.';
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO crochet_app;

CREATE TABLE consumed_references (
    provider    text        NOT NULL,
    reference   text        NOT NULL,
    call_id     uuid        NOT NULL,
    consumed_at timestamptz NOT NULL,
    PRIMARY KEY (provider, reference)
);
COMMENT ON TABLE consumed_references IS 'Every payment that ever arrived, and the one call that it was taken for. Append-only.';
CALL crochet_make_append_only('consumed_references');

CREATE TABLE ledger_entries (
    id                   uuid        PRIMARY KEY,
    settlement_id        uuid        NOT NULL,
    entry_type           text        NOT NULL CHECK (entry_type IN ('gateway_payment', 'marketplace_fee', 'seller_credit', 'adjustment')),
    adjusts              text        CHECK (adjusts IN ('gateway_payment', 'marketplace_fee', 'seller_credit')),
    direction            text        NOT NULL CHECK (direction IN ('debit', 'credit')),
    profile_id           uuid        NOT NULL,
    call_id              uuid        NOT NULL,
    listing_id           uuid        NOT NULL,
    amount_micros        bigint      NOT NULL CHECK (amount_micros >= 0),
    currency             text        NOT NULL CHECK (currency = 'USD'),
    fee_status           text        NOT NULL CHECK (fee_status IN ('at_source', 'accrued')),
    fee_collected_micros bigint      CHECK (fee_collected_micros >= 0),
    provider             text        NOT NULL,
    provider_reference   text        NOT NULL,
    created_at           timestamptz NOT NULL,
    CONSTRAINT ledger_entries_adjustment_names_its_type CHECK ((entry_type = 'adjustment') = (adjusts IS NOT NULL)),
    CONSTRAINT ledger_entries_original_direction CHECK (entry_type = 'adjustment' OR (entry_type = 'seller_credit') = (direction = 'credit')),
    CONSTRAINT ledger_entries_fee_collected_on_fees CHECK ((coalesce(adjusts, entry_type) = 'marketplace_fee') = (fee_collected_micros IS NOT NULL))
);
CREATE UNIQUE INDEX ledger_entries_one_original_of_each_type ON ledger_entries (settlement_id, entry_type) WHERE entry_type <> 'adjustment';
CREATE UNIQUE INDEX ledger_entries_one_payment_per_reference ON ledger_entries (provider, provider_reference) WHERE entry_type = 'gateway_payment';
CREATE INDEX ledger_entries_by_profile ON ledger_entries (profile_id, id DESC);
CREATE INDEX ledger_entries_adjustments ON ledger_entries (profile_id, id DESC) WHERE entry_type = 'adjustment';
CREATE INDEX ledger_entries_adjusted ON ledger_entries (settlement_id) WHERE entry_type = 'adjustment';
COMMENT ON TABLE ledger_entries IS 'The books: three entries per settlement, corrections as adjustments, all amounts in micro-dollars. Append-only.';
CALL crochet_make_append_only('ledger_entries');

CREATE TABLE orphan_payments (
    id         uuid        PRIMARY KEY,
    call_id    uuid        NOT NULL,
    buyer_id   uuid        NOT NULL,
    provider   text        NOT NULL,
    reference  text        NOT NULL,
    payment    jsonb       NOT NULL,
    reason     text        NOT NULL CHECK (reason IN ('second_payment', 'mismatch', 'reference_reused')),
    noticed_at timestamptz NOT NULL,
    CONSTRAINT orphan_payments_noted_once UNIQUE (provider, reference, call_id)
);
CREATE INDEX orphan_payments_by_call ON orphan_payments (call_id);
CREATE INDEX orphan_payments_by_buyer ON orphan_payments (buyer_id, id DESC);
COMMENT ON TABLE orphan_payments IS 'Money that arrived and bought nothing, for buyer and operator to see. Append-only.';
CALL crochet_make_append_only('orphan_payments');

CREATE TABLE response_vault (
    call_id      uuid        PRIMARY KEY,
    buyer_id     uuid        NOT NULL,
    sealed       bytea       NOT NULL,
    sealed_bytes bigint      NOT NULL CHECK (sealed_bytes = octet_length(sealed)),
    key_prefix   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
-- Ciphertext does not compress.
ALTER TABLE response_vault ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX response_vault_by_buyer ON response_vault (buyer_id, expires_at) INCLUDE (sealed_bytes);
CREATE INDEX response_vault_expired ON response_vault (expires_at);
COMMENT ON TABLE response_vault IS 'Delivered responses, sealed for the API key that paid for them. The gateway cannot open them.';
GRANT SELECT, INSERT, DELETE ON response_vault TO crochet_app;

CREATE TABLE mock_quotes (
    call_id       uuid        PRIMARY KEY,
    amount_micros bigint      NOT NULL CHECK (amount_micros >= 0),
    recipient     text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE mock_quotes IS 'The mock payment provider''s memory of what it quoted. Development only.';
GRANT SELECT, INSERT ON mock_quotes TO crochet_app;

CREATE TABLE mock_payments (
    reference     text        PRIMARY KEY,
    call_id       uuid        NOT NULL,
    outcome       text        NOT NULL CHECK (outcome IN ('success', 'pending', 'failure', 'refund')),
    settles_at    timestamptz NOT NULL,
    amount_micros bigint      NOT NULL CHECK (amount_micros >= 0),
    -- What they are ordered by: to the microsecond.
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX mock_payments_by_call ON mock_payments (call_id);
COMMENT ON TABLE mock_payments IS 'The mock payment provider''s memory of what it was paid. Development only.';
GRANT SELECT, INSERT, UPDATE ON mock_payments TO crochet_app;
