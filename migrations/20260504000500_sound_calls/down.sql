ALTER TABLE gateway_requests
    ADD CONSTRAINT gateway_requests_body_sha256_check CHECK (octet_length(body_sha256) = 32),
    ADD CONSTRAINT gateway_requests_idempotency_key_check CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    ADD CONSTRAINT gateway_requests_fee_basis_points_check CHECK (fee_basis_points BETWEEN 0 AND 10000),
    ADD CONSTRAINT gateway_requests_quote_fence_check CHECK (quote_fence >= 0),
    ADD CONSTRAINT gateway_requests_attempt_check CHECK (attempt >= 0),
    ADD CONSTRAINT gateway_requests_failures_check CHECK (failures >= 0),
    ADD CONSTRAINT gateway_requests_checks_check CHECK (checks >= 0),
    ADD CONSTRAINT gateway_requests_known_state CHECK (state IN ('quoting', 'quote_refused', 'quoted', 'pending',
        'settled', 'forwarding', 'delivered', 'seller_failed', 'mispaid', 'expired', 'payment_failed')),
    ADD CONSTRAINT gateway_requests_price_is_whole CHECK (num_nulls(gross_micros, fee_micros, seller_micros, fee_basis_points) IN (0, 4)),
    ADD CONSTRAINT gateway_requests_price_adds_up CHECK (gross_micros = fee_micros + seller_micros AND fee_micros >= 0 AND seller_micros >= 0),
    ADD CONSTRAINT gateway_requests_worker_has_lease CHECK (state NOT IN ('quoting', 'forwarding') OR lease_until IS NOT NULL),
    ADD CONSTRAINT gateway_requests_forward_is_counted CHECK (state <> 'forwarding' OR attempt >= 1),
    ADD CONSTRAINT gateway_requests_no_unpaid_forward CHECK (gross_micros IS NULL OR settlement IS NOT NULL
        OR state NOT IN ('settled', 'forwarding', 'delivered', 'seller_failed')),
    ADD CONSTRAINT gateway_requests_free_is_never_paid CHECK (gross_micros IS NOT NULL OR (terms IS NULL AND settlement IS NULL
        AND state IN ('forwarding', 'delivered', 'seller_failed'))),
    ADD CONSTRAINT gateway_requests_settled_on_terms CHECK (settlement IS NULL OR (terms IS NOT NULL AND settlement_id IS NOT NULL
        AND settlement_reference IS NOT NULL AND is_refunded IS NOT NULL)),
    ADD CONSTRAINT gateway_requests_terms_were_issued CHECK (state NOT IN ('quoted', 'pending', 'mispaid', 'payment_failed') OR terms IS NOT NULL),
    ADD CONSTRAINT gateway_requests_refusal_is_named CHECK ((state = 'quote_refused') = (refusal IS NOT NULL)),
    ADD CONSTRAINT gateway_requests_delivery_is_final CHECK ((state = 'delivered') = (delivery IS NOT NULL)),
    ADD CONSTRAINT gateway_requests_successor_is_another CHECK (superseded_by <> id),
    DROP CONSTRAINT gateway_requests_is_sound;
DROP FUNCTION crochet_is_sound_call;
