ALTER TABLE gateway_requests DROP CONSTRAINT IF EXISTS gateway_requests_bound;
ALTER TABLE gateway_attempts DROP CONSTRAINT IF EXISTS gateway_attempts_bound;
