-- What the database does for one paid call, statement by statement, each step in a transaction of its own: what the
-- gateway does for many calls together. {ID}, {BUYER} and {SELLER} stand for expressions of :call and :buyer.
\set call random(1, 281474976710655)
\set buyer random(1, 1000)
-- The call is recorded.
BEGIN;
SELECT pg_advisory_xact_lock(1, hashtext({BUYER}::text));
SELECT clock_timestamp();
SELECT count(*) FROM gateway_requests WHERE buyer_id = {BUYER} AND state = ANY ('{quoting,quoted}') AND (state <> 'quoting' OR lease_until > clock_timestamp());
INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, gross_micros, fee_micros, seller_micros, fee_basis_points, state, quote_fence, attempt, lease_until, payment_seen, failures, next_check_at, checks, created_at, updated_at) VALUES ({ID}, {BUYER}, {SELLER}, {SELLER}, sha256('x'), '{"wallet": null, "currency": null, "chain_id": null}', 10000, 490, 9510, 490, 'quoting', 1, 0, clock_timestamp() + '30 s', false, 0, clock_timestamp() + '30 s', 0, clock_timestamp(), clock_timestamp()) ON CONFLICT DO NOTHING RETURNING id;
COMMIT;
-- The provider quotes.
BEGIN;
INSERT INTO mock_quotes (call_id, amount_micros, recipient) VALUES ({ID}, 10000, '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed') ON CONFLICT DO NOTHING RETURNING call_id;
COMMIT;
-- The terms are issued.
BEGIN;
SELECT * FROM gateway_requests WHERE id = {ID} FOR UPDATE;
SELECT clock_timestamp();
UPDATE gateway_requests SET state = 'quoted', lease_until = NULL, terms = ('{"provider": "mock", "provider_request_id": "' || {ID} || '", "scheme": "mock", "network": "eip155:8453", "origin_currency": "USDC", "origin_chain_id": 8453, "instructions": {"pay_url": "http://127.0.0.1:8080/api/v1/dev/mock-provider/pay", "method": "POST"}, "asset": "mock-usd", "recipient": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "expected_base_units": 10000, "fee_status": "accrued", "expires_at": "2099-01-01T00:00:00.000Z"}')::jsonb, next_check_at = clock_timestamp() + '30 s', updated_at = clock_timestamp() WHERE id = {ID};
COMMIT;
-- The buyer pays.
SELECT amount_micros, recipient FROM mock_quotes WHERE call_id = {ID};
BEGIN;
INSERT INTO mock_payments (reference, call_id, outcome, settles_at, amount_micros) VALUES ('mock-' || {ID}, {ID}, 'success', clock_timestamp(), 10000) ON CONFLICT (reference) DO UPDATE SET outcome = excluded.outcome;
COMMIT;
-- The buyer comes back, and the provider is asked.
SELECT * FROM gateway_requests WHERE id = {ID};
SELECT clock_timestamp();
BEGIN;
SELECT * FROM gateway_requests WHERE id = {ID} FOR UPDATE;
SELECT clock_timestamp();
UPDATE gateway_requests SET last_checked_at = clock_timestamp() WHERE id = {ID};
COMMIT;
SELECT amount_micros, recipient FROM mock_quotes WHERE call_id = {ID};
SELECT reference, call_id, outcome, settles_at, amount_micros FROM mock_payments WHERE call_id = {ID} ORDER BY created_at, reference;
-- The payment is settled, and the call goes to its seller.
BEGIN;
SELECT * FROM gateway_requests WHERE id = {ID} FOR UPDATE;
SELECT clock_timestamp();
INSERT INTO consumed_references (provider, reference, call_id, consumed_at) VALUES ('mock', 'mock-' || {ID}, {ID}, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING provider, reference;
UPDATE gateway_requests SET state = 'forwarding', attempt = 1, payment_seen = true, lease_until = clock_timestamp() + '45 s', settlement = ('{"id": "' || {ID} || '", "reference": "mock-' || {ID} || '", "received_base_units": 10000, "settled_at": "2026-05-03T12:00:00.000Z", "refunded": false}')::jsonb, next_check_at = clock_timestamp() + '45 s', updated_at = clock_timestamp() WHERE id = {ID};
INSERT INTO gateway_attempts (call_id, attempt, started_at) VALUES ({ID}, 1, clock_timestamp());
INSERT INTO ledger_entries (id, settlement_id, entry_type, direction, profile_id, call_id, listing_id, amount_micros, currency, fee_status, fee_collected_micros, provider, provider_reference, created_at) VALUES (gen_random_uuid(), {ID}, 'gateway_payment', 'debit', {BUYER}, {ID}, {SELLER}, 10000, 'USD', 'accrued', NULL, 'mock', 'mock-' || {ID}, clock_timestamp()), (gen_random_uuid(), {ID}, 'marketplace_fee', 'debit', {SELLER}, {ID}, {SELLER}, 490, 'USD', 'accrued', 0, 'mock', 'mock-' || {ID}, clock_timestamp()), (gen_random_uuid(), {ID}, 'seller_credit', 'credit', {SELLER}, {ID}, {SELLER}, 9510, 'USD', 'accrued', NULL, 'mock', 'mock-' || {ID}, clock_timestamp());
COMMIT;
-- The seller has answered.
BEGIN;
SELECT * FROM gateway_requests WHERE id = {ID} FOR UPDATE;
SELECT clock_timestamp();
INSERT INTO vault_usage (buyer_id, sealed_bytes) VALUES ({BUYER}, 300) ON CONFLICT (buyer_id) DO UPDATE SET sealed_bytes = vault_usage.sealed_bytes + excluded.sealed_bytes WHERE vault_usage.sealed_bytes + excluded.sealed_bytes <= 268435456 RETURNING buyer_id;
UPDATE gateway_requests SET state = 'delivered', lease_until = NULL, delivery = '{"seller_status": 200, "response_sha256": "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "response_bytes": 272, "latency_ms": 1, "attempt": 1, "vault_key_prefix": "am_k_Ab12", "delivered_at": "2026-05-03T12:00:00.000Z"}', next_check_at = clock_timestamp() + '1 day', updated_at = clock_timestamp() WHERE id = {ID};
UPDATE gateway_attempts SET outcome = 'delivered', seller_status = 200, latency_ms = 1 WHERE call_id = {ID} AND attempt = 1 AND outcome IS DISTINCT FROM 'delivered';
INSERT INTO response_vault (call_id, buyer_id, sealed, sealed_bytes, key_prefix, created_at, expires_at) VALUES ({ID}, {BUYER}, decode(repeat('ab', 300), 'hex'), 300, 'am_k_Ab12', clock_timestamp(), clock_timestamp() + '1 day') ON CONFLICT DO NOTHING RETURNING call_id;
COMMIT;
