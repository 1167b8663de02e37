-- One slice of calls and of their money: groups bench.first to bench.last, of bench.calls_a_group calls each. Of a group, the
-- first was quoted and never paid, the second was paid and settled (three ledger entries), the others were free. Everything
-- that varies is drawn from the group's number, so a fill can be repeated. Rows are such as the gateway writes: the
-- books balance, and `crochet audit` passes.
--
-- Parameters, by SET: bench.first, bench.last; bench.start (epoch milliseconds of the first call), bench.span
-- (milliseconds from the first to the last), bench.calls_a_group and bench.calls (how many there are in all). Tables: bench_people and
-- bench_listings, of people.sql.
CREATE TEMPORARY TABLE slice ON COMMIT DROP AS
SELECT call.*,
       bench_id('call', n, at) AS id,
       to_timestamp(at / 1000.0) AS created_at,
       CASE kind
           WHEN 'unpaid' THEN CASE
               WHEN luck < 10 THEN 'mispaid'
               WHEN luck < 20 THEN 'payment_failed'
               WHEN luck < 30 THEN 'quote_refused'
               ELSE 'expired' END
           WHEN 'paid' THEN CASE
               WHEN luck < 100 THEN 'seller_failed'
               WHEN luck < 105 THEN 'settled'
               ELSE 'delivered' END
           ELSE 'delivered' END AS state,
       -- What was given back after delivery: the books have adjustments.
       kind = 'paid' AND luck BETWEEN 200 AND 249 AS is_refunded
  FROM (
    SELECT part.*, bench_moment(n) AS at,
           -- The unpaid call's successor is the paid one that follows it, now and then.
           CASE WHEN kind = 'unpaid' AND luck % 10 = 0
                THEN bench_id('call', n + 1, bench_moment(n + 1))
           END AS superseded_by
      FROM (
        SELECT g * current_setting('bench.calls_a_group')::bigint + parts.place AS n, kind, luck, buyer.id AS buyer_id, listing.seller_id, listing.id AS listing_id,
               1000 + (luck * 97) % 900000 AS gross
          FROM (
            SELECT g, abs(hashint8(g) % 10000) AS luck,
                   CASE WHEN g % 20000 = 7 THEN 0                          -- the quiet one, now and then
                        WHEN g % 10 < 6 THEN 1                             -- the busy one
                        ELSE 2 + abs(hashint8(g + 1) % (SELECT count(*) - 2 FROM bench_people)) END AS buyer_place,
                   CASE WHEN g % 50000 = 11 THEN 1                         -- the busy seller's least called listing
                        WHEN g % 10 < 8 THEN 2 + abs(hashint8(g + 2) % 19) -- its others
                        ELSE 21 + abs(hashint8(g + 3) % (SELECT count(*) - 20 FROM bench_listings)) END AS listing_place
              FROM generate_series(current_setting('bench.first')::bigint, current_setting('bench.last')::bigint) g
          ) grp
          JOIN bench_people buyer ON buyer.place = buyer_place
          JOIN bench_listings listing ON listing.place = listing_place
         CROSS JOIN (SELECT place, CASE place WHEN 0 THEN 'unpaid' WHEN 1 THEN 'paid' ELSE 'free' END AS kind
                       FROM generate_series(0, current_setting('bench.calls_a_group')::integer - 1) place) parts
      ) part
  ) call;

INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, gross_micros, fee_micros,
    seller_micros, fee_basis_points, state, quote_fence, attempt, terms, refusal, payment_seen, payment_failure,
    settlement, failures, delivery, superseded_by, checks, created_at, updated_at)
