-- What a call can be, as one rule (docs/adr/0038): PostgreSQL reads the text of every CHECK anew for each statement that
-- writes to a table, which for nineteen of them took half as long as the rest of a small statement. A function it reads
-- once a session. What is refused still says by which rule, under the name that it had.
CREATE FUNCTION crochet_is_sound_call(
    id uuid, body_sha256 bytea, idempotency_key text, gross_micros bigint, fee_micros bigint, seller_micros bigint,
    fee_basis_points integer, state text, quote_fence integer, attempt integer, lease_until timestamptz, terms jsonb,
    refusal jsonb, settlement jsonb, failures integer, delivery jsonb, superseded_by uuid, checks integer,
    settlement_id uuid, settlement_reference text, is_refunded boolean
) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN octet_length(body_sha256) <> 32 THEN 'body_sha256_check'
        WHEN length(idempotency_key) NOT BETWEEN 1 AND 255 THEN 'idempotency_key_check'
        WHEN fee_basis_points NOT BETWEEN 0 AND 10000 THEN 'fee_basis_points_check'
        WHEN quote_fence < 0 THEN 'quote_fence_check'
        WHEN attempt < 0 THEN 'attempt_check'
        WHEN failures < 0 THEN 'failures_check'
        WHEN checks < 0 THEN 'checks_check'
        WHEN state NOT IN ('quoting', 'quote_refused', 'quoted', 'pending', 'settled', 'forwarding', 'delivered',
                           'seller_failed', 'mispaid', 'expired', 'payment_failed') THEN 'known_state'
        WHEN num_nulls(gross_micros, fee_micros, seller_micros, fee_basis_points) NOT IN (0, 4) THEN 'price_is_whole'
        WHEN NOT (gross_micros = fee_micros + seller_micros AND fee_micros >= 0 AND seller_micros >= 0)
            THEN 'price_adds_up'
        WHEN state IN ('quoting', 'forwarding') AND lease_until IS NULL THEN 'worker_has_lease'
        WHEN state = 'forwarding' AND attempt < 1 THEN 'forward_is_counted'
        -- No unpaid forward.
        WHEN gross_micros IS NOT NULL AND settlement IS NULL
            AND state IN ('settled', 'forwarding', 'delivered', 'seller_failed') THEN 'no_unpaid_forward'
        WHEN gross_micros IS NULL AND NOT (terms IS NULL AND settlement IS NULL
            AND state IN ('forwarding', 'delivered', 'seller_failed')) THEN 'free_is_never_paid'
        WHEN settlement IS NOT NULL AND num_nulls(terms, settlement_id, settlement_reference, is_refunded) > 0
            THEN 'settled_on_terms'
        WHEN state IN ('quoted', 'pending', 'mispaid', 'payment_failed') AND terms IS NULL THEN 'terms_were_issued'
        WHEN (state = 'quote_refused') <> (refusal IS NOT NULL) THEN 'refusal_is_named'
        -- What is delivered stays delivered, and is never forwarded again.
        WHEN (state = 'delivered') <> (delivery IS NOT NULL) THEN 'delivery_is_final'
        WHEN superseded_by = id THEN 'successor_is_another'
    END;
    IF broken IS NOT NULL THEN
        RAISE check_violation USING TABLE = 'gateway_requests', CONSTRAINT = 'gateway_requests_' || broken,
            MESSAGE = format('call %s in state %s violates check constraint "gateway_requests_%s"', id, state, broken);
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION crochet_is_sound_call IS 'What a row of gateway_requests can be; raises check_violation with the name of the rule that it breaks.';

-- All rows are as the rules were, and these say the same: the next migration reads them through once more, under a lock
-- that lets calls go on.
ALTER TABLE gateway_requests
    ADD CONSTRAINT gateway_requests_is_sound CHECK (crochet_is_sound_call(
        id, body_sha256, idempotency_key, gross_micros, fee_micros, seller_micros, fee_basis_points, state, quote_fence,
        attempt, lease_until, terms, refusal, settlement, failures, delivery, superseded_by, checks, settlement_id,
        settlement_reference, is_refunded)) NOT VALID,
    DROP CONSTRAINT gateway_requests_body_sha256_check,
    DROP CONSTRAINT gateway_requests_idempotency_key_check,
    DROP CONSTRAINT gateway_requests_fee_basis_points_check,
    DROP CONSTRAINT gateway_requests_quote_fence_check,
    DROP CONSTRAINT gateway_requests_attempt_check,
    DROP CONSTRAINT gateway_requests_failures_check,
    DROP CONSTRAINT gateway_requests_checks_check,
    DROP CONSTRAINT gateway_requests_known_state,
    DROP CONSTRAINT gateway_requests_price_is_whole,
    DROP CONSTRAINT gateway_requests_price_adds_up,
    DROP CONSTRAINT gateway_requests_worker_has_lease,
    DROP CONSTRAINT gateway_requests_forward_is_counted,
    DROP CONSTRAINT gateway_requests_no_unpaid_forward,
    DROP CONSTRAINT gateway_requests_free_is_never_paid,
    DROP CONSTRAINT gateway_requests_settled_on_terms,
    DROP CONSTRAINT gateway_requests_terms_were_issued,
    DROP CONSTRAINT gateway_requests_refusal_is_named,
    DROP CONSTRAINT gateway_requests_delivery_is_final,
    DROP CONSTRAINT gateway_requests_successor_is_another;