SELECT id, buyer_id, seller_id, listing_id, sha256(n::text::bytea), '{"wallet_id": null, "currency": null, "chain_id": null}',
       CASE WHEN kind <> 'free' THEN gross END,
       CASE WHEN kind <> 'free' THEN gross * 490 / 10000 END,
       CASE WHEN kind <> 'free' THEN gross - gross * 490 / 10000 END,
       CASE WHEN kind <> 'free' THEN 490 END,
       state, (kind <> 'free')::integer, (state IN ('delivered', 'seller_failed'))::integer,
       CASE WHEN kind <> 'free' AND state <> 'quote_refused' THEN jsonb_build_object(
           'provider', 'mock', 'provider_request_id', 'quote-' || n, 'scheme', 'mock',
           'network', 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp', 'origin_currency', 'SOL', 'origin_chain_id', 792703809,
           'instructions', jsonb_build_object('pay_url', 'http://127.0.0.1:8080/api/v1/mock-provider/payments/relay_' || id || '/pay', 'method', 'POST'),
           'asset', 'usdc', 'recipient', seller_id, 'expected_base_units', gross, 'fee_status', 'accrued',
           'expires_at', bench_time(at + 900000)) END,
       CASE WHEN state = 'quote_refused' THEN '{"code": "route_unavailable", "detail": "there is no such route"}'::jsonb END,
       kind = 'paid' OR state IN ('mispaid', 'payment_failed'),
       CASE WHEN state = 'payment_failed' THEN 'the transfer was reverted' END,
       CASE WHEN kind = 'paid' THEN jsonb_build_object(
           'id', bench_id('settlement', n, at + 2000), 'reference', 'mock_' || n, 'received_base_units', gross,
           'settled_at', bench_time(at + 2000), 'refunded', is_refunded) END,
       (state = 'seller_failed')::integer,
       CASE WHEN state = 'delivered' THEN jsonb_build_object(
           'seller_status', 200, 'response_sha256', encode(sha256(n::text::bytea), 'hex'), 'response_bytes', 400 + luck,
           'latency_ms', 20 + luck % 500, 'attempt', 1, 'vault_key_prefix', NULL, 'delivered_at', bench_time(at + 3000)) END,
       superseded_by, 0, created_at, created_at + interval '3 seconds'
  FROM slice
 ORDER BY n;

INSERT INTO gateway_attempts (call_id, attempt, started_at, outcome, seller_status, latency_ms)
SELECT id, 1, created_at + interval '2 seconds', CASE state WHEN 'delivered' THEN 'delivered' ELSE 'failed' END,
       CASE state WHEN 'delivered' THEN 200 ELSE 503 END, 20 + luck % 500
  FROM slice
 WHERE state IN ('delivered', 'seller_failed')
 ORDER BY n;

INSERT INTO consumed_references (provider, reference, call_id, consumed_at)
SELECT 'mock', 'mock_' || n, id, created_at + interval '2 seconds'
  FROM slice
 WHERE kind = 'paid' OR state = 'mispaid';

INSERT INTO orphan_payments (id, call_id, buyer_id, provider, reference, payment, reason, noticed_at)
SELECT bench_id('orphan', n, at + 2000), id, buyer_id, 'mock', 'mock_' || n,
       jsonb_build_object('reference', 'mock_' || n, 'provider_request_id', 'quote-' || n, 'asset', 'usdc',
                          'recipient', seller_id, 'base_units', 1),
       'mismatch', created_at + interval '2 seconds'
  FROM slice
 WHERE state = 'mispaid';

INSERT INTO ledger_entries (id, settlement_id, entry_type, adjusts, direction, profile_id, call_id, listing_id,
    amount_micros, currency, fee_status, fee_collected_micros, provider, provider_reference, created_at)
SELECT bench_id(entry.type || coalesce(entry.adjusts, ''), n, written.at), bench_id('settlement', n, slice.at + 2000), entry.type,
       entry.adjusts, entry.direction, CASE WHEN entry.part = 'gateway_payment' THEN buyer_id ELSE seller_id END,
       slice.id, listing_id,
       CASE entry.part WHEN 'gateway_payment' THEN gross WHEN 'marketplace_fee' THEN gross * 490 / 10000
            ELSE gross - gross * 490 / 10000 END,
       'USD', 'accrued', CASE WHEN entry.part = 'marketplace_fee' THEN 0 END, 'mock', 'mock_' || n,
       to_timestamp(written.at / 1000.0)
  FROM slice
 CROSS JOIN (VALUES ('gateway_payment', NULL, 'debit', 'gateway_payment'),
                    ('marketplace_fee', NULL, 'debit', 'marketplace_fee'),
                    ('seller_credit', NULL, 'credit', 'seller_credit'),
                    ('adjustment', 'gateway_payment', 'credit', 'gateway_payment'),
                    ('adjustment', 'marketplace_fee', 'credit', 'marketplace_fee'),
                    ('adjustment', 'seller_credit', 'debit', 'seller_credit')) entry (type, adjusts, direction, part)
 CROSS JOIN LATERAL (SELECT slice.at + CASE WHEN entry.adjusts IS NULL THEN 2000 ELSE 60000 END AS at) written
 WHERE kind = 'paid' AND (entry.adjusts IS NULL OR is_refunded)
 ORDER BY n, entry.adjusts NULLS FIRST;
